//go:build unix

package registry

import (
	"os"
	"testing"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(childEnv); addr != "" {
		beChild(addr)
		return
	}
	redistest.VerifyMain(m)
}
