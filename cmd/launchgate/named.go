package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target/database"
)

// namedServer is the server that LAUNCHGATE_POSTGRES names; nil where it names none. It is refused where it may be one of the launch's own.
// What the variable refers to does not stay in the environment, where programs of the launch would see it.
func namedServer(ctx context.Context, l *launch.Launch, c pgtest.NamedConfig) (*pgtest.Named, error) {
	if !pgtest.IsNamed() {
		return nil, nil
	}
	var secret launch.Secret
	if err := secret.UnmarshalText([]byte(os.Getenv(pgtest.Variable))); err != nil {
		return nil, fmt.Errorf("want secret:env:NAME or secret:file:path of a connection string as %s: %w", pgtest.Variable, err)
	}
	dsn, err := database.Reveal(ctx, secret)
	if err != nil {
		return nil, fmt.Errorf("the server that %s names: %w", pgtest.Variable, err)
	}
	if strings.HasPrefix(os.Getenv(pgtest.Variable), "secret:env:") {
		if err := os.Unsetenv(secret.Name()); err != nil {
			return nil, err
		}
	}
	c.Apart = func(ctx context.Context, address, system string) error {
		return database.Apart(ctx, l, address, system)
	}
	return pgtest.OpenNamed(ctx, dsn, c)
}
