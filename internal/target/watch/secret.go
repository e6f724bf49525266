package watch

import (
	"context"

	"github.com/getdrop/launchgate/internal/launch"
)

// reveal reads a secret when it is needed; nil where launch.yaml refers to none.
func reveal(s launch.Secret) func(context.Context) (string, error) {
	if s.IsZero() {
		return nil
	}
	return s.Reveal
}
