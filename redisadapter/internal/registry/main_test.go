//go:build unix

package registry

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(childEnv); addr != "" {
		beChild(addr)
		return
	}
	goleak.VerifyTestMain(m)
}
