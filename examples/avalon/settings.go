package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// settings are what the program can be told. A flag wins over the environment.
type settings struct {
	addr      string
	origins   []string      // pages of other hosts that may connect; none: the own page alone
	bots      int           // that sit down at every new table at once
	secret    []byte        // signs tokens
	session   time.Duration // for which a token is good
	tempo     float64       // factor for every time of the game
	seed      uint64        // of all games; 0: from the system
	redis     string        // URL of what several processes have in common; none: there is one process
	operators string        // address of the pages of operators; none: there are none
	admin     admin         // of the Admin UI
}

// admin lets operators into the Socket.IO Admin UI.
type admin struct {
	on             bool
	user, password string // the password as bcrypt's hash
}

// readSettings reads flags and the environment. Who asks for the usage, or needs it, finds it in usage.
func readSettings(args []string, env func(string) string, usage io.Writer) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("avalon", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&s.addr, "addr", ":"+cmp.Or(env("PORT"), "3001"), "`address` to listen on; the environment's PORT is a port alone")
	origins := flags.String("origins", env("CORS_ORIGINS"), "`origins` of pages that may connect, with commas (CORS_ORIGINS); none: the own page alone")
	flags.IntVar(&s.bots, "bots", 0, "`number` of bots that sit down at every new table at once")
	secret := flags.String("secret", "", "`secret` of 32 bytes or more that signs tokens (AVALON_SECRET); none: a new one for each start, where -redis is not given")
	redis := flags.String("redis", "", "`URL` of the Redis in which several processes have the same tables, redis://user:password@host:port/db (REDIS_HOST, "+
		"REDIS_PORT, REDIS_PASSWORD, REDIS_DB); none: one process has them in its memory")
	flags.StringVar(&s.operators, "operators", "", "`address` of the pages of operators, /metrics, /debug/realtime and /healthz, that players must not reach; none: they are not served")
	flags.BoolVar(&s.admin.on, "admin", false, "serve the namespace /admin of the Socket.IO Admin UI, to the user AVALON_ADMIN_USER (admin) with the password whose bcrypt hash is in "+
		"AVALON_ADMIN_HASH; its page shows everything that players say, so it is among -origins only on purpose")
	flags.DurationVar(&s.session, "session", 12*time.Hour, "`time` for which a login is good; pages renew it before its end")
	flags.Float64Var(&s.tempo, "tempo", 1, "`factor` for every time of the game: 0.5 makes it twice as fast")
	flags.Uint64Var(&s.seed, "seed", 0, "`number` from which all games are dealt, for trying something again; 0: from chance")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	for origin := range strings.SplitSeq(*origins, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			s.origins = append(s.origins, origin)
		}
	}
	if s.admin.on {
		s.admin.user, s.admin.password = cmp.Or(env("AVALON_ADMIN_USER"), "admin"), env("AVALON_ADMIN_HASH")
	}
	s.redis = cmp.Or(*redis, redisURL(env))
	s.secret = []byte(cmp.Or(*secret, env("AVALON_SECRET")))
	if len(s.secret) == 0 && s.redis == "" {
		s.secret = []byte(rand.Text() + rand.Text())
	}
	return s, s.validate(flags.Args())
}

// redisURL makes one URL of what the environment says, "" without a host.
func redisURL(env func(string) string) string {
	host := env("REDIS_HOST")
	if host == "" {
		return ""
	}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(host, cmp.Or(env("REDIS_PORT"), "6379")), Path: "/" + cmp.Or(env("REDIS_DB"), "0")}
	if password := env("REDIS_PASSWORD"); password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String()
}

func (s *settings) validate(rest []string) error {
	var errs []error
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q", rest[0]))
	}
	if s.bots < 0 || s.bots >= game.MaxSize {
		errs = append(errs, fmt.Errorf("-bots: %d is not 0 to %d", s.bots, game.MaxSize-1))
	}
	if !(s.tempo >= 0.01 && s.tempo <= 100) { // not a number is neither
		errs = append(errs, fmt.Errorf("-tempo: %v is not 0.01 to 100", s.tempo))
	}
	if s.session < time.Minute {
		errs = append(errs, fmt.Errorf("-session: %v is under a minute", s.session))
	}
	if s.admin.on && s.admin.password == "" {
		errs = append(errs, errors.New("-admin needs the bcrypt hash of a password in AVALON_ADMIN_HASH: nobody gets in without one"))
	}
	if s.redis != "" {
		errs = append(errs, s.validateRedis()...)
	}
	return errors.Join(errs...)
}

// validateRedis looks at what is needed to share tables. Its errors do not repeat the URL, which may hold a password.
func (s *settings) validateRedis() (errs []error) {
	_, err := rueidis.ParseURL(s.redis)
	if wrong := new(url.Error); errors.As(err, &wrong) {
		err = wrong.Err
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("-redis, or REDIS_HOST and its like: not like redis://user:password@host:port/db: %w", err))
	}
	if len(s.secret) == 0 {
		errs = append(errs, errors.New("-redis needs a -secret (AVALON_SECRET), the same for all processes: a login is good for each of them"))
	}
	return errs
}
