# launchgate: the targets that people and CI use. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

P ?= TMinus5
FAULT ?=
FUZZTIME ?= 30s
ENDPOINT ?=
# PHASES lists each page as phase:package, in the runbook's order.
PHASES := Plan:gates/plan TMinus7:gates/tminus7 TMinus5:gates/tminus5 TMinus3:gates/tminus3 TMinus2:gates/tminus2 TMinus1:gates/tminus1 TMinus0:gates/tminus0 LaunchDay:gates/launchday Smoke:smoke Rollback:rollback
# DEMO are the pages that the sandbox has all counterparts for.
DEMO := Plan TMinus7 TMinus5 TMinus3 TMinus2 TMinus1 TMinus0
TESTS := ./internal/... ./fixtures/... ./cmd/...
# These need more than Go and PostgreSQL's programs: real servers, Docker and act. CI runs them; see `make verify`.
HEAVY := internal/workflows fixtures/realservers fixtures/pgtest internal/rehearsal
TOOL := go tool -modfile=go.tool.mod

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: bin/launchgate bin/test2json $(DEMO:%=bin/%.test) ## Run the pages before the launch in the sandbox; FAULT=dns.stale-resolver breaks one thing (`bin/launchgate sandbox --list`)
	@LAUNCH_EXECUTE=$$(sed -n 's/^launch: *\([^ #]*\).*/\1/p' launch.yaml) bin/launchgate sandbox $(if $(FAULT),--fault $(FAULT)) -- bash -c 'for page in $(DEMO); do bin/launchgate run $$page || red="$$red $$page"; done; if [ -n "$$red" ]; then echo "not GO:$$red"; exit 1; fi'

.PHONY: gate
gate: build ## Run one gate or section in the configured environment: make gate G=TMinus5/DNS
	bin/launchgate run $(G)

.PHONY: phase
phase: build ## Run one phase as CI does and print its verdict: make phase P=TMinus5
	bin/launchgate run $(P)

.PHONY: deploy
deploy: build ## Deploy project.version (rehearses unless LAUNCH_EXECUTE=<launch id>)
	bin/launchgate run LaunchDay/D3_Deploy --timeout 45m

.PHONY: rollback
rollback: build ## Bring the previous version back (rehearses unless LAUNCH_EXECUTE=<launch id>)
	bin/launchgate run Rollback/Proc --timeout 45m

.PHONY: drill
drill: bin/launchgate ## Restore the database, by its newest backup and to a point in time (rehearses unless LAUNCH_EXECUTE=<launch id>)
	bin/launchgate drill restore
	bin/launchgate drill pitr

.PHONY: build
build: bin/launchgate bin/test2json $(foreach page,$(PHASES),bin/$(word 1,$(subst :, ,$(page))).test) ## Compile launchgate and every page once, into bin/

# The go command knows what is up to date, so these always ask it.
.PHONY: FORCE
FORCE:

bin/launchgate: FORCE
	@go build -o $@ ./cmd/launchgate

bin/test2json: FORCE
	@go build -o $@ cmd/test2json

bin/%.test: FORCE
	@go test -c -o $@ ./$(patsubst $*:%,%,$(filter $*:%,$(PHASES)))

.PHONY: engine
engine: ## Prepare this machine for tests, rehearsals and drills with PostgreSQL: its programs, Docker, and the image of fixtures/pgtest
	fixtures/pgtest/engine.sh

.PHONY: test
test: ## Run the suite's own tests: hermetic, Go and PostgreSQL's programs only
	$(TOOL) gotestsum --format pkgname-and-test-fails -- -count=1 -timeout 30m -skip '^TestInContainers' $$(go list $(TESTS) | grep -v -E '$(subst $() ,|,$(HEAVY))')

.PHONY: heavy
heavy: build bin/act engine ## Run the tests against nsd, bind9, unbound, nginx, Prometheus and PostgreSQL in containers, and the workflows under act
	ACT=$(CURDIR)/bin/act $(TOOL) gotestsum --format testname -- -count=1 -timeout 20m $(addprefix ./,$(addsuffix /...,$(HEAVY)))
	$(TOOL) gotestsum --format testname -- -count=1 -run '^TestInContainers' ./internal/drill

bin/act: go.tool.mod
	@mkdir -p bin
	go build -modfile=go.tool.mod -o bin/act github.com/nektos/act

# Packages that start goroutines or hold locks: elsewhere there is nothing to race. What fixtures/sandbox tests are processes that are not built with it.
RACE = $$(grep -rlE --include='*.go' --exclude='*_test.go' '"sync"|"sync/atomic"|\.Go\(func|^\s*go func' internal fixtures cmd | xargs -n1 dirname | sort -u | grep -v -E '$(subst $() ,|,$(HEAVY) testdata fixtures/sandbox$$)' | sed 's|^|./|')

.PHONY: race
race:
	go test -race -count=1 -timeout 15m -skip '^TestInContainers' $(RACE)

.PHONY: generate
generate: ## Write the generated files: gates/CHECKLIST.md, the catalogue, launch.schema.json
	go run ./cmd/launchgate list --write
	go test ./internal/launch -run "^TestSchemaIsCommitted$$" -update

.PHONY: lint
lint:
	go mod tidy -diff
	go vet ./...
	$(TOOL) golangci-lint run --allow-parallel-runners

.PHONY: verify
verify: lint generate ## What CI runs: lint, generated files, all tests
	git diff --exit-code
	$(MAKE) --no-print-directory test race heavy

.PHONY: contract
contract: ## Compare the AWS stand-in with another endpoint: make contract ENDPOINT=aws, or the URL of an emulator; docs/aws-contract.md
	go run ./fixtures/awstest/contract "$(ENDPOINT)"

.PHONY: bench
bench: ## Measure start-up and the T-5 page at 100 ms round-trip time, the DNS page against zonemaster-cli, and a grade against testssl.sh and sslscan
	go test -run '^$$' -bench . -benchtime 3x ./fixtures/sandbox ./internal/probe/tlsprobe
	go test -run '^$$' -bench GradeAgainst -benchtime 1x -timeout 20m ./fixtures/realservers
	unshare -Urn $$(command -v go) test -run '^$$' -bench AgainstZonemaster -benchtime 3x ./fixtures/realservers

.PHONY: fuzz
fuzz: ## Fuzz every parser, FUZZTIME each (default 30s)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' internal | sed -E 's|^(.*)/[^/]*:func (.*)$$|\1 \2|' | sort -u | while read -r dir name; do \
		echo "$$dir $$name"; go test ./$$dir -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME); done

.PHONY: vuln
vuln: ## Check dependencies against the Go vulnerability database (needs the internet)
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...
