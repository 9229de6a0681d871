package redisadapter

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

var _ realtime.RevocationStore = (*Adapter)(nil)

// Revocations are two sorted sets of one slot, whose members name scope and user: PREFIX-revoked:{r}:before has the
// time before which identities are refused, PREFIX-revoked:{r}:until the time until which that holds, both in ms.
// They expire with their last member.

const (
	maxRevocations  = 100_000
	revocationsPage = 1000
)

//go:embed revoke.lua
var revokeText string

var revokeScript = rueidis.NewLuaScript(revokeText)

func (a *Adapter) revocationKeys() (before, until string) {
	base := a.cfg.Prefix + "-revoked:{r}:"
	return base + "before", base + "until"
}

// revocationMember is injective: the length of the scope stands before it.
func revocationMember(scope, user string) string {
	return strconv.Itoa(len(scope)) + ":" + scope + user
}

func splitRevocation(member string) (scope, user string, ok bool) {
	length, rest, found := strings.Cut(member, ":")
	n, err := strconv.Atoi(length)
	if !found || err != nil || n < 0 || n > len(rest) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}

// KeepRevocation stores a revocation for nodes that start later. It returns realtime.ErrTooManyRevocations beyond
// 100,000, ErrUnavailable, or the error of ctx.
func (a *Adapter) KeepRevocation(ctx context.Context, r realtime.Revocation) error {
	n, err := a.keys()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.PublishTimeout)
	defer cancel()
	before, until := a.revocationKeys()
	kept, err := revokeScript.Exec(ctx, n.client.Client, []string{before, until}, []string{
		revocationMember(r.Scope, r.User), milli(r.Before, true), milli(r.Until, false), strconv.Itoa(maxRevocations),
	}).AsInt64()
	switch {
	case err != nil:
		return unavailable(err)
	case kept < 0:
		return fmt.Errorf("redisadapter: %w", realtime.ErrTooManyRevocations)
	}
	return nil
}

// milli is a time in ms, rounded up where too early would let somebody in.
func milli(t time.Time, up bool) string {
	ms := t.UnixMilli()
	if up && t.After(time.UnixMilli(ms)) {
		ms++
	}
	return strconv.FormatInt(ms, 10)
}

// Revocations yields what is kept, one or more times each. What does not decode is left out.
func (a *Adapter) Revocations(ctx context.Context) iter.Seq2[realtime.Revocation, error] {
	return func(yield func(realtime.Revocation, error) bool) {
		n, err := a.keys()
		for cursor := uint64(0); err == nil; {
			var page []realtime.Revocation
			if page, cursor, err = a.revocationPage(ctx, n, cursor); err != nil {
				break
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if cursor == 0 {
				return
			}
		}
		yield(realtime.Revocation{}, err)
	}
}

func (a *Adapter) revocationPage(ctx context.Context, n *node, cursor uint64) (page []realtime.Revocation, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.PublishTimeout)
	defer cancel()
	before, until := a.revocationKeys()
	c := n.client
	scan, err := c.Do(ctx, c.B().Zscan().Key(before).Cursor(cursor).Count(revocationsPage).Build()).AsScanEntry()
	if err != nil {
		return nil, 0, unavailable(err)
	}
	members := make([]string, 0, len(scan.Elements)/2)
	for i := 0; i+1 < len(scan.Elements); i += 2 {
		members = append(members, scan.Elements[i])
	}
	if len(members) == 0 {
		return nil, scan.Cursor, nil
	}
	ends, err := c.Do(ctx, c.B().Zmscore().Key(until).Member(members...).Build()).ToArray()
	if err != nil {
		return nil, 0, unavailable(err)
	}
	now := time.Now()
	for i, member := range members {
		scope, user, ok := splitRevocation(member)
		from, fromErr := strconv.ParseFloat(scan.Elements[2*i+1], 64)
		if !ok || fromErr != nil || i >= len(ends) || math.Abs(from) > maxMilli {
			continue
		}
		end, err := ends[i].AsFloat64() // nil when it has just ended
		if err != nil || math.Abs(end) > maxMilli {
			continue
		}
		r := realtime.Revocation{Scope: scope, User: user, Before: time.UnixMilli(int64(from)), Until: time.UnixMilli(int64(end))}
		if r.Until.After(now) {
			page = append(page, r)
		}
	}
	return page, scan.Cursor, nil
}

// maxMilli bounds what Redis can make a time of: the year 9999.
const maxMilli = 253_402_300_799_000
