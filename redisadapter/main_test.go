package redisadapter_test

import (
	"testing"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

func TestMain(m *testing.M) { redistest.VerifyMain(m) }
