package main

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strings"
)

// The nodes, in the order in which they are offered, and the page, which is not one but can be started apart as they can.
const (
	thePage = "page"
	nest    = "nest"
)

var (
	nodeNames = []string{nest, "go-a", "go-b"}
	everyone  = append([]string{thePage}, nodeNames...)
)

// settings is what can be told to the program. What comes from the environment has the names that the NestJS node reads.
type settings struct {
	start []string // of everyone
	port  int      // of the page; the nodes have the next ones. 0: whatever is free
	demo  bool
	nest  string // folder of the NestJS node; "" is looked for

	origins []string // CORS_ORIGINS, beside the page's own
	secret  string   // JWT_SECRET
	redis   redisSettings
}

// redisSettings says where Redis is.
type redisSettings struct {
	host, port         string // REDIS_HOST, REDIS_PORT; both "": start one
	username, password string // REDIS_USERNAME, REDIS_PASSWORD
	tls                bool   // REDIS_TLS
}

func (r redisSettings) addr() string { return net.JoinHostPort(r.host, r.port) }

// given tells whether the environment names a Redis.
func (r redisSettings) given() bool { return r.host != "" || r.port != "" }

// parse reads the arguments and the environment.
func parse(args []string, env func(string) string) (settings, error) {
	s := settings{
		origins: list(env("CORS_ORIGINS")),
		secret:  env("JWT_SECRET"),
		redis: redisSettings{
			host: env("REDIS_HOST"), port: env("REDIS_PORT"), username: env("REDIS_USERNAME"), password: env("REDIS_PASSWORD"),
			tls: env("REDIS_TLS") == "true",
		},
	}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	nodes := flags.String("node", "", "`names` to start, with commas, of "+strings.Join(everyone, ", ")+"; empty: all")
	flags.IntVar(&s.port, "port", 3001, "port of the page; the nodes have the next three. 0: free ones")
	flags.BoolVar(&s.demo, "demo", false, "play a conversation over all nodes, print what everyone heard, and end")
	flags.StringVar(&s.nest, "nest", "", "`folder` of the NestJS node; empty: the one in this repository")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.start = list(*nodes)
	return s.complete()
}

// complete checks the settings and fills what is empty.
func (s settings) complete() (settings, error) {
	if err := s.check(); err != nil {
		return s, err
	}
	if len(s.start) == 0 {
		s.start = everyone
	}
	if s.demo {
		s.port = 0
	}
	if s.secret == "" {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails since Go 1.24
		s.secret = hex.EncodeToString(secret)
	}
	if s.redis.given() {
		s.redis.host, s.redis.port = cmp.Or(s.redis.host, "127.0.0.1"), cmp.Or(s.redis.port, "6379")
	}
	return s, nil
}

func (s settings) check() error {
	for _, name := range s.start {
		if !slices.Contains(everyone, name) {
			return fmt.Errorf("there is no node %q, only %s", name, strings.Join(everyone, ", "))
		}
	}
	some := len(s.start) > 0
	switch {
	case some && s.demo:
		return errors.New("-demo needs all nodes: leave -node away")
	case some && s.port == 0:
		return errors.New("nodes of several processes find each other by their ports: -port 0 is for all of them in one")
	case some && (!s.redis.given() || s.secret == ""):
		return errors.New("nodes of several processes share a Redis and a secret: set REDIS_PORT (or REDIS_HOST) and JWT_SECRET")
	case s.secret != "" && len(s.secret) < 32:
		return errors.New("JWT_SECRET has to have at least 32 bytes")
	}
	return nil
}

// list splits at commas and drops what is empty.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
