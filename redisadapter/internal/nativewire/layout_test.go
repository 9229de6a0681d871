package nativewire

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// odd are names that reach for what is special in names of channels.
var odd = []string{
	"", "/", "/chat", "a:b", "{a}", "}:s:/", "{", "}", "*", "?", "[a-z]", `\`, "^", "#", "/#room#", "%", "%2F", "%2f", "%%", " ", "\n",
	"\x00", "\xff", "é", "{realtime:0}:s:/", "node-a", ":0}:s:", "17", strings.Repeat("x", 255),
}

// TestNamesInjective: no two channels of any two layouts share a name, every name leads
// back to its channel, and none holds anything that is special in a pattern (requirement
// R73). Redis Cluster hashes prefix and tag alone.
func TestNamesInjective(t *testing.T) {
	seen := map[string]string{}
	for _, prefix := range odd {
		l := layout(t, prefix, 64)
		var all []Channel
		for _, name := range odd {
			all = append(all, Shard(name, 0), Shard(name, 1), Shard(name, 63), Broadcast(name))
			if name != "" {
				all = append(all, Reply(name))
			}
		}
		for _, c := range append(all, Nodes()) {
			name := l.Name(c)
			what := fmt.Sprintf("%q %+v", prefix, c)
			if other, taken := seen[name]; taken {
				t.Errorf("%s is the name of %s and of %s", name, other, what)
			}
			seen[name] = what
			if strings.ContainsAny(name, "*?[]\\^# \n\x00") || strings.Count(name, "{") != 1 || strings.Count(name, "}") != 1 || name[0] != '{' {
				t.Errorf("%s: %q", what, name)
			}
			if got, ok := l.Parse(name); !ok || got != c {
				t.Errorf("Parse(%q) = %+v, %v, want %+v", name, got, ok, c)
			}
			number, ok := strings.CutPrefix(hashTag(name), string(appendEscaped(nil, prefix))+":")
			if n, err := strconv.Atoi(number); !ok || err != nil || n < 0 || n > 63 {
				t.Errorf("%q is hashed by %q", name, hashTag(name))
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	l := layout(t, "p", 8)
	for _, name := range []string{
		"", "p", "{p:0}", "{p:0}:s", "{p:0}:s:", "{p:1}:s:/", "{p:7}:s:/", // the last three are names
		"{p:8}:s:/", "{p:-1}:s:/", "{p:+1}:s:/", "{p:01}:s:/", "{p:}:s:/", "{q:1}:s:/", "p:1}:s:/", "{p:1}:S:/", "{p:1}:?:/", "{p:1}::/",
		"{p:1}:ss:/", "{p:1}:s:%2F", "{p:1}:s:%2a", "{p:1}:s:a:b", "{p:1}:s:*", "{p:1}:s:%", "{p:1}:s:%4", "{p:1}:s:%ZZ", "{p:0}:n:x", "{p:1}:n:",
		"{p:0}:r:", "{p:1}:s:" + strings.Repeat("n", MaxNamespace+1), "{p:x}:b:/",
	} {
		c, ok := l.Parse(name)
		if want := slices.Contains([]string{"{p:0}:s:", "{p:1}:s:/", "{p:7}:s:/"}, name); ok != want || !ok && c != (Channel{}) {
			t.Errorf("Parse(%q) = %+v, %v", name, c, ok)
		}
	}
}

// hashTag is what Redis Cluster hashes of a key or a channel.
func hashTag(name string) string {
	_, rest, found := strings.Cut(name, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !found || !closed || tag == "" {
		return name
	}
	return tag
}

// slot is the slot of Redis Cluster: CRC16 in its XMODEM form.
func slot(name string) int {
	crc := uint16(0)
	for _, c := range []byte(hashTag(name)) {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}

// TestSlots: the shards are spread over the nodes of a Redis Cluster, and no number of
// namespaces or nodes of ours needs more slots than there are shards.
func TestSlots(t *testing.T) {
	if slot("123456789") != 0x31c3 {
		t.Fatalf("the known answer of CRC16 is 31c3, not %x", slot("123456789"))
	}
	for _, prefix := range []string{DefaultPrefix, "game", ""} {
		l := layout(t, prefix, 64)
		slots := map[int]bool{}
		for shard := range 64 {
			slots[slot(l.Name(Shard("/", shard)))] = true
		}
		if len(slots) < 60 {
			t.Errorf("%q: 64 shards have %d slots", prefix, len(slots))
		}
		for _, nodes := range []int{3, 6} {
			counts := make([]int, nodes)
			for s := range slots {
				counts[s*nodes/16384]++
			}
			if low, high := slices.Min(counts), slices.Max(counts); low < 64/nodes/2 || high > 2*64/nodes {
				t.Errorf("%q: shards on %d nodes: %v", prefix, nodes, counts)
			}
		}
		for i := range 1000 {
			name := fmt.Sprintf("/game-%d", i)
			for _, c := range []Channel{Shard(name, i%64), Broadcast(name), Reply(name), Nodes()} {
				if !slots[slot(l.Name(c))] {
					t.Errorf("%+v has a slot of its own", c)
				}
			}
		}
	}
}

// TestShardOf: rooms are spread evenly.
func TestShardOf(t *testing.T) {
	for _, format := range []string{"room:%d", "user:%d", "%d", "room:game-%08d"} {
		for _, shards := range []int{1, 3, 64, MaxShards} {
			l := layout(t, "p", shards)
			counts := make([]int, shards)
			for i := range 100 * shards {
				counts[l.ShardOf(fmt.Sprintf(format, i))]++
			}
			if low, high := slices.Min(counts), slices.Max(counts); low < 40 || high > 180 {
				t.Errorf("%s in %d shards: from %d to %d, 100 on average", format, shards, low, high)
			}
		}
	}
}

func TestNewLayout(t *testing.T) {
	for _, c := range []struct {
		shards, spread int
		ok             bool
	}{{0, 0, true}, {1, 1, true}, {MaxShards, 100, true}, {-1, 0, false}, {MaxShards + 1, 0, false}, {0, -1, false}} {
		if l, err := NewLayout("p", c.shards, c.spread); (err == nil) != c.ok || err == nil && c.shards == 0 && l.Shards() != DefaultShards {
			t.Errorf("%+v: %+v, %v", c, l, err)
		}
	}
}

// TestRoute: a message goes out once on the channel of each of its rooms, or once to
// everyone.
func TestRoute(t *testing.T) {
	l := layout(t, "p", 64)
	private := func(room string) bool { return strings.HasPrefix(room, "conn") }
	r := rand.New(rand.NewPCG(1, 2))
	prefix := []Channel{Nodes()}
	for range 2000 {
		rooms := make([]string, r.IntN(12))
		for i := range rooms {
			rooms[i] = fmt.Sprintf("room:%d", r.IntN(200))
			if r.IntN(50) == 0 {
				rooms[i] = "conn1"
			}
		}
		want := map[Channel]bool{}
		for _, room := range rooms {
			want[l.Room("/", room)] = true
		}
		if len(want) == 0 || len(want) > DefaultSpread || slices.ContainsFunc(rooms, private) {
			want = map[Channel]bool{Broadcast("/"): true}
		}
		got := l.Route(prefix, "/", rooms, private)[1:]
		if len(got) != len(want) || !slices.IsSortedFunc(got, func(a, b Channel) int { return a.Shard - b.Shard }) {
			t.Fatalf("%q: %+v", rooms, got)
		}
		for _, c := range got {
			if !want[c] {
				t.Fatalf("%q: %+v", rooms, got)
			}
		}
	}
	same(t, []Channel{l.Room("/", "conn1")}, l.Route(nil, "/", []string{"conn1", "conn1"}, nil))
}
