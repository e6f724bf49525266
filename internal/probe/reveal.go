package probe

import "context"

// Reveal reads a secret that launch.yaml refers to under a key; nil where it names none. Its error is *Unknown, and never has the value.
func Reveal(ctx context.Context, key string, secret func(context.Context) (string, error)) (string, error) {
	want := "the secret " + key
	if secret == nil {
		return "", &Unknown{Class: "not-configured", Want: want, Got: "none in launch.yaml", Fix: "add it, as secret:env:NAME"}
	}
	value, err := secret(ctx)
	if err != nil {
		return "", &Unknown{Class: "not-configured", Want: want, Got: err.Error(), Fix: "see that the run has it, and " + key + " in launch.yaml", Err: err}
	}
	return value, nil
}
