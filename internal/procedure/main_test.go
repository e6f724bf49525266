package procedure

import (
	"os"
	"testing"
)

// TestMain lets a test run this binary again as the process that is to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PROCEDURE_CHILD"); dir != "" {
		os.Exit(child(dir, os.Getenv("PROCEDURE_CRASH")))
	}
	os.Exit(m.Run())
}
