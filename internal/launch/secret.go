package launch

// Secret is a reference to a secret value, never the value: it cannot be printed, encoded or formatted.
type Secret struct{ reference string }
