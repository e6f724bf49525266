package broken

import "testing"

// TestTMinus5 does not compile, on purpose.
func TestTMinus5(t *testing.T) { thisDoesNotExist(t) }
