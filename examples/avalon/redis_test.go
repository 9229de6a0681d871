//go:build unix

package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

func init() { otherStores["redis"] = func(t *testing.T) string { return startRedis(t).url() } }

// Nothing stays in Redis for ever, and nothing that is looked at expires.
func TestKeysInRedisExpire(t *testing.T) {
	redis := startRedis(t)
	s, err := openRedis(redis.url())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	do := func(words ...string) rueidis.RedisResult {
		t.Helper()
		result := s.client.Do(t.Context(), s.client.B().Arbitrary(words...).Build())
		if err := result.Error(); err != nil {
			t.Fatal(err)
		}
		return result
	}
	number, err := s.number(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t1", "t2"} {
		check(t, "saved", put(t, s, aTable(t, id, number)), true)
	}
	ends := func() map[string]time.Duration {
		t.Helper()
		keys, err := do("KEYS", "*").AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		left := make(map[string]time.Duration)
		for _, key := range keys {
			ms, err := do("PTTL", key).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			left[strings.TrimPrefix(key, keyPrefix)] = time.Duration(ms) * time.Millisecond
		}
		return left
	}
	now := ends()
	check(t, "keys", slices.Sorted(maps.Keys(now)), []string{"number", "table:t1", "table:t2", "tables"})
	for key, left := range now {
		if left <= 0 || left > keepTables {
			t.Errorf("%s expires in %v", key, left)
		}
		do("PEXPIRE", keyPrefix+key, "600000")
	}

	do("DEL", keyTable+"t2") // as if it had expired
	rows, err := s.rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check(t, "tables that are left", len(rows), 1)
	for key, left := range ends() {
		if left <= 10*time.Minute {
			t.Errorf("%s was looked at, and still expires in %v", key, left)
		}
	}
	left, err := do("HKEYS", keyRows).AsStrSlice()
	check(t, "rows in Redis", left, []string{"t1"})
	if err != nil {
		t.Fatal(err)
	}
}

// A Redis that stands still is an answer with a code, not one that does not come. What was acknowledged is there afterwards.
func TestARedisThatStandsStill(t *testing.T) {
	redis := startRedis(t)
	w := begin(t, "-redis", redis.url(), "-secret", secretOfTests)
	w.patience = patienceOfTests
	at, _ := w.started()
	here := At{at[0].at}
	leader := at[0].seesPhase(game.Proposal).Leader
	at[leader].does("team:propose", Propose{here, []int{0, 1}})
	at[1].does("team:vote", Vote{here, ptr(false)})

	redis.stop()
	at[0].refused("try_again", "chat:say", Say{here, "is anybody there?"})
	stranger := w.guest("Stranger")
	stranger.refused("try_again", "table:create", Create{Size: 5})
	at[4].Close()
	redis.resume()

	await(t, "the store", func() bool {
		_, err := w.app.lobby.load(context.Background(), here.Table)
		return err == nil
	})
	at[1].refused("already_voted", "team:vote", Vote{here, ptr(true)})
	at[0].does("team:vote", Vote{here, ptr(true)})
	at[0].sees("seat 4 away", func(now Table) bool { return !online(now, 4) && slices.Equal(now.Acted, []int{0, 1}) })
	check(t, "the vote of before", *at[1].enter("table:join", here).Secret.Vote, false)
}

// What Redis has acknowledged is there when it comes back, and the processes find back to it by themselves.
func TestARedisThatIsKilled(t *testing.T) {
	redis := startRedis(t)
	w := begin(t, "-redis", redis.url(), "-secret", secretOfTests)
	w.patience = patienceOfTests
	at, _ := w.started()
	here := At{at[0].at}
	leader := at[0].seesPhase(game.Proposal).Leader
	at[leader].does("team:propose", Propose{here, []int{0, 1}})
	at[1].does("team:vote", Vote{here, ptr(false)})
	redis.kill()
	at[2].refused("try_again", "team:vote", Vote{here, ptr(false)})
	redis.start()
	for _, g := range []*guest{at[0], at[2], at[3], at[4]} {
		g.insists("team:vote", Vote{here, ptr(true)})
	}
	now := at[0].sees("the quest", func(now Table) bool { return now.Phase == "quest" })
	check(t, "votes", now.Votes[0].Approve, []bool{true, false, true, true, true})
}
