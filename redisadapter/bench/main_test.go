package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test's own binary be a node, as the program's is.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}
