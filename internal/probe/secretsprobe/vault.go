// Package secretsprobe claims things about the launch's secrets in AWS Secrets Manager. Values are read and judged in this
// process only: evidence and messages carry lengths and never a value, and every value is registered with package redact before
// anything can be said about it.
package secretsprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Needs are the calls that the probe makes. The batch call needs the permission of the single one for each secret.
var Needs = awsprobe.Needs{
	"Secrets Manager.BatchGetSecretValue": {Action: "secretsmanager:BatchGetSecretValue", On: awsprobe.Everything, Also: "secretsmanager:GetSecretValue", AlsoOn: awsprobe.Secrets},
}

// Vault is the secrets of one launch. All of them are read at once, in as few calls as the API takes.
type Vault struct {
	account *awsprobe.Account
	ids     []string
	seen    probe.Memo[string, opened]
}

type opened struct {
	secrets map[string]secret // by the id that was asked for
	from    string
}

// secret is one secret as it is now.
type secret struct {
	arn     string
	value   value
	changed time.Time
	refused string // why the service did not give it; empty where it did
}

// value gives a secret's value. It is a function because package fmt prints what is in a field of any other kind, its methods
// notwithstanding.
type value func() string

func hold(text string) value { return func() string { return text } }

// New returns a vault of the secrets with these names or ARNs.
func New(account *awsprobe.Account, ids ...string) *Vault {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" })
	slices.Sort(ids)
	return &Vault{account: account, ids: slices.Compact(ids)}
}

// get is the secret with an id, or why nobody can tell what it is.
func (v *Vault) get(ctx context.Context, id string) (secret, string, error) {
	all, err := v.seen.Try(ctx, "the secrets of the launch", awsprobe.Patience, v.open)
	if err != nil {
		return secret{}, all.from, err
	}
	s, answered := all.secrets[id]
	switch {
	case !answered:
		return s, all.from, &probe.Unknown{Class: "aws.error", Want: "the secret " + id, Got: "neither a value nor an error", From: all.from, Fix: "run again"}
	case s.refused == "ResourceNotFoundException":
		return s, all.from, &probe.Unmet{Class: "secret.missing", Want: "the secret " + id, Got: "none with a current version", From: all.from, Fix: "create it, or correct its id in launch.yaml"}
	case s.refused == "InvalidRequestException":
		return s, all.from, &probe.Unmet{Class: "secret.deleted", Want: "the secret " + id, Got: "one that is marked for deletion", From: all.from, Fix: "restore it"}
	case s.refused == "AccessDeniedException":
		return s, all.from, &probe.Unknown{Class: "aws.denied", Want: "the secret " + id, Got: s.refused, From: all.from,
			Fix: "allow secretsmanager:GetSecretValue on it (and kms:Decrypt on its key); `launchgate iam-policy` prints all that is needed"}
	case s.refused != "":
		return s, all.from, &probe.Unknown{Class: "aws.error", Want: "the secret " + id, Got: s.refused, From: all.from, Fix: "ask AWS for the cause"}
	}
	return s, all.from, nil
}

// batch is how many secrets one call may ask for.
const batch = 20

func (v *Vault) open(ctx context.Context) (opened, error) {
	cfg, who, err := v.account.Open(ctx, Needs)
	all := opened{secrets: map[string]secret{}, from: "secretsmanager:BatchGetSecretValue as " + who.String()}
	if err != nil {
		return all, err
	}
	client := secretsmanager.NewFromConfig(cfg)
	for ids := range slices.Chunk(v.ids, batch) {
		if err := read(ctx, client, ids, all.secrets); err != nil {
			return all, awsprobe.Unreadable("secretsmanager:BatchGetSecretValue", "the secrets of the launch", who, err)
		}
	}
	return all, nil
}

// read asks for some secrets, all pages.
func read(ctx context.Context, client secretsmanager.BatchGetSecretValueAPIClient, ids []string, into map[string]secret) error {
	pages := secretsmanager.NewBatchGetSecretValuePaginator(client, &secretsmanager.BatchGetSecretValueInput{SecretIdList: ids})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, entry := range page.SecretValues {
			text := aws.ToString(entry.SecretString)
			if err := redact.Register(aws.ToString(entry.Name), text); err != nil {
				text = "" // too short to be kept out of the output, and so to be a secret: judged as an empty one
			}
			s := secret{arn: aws.ToString(entry.ARN), value: hold(text), changed: aws.ToTime(entry.CreatedDate)}
			if !slices.Contains(entry.VersionStages, "AWSCURRENT") {
				s.refused = fmt.Sprintf("a version that is not current: %v", entry.VersionStages)
			}
			for _, id := range ids {
				if id == aws.ToString(entry.Name) || id == s.arn {
					into[id] = s
				}
			}
		}
		for _, refused := range page.Errors {
			into[aws.ToString(refused.SecretId)] = secret{refused: aws.ToString(refused.ErrorCode)}
		}
	}
	return nil
}

// Value gives the secret's value to a probe that has to speak with it.
func (v *Vault) Value(id string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		s, _, err := v.get(ctx, id)
		if err != nil {
			return "", err
		}
		return s.value(), nil
	}
}

// Changed is when the secret got the value that it has now.
func (v *Vault) Changed(id string) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		s, _, err := v.get(ctx, id)
		return s.changed, err
	}
}

// ARN is the secret's ARN.
func (v *Vault) ARN(id string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		s, _, err := v.get(ctx, id)
		return s.arn, err
	}
}
