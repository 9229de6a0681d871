//go:build unix

package redisadapter_test

import (
	"os"
	"testing"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(processEnv); addr != "" {
		beServer(addr)
		return
	}
	redistest.VerifyMain(m)
}
