package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// settings are what the program can be told. A flag wins over the environment.
type settings struct {
	addr    string
	origins []string      // pages of other hosts that may connect; none: the own page alone
	bots    int           // that sit down at every new table at once
	secret  []byte        // signs tokens
	session time.Duration // for which a token is good
	tempo   float64       // factor for every time of the game
	seed    uint64        // of all games; 0: from the system
}

// readSettings reads flags and the environment. Who asks for the usage, or needs it, finds it in usage.
func readSettings(args []string, env func(string) string, usage io.Writer) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("avalon", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&s.addr, "addr", ":"+cmp.Or(env("PORT"), "3001"), "`address` to listen on; the environment's PORT is a port alone")
	origins := flags.String("origins", env("CORS_ORIGINS"), "`origins` of pages that may connect, with commas (CORS_ORIGINS); none: the own page alone")
	flags.IntVar(&s.bots, "bots", 0, "`number` of bots that sit down at every new table at once")
	secret := flags.String("secret", "", "`secret` of 32 bytes or more that signs tokens (AVALON_SECRET); none: a new one for each start")
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
	s.secret = []byte(cmp.Or(*secret, env("AVALON_SECRET"), rand.Text()+rand.Text()))
	return s, s.validate(flags.Args())
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
	return errors.Join(errs...)
}
