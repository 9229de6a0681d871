package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, environment map[string]string, args ...string) (settings, error) {
	t.Helper()
	return parse(args, func(name string) string { return environment[name] })
}

// The environment of the NestJS node is that of the Go nodes.
func TestEnvironment(t *testing.T) {
	secret := strings.Repeat("s", 32)
	got, err := parsed(t, map[string]string{
		"CORS_ORIGINS": "https://a.example, https://*.b.example,", "JWT_SECRET": secret,
		"REDIS_HOST": "redis.internal", "REDIS_PORT": "6380", "REDIS_USERNAME": "chat", "REDIS_PASSWORD": "pw", "REDIS_TLS": "true",
	}, "-node", "go-a,page", "-port", "4000")
	want := settings{
		start: []string{"go-a", "page"}, port: 4000, origins: []string{"https://a.example", "https://*.b.example"}, secret: secret,
		redis: redisSettings{host: "redis.internal", port: "6380", username: "chat", password: "pw", tls: true},
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{}, redisSettings{})); diff != "" {
		t.Error(diff)
	}
	cfg := got.redis.config()
	if got, want := cfg.Redis.InitAddress[0], "redis.internal:6380"; got != want {
		t.Errorf("address %q, want %q", got, want)
	}
	if cfg.Redis.Username != "chat" || cfg.Redis.Password != "pw" || cfg.Redis.TLSConfig.ServerName != "redis.internal" {
		t.Errorf("user, password or TLS is missing: %q %q %v", cfg.Redis.Username, cfg.Redis.Password, cfg.Redis.TLSConfig)
	}
	environment := strings.Join(got.redis.environment(), " ")
	if want := "REDIS_HOST=redis.internal REDIS_PORT=6380 REDIS_USERNAME=chat REDIS_PASSWORD=pw REDIS_TLS=true"; environment != want {
		t.Errorf("the NestJS node is told %q, want %q", environment, want)
	}
}

func TestDefaults(t *testing.T) {
	got, err := parsed(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.redis.given() || got.port != 3001 || len(got.start) != 4 || len(got.secret) < 32 {
		t.Errorf("without arguments %+v", got)
	}
	other, err := parsed(t, map[string]string{"REDIS_PORT": "7000"}, "-demo")
	if err != nil {
		t.Fatal(err)
	}
	if other.redis.addr() != "127.0.0.1:7000" || other.port != 0 || other.secret == got.secret {
		t.Errorf("of the demonstration %+v", other)
	}
}

func TestMistakesInTheSettings(t *testing.T) {
	shared := map[string]string{"REDIS_PORT": "6379", "JWT_SECRET": strings.Repeat("s", 32)}
	for what, tc := range map[string]struct {
		environment map[string]string
		args        string
		want        string
	}{
		"no such node":    {nil, "-node go-c", `there is no node "go-c", only page, nest, go-a, go-b`},
		"no shared Redis": {nil, "-node go-a", "set REDIS_PORT (or REDIS_HOST) and JWT_SECRET"},
		"part of a demo":  {shared, "-node go-a -demo", "-demo needs all nodes"},
		"unknown ports":   {shared, "-node go-a -port 0", "-port 0 is for all of them in one"},
		"a short secret":  {map[string]string{"JWT_SECRET": "short"}, "", "at least 32 bytes"},
	} {
		if _, err := parsed(t, tc.environment, strings.Fields(tc.args)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", what, err, tc.want)
		}
	}
}
