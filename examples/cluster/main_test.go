package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asProgram makes the test's own binary be the program, in tests that need it as a process.
const asProgram = "CLUSTER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}
