package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestSettings(t *testing.T) {
	secret, other := strings.Repeat("s", 32), strings.Repeat("o", 32)
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want settings
	}{
		"defaults": {
			args: []string{"-secret", secret},
			want: settings{addr: ":3001", secret: []byte(secret), session: 12 * time.Hour, tempo: 1},
		},
		"environment": {
			env: map[string]string{"PORT": "8080", "CORS_ORIGINS": "https://a.example, https://*.b.example,", "AVALON_SECRET": secret},
			want: settings{
				addr: ":8080", origins: []string{"https://a.example", "https://*.b.example"}, secret: []byte(secret), session: 12 * time.Hour, tempo: 1,
			},
		},
		"flags win": {
			args: []string{"-addr", "127.0.0.1:1", "-origins", "https://c.example", "-secret", other, "-session", "1h", "-tempo", "0.5", "-bots", "4", "-seed", "7", "-operators", "127.0.0.1:2"},
			env:  map[string]string{"PORT": "8080", "CORS_ORIGINS": "https://a.example", "AVALON_SECRET": secret},
			want: settings{addr: "127.0.0.1:1", origins: []string{"https://c.example"}, bots: 4, secret: []byte(other), session: time.Hour, tempo: .5, seed: 7, operators: "127.0.0.1:2"},
		},
		"redis from the environment": {
			args: []string{"-secret", secret},
			env:  map[string]string{"REDIS_HOST": "r.example", "REDIS_PORT": "6380", "REDIS_PASSWORD": "p@ss/word", "REDIS_DB": "2"},
			want: settings{addr: ":3001", secret: []byte(secret), session: 12 * time.Hour, tempo: 1, redis: "redis://:p%40ss%2Fword@r.example:6380/2"},
		},
		"the admin ui": {
			args: []string{"-secret", secret, "-admin"},
			env:  map[string]string{"AVALON_ADMIN_HASH": "$2a$10$x"},
			want: settings{addr: ":3001", secret: []byte(secret), session: 12 * time.Hour, tempo: 1, admin: admin{on: true, user: "admin", password: "$2a$10$x"}},
		},
		"a redis host alone": {
			args: []string{"-secret", secret},
			env:  map[string]string{"REDIS_HOST": "::1"},
			want: settings{addr: ":3001", secret: []byte(secret), session: 12 * time.Hour, tempo: 1, redis: "redis://[::1]:6379/0"},
		},
		"a redis flag wins": {
			args: []string{"-secret", secret, "-redis", "rediss://u:p@r.example:1/3"},
			env:  map[string]string{"REDIS_HOST": "other.example"},
			want: settings{addr: ":3001", secret: []byte(secret), session: 12 * time.Hour, tempo: 1, redis: "rediss://u:p@r.example:1/3"},
		},
	} {
		got, err := readSettings(tc.args, environment(tc.env), t.Output())
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(settings{}, admin{})); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestASecretIsMadeWhereNoneIsGiven(t *testing.T) {
	one, err := readSettings(nil, environment(nil), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	two, err := readSettings(nil, environment(nil), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if len(one.secret) < 32 || string(one.secret) == string(two.secret) {
		t.Errorf("secrets of %d bytes, the same: %v", len(one.secret), string(one.secret) == string(two.secret))
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-bots", "10"}, "-bots"},
		{[]string{"-bots", "-1"}, "-bots"},
		{[]string{"-tempo", "0"}, "-tempo"},
		{[]string{"-tempo", "NaN"}, "-tempo"},
		{[]string{"-session", "1s"}, "-session"},
		{[]string{"-secret", "short"}, "-secret"},
		{[]string{"-origins", "no origin"}, "origin"},
		{[]string{"-addr", "no address"}, "no address"},
		{[]string{"more"}, "more"},
		{[]string{"-admin"}, "AVALON_ADMIN_HASH"},
		{[]string{"-redis", "redis://r.example"}, "-secret"},
		{[]string{"-redis", "redis://u:hidden@127.0.0.1:1", "-secret", secretOfTests}, "refused"},
		{[]string{"-redis", "http://u:hidden@r.example", "-secret", secretOfTests}, "-redis"},
		{[]string{"-redis", "redis://u:hidden@r.example/first", "-secret", secretOfTests}, "first"},
		{[]string{"-redis", "redis://u:hidden@r.example:port", "-secret", secretOfTests}, "invalid port"},
		{[]string{"-redis", "r.example:6379", "-secret", secretOfTests}, "-redis"},
		{[]string{"-redis", "redis://u:hid%zzden@r.example", "-secret", secretOfTests}, "-redis"},
	} {
		err := run(t.Context(), tc.args, environment(nil), t.Output())
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hid") {
			t.Errorf("%v: error %v", tc.args, err)
		}
	}
}

func TestARedisOfTheEnvironmentThatCannotBe(t *testing.T) {
	for name, value := range map[string]string{"REDIS_DB": "first", "REDIS_PORT": "port"} {
		_, err := readSettings([]string{"-secret", secretOfTests}, environment(map[string]string{
			"REDIS_HOST": "r.example", "REDIS_PASSWORD": "hidden", name: value,
		}), t.Output())
		if err == nil || !strings.Contains(err.Error(), "REDIS_HOST") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s=%s: error %v", name, value, err)
		}
	}
}

// The usage is printed with its defaults; a secret is none of them.
func TestTheUsageTellsNoSecret(t *testing.T) {
	var usage strings.Builder
	_, err := readSettings([]string{"-h"}, environment(map[string]string{"AVALON_SECRET": "a secret", "REDIS_HOST": "h", "REDIS_PASSWORD": "a secret"}), &usage)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "AVALON_SECRET") || strings.Contains(usage.String(), "a secret") {
		t.Errorf("%v:\n%s", err, usage.String())
	}
}
