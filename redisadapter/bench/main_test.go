package main

import (
	"os"
	"testing"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestMain lets the test's own binary be a node, as the program's is.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		return
	}
	redistest.VerifyMain(m)
}
