package nativewire

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden compares text with a file. The files are the format: a change of one is a change
// that other nodes of a cluster see.
func golden(t *testing.T, file, text string) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestGoldenFormat: the bytes are those of the file, and mean what was encoded.
func TestGoldenFormat(t *testing.T) {
	var text strings.Builder
	for _, s := range samples(t) {
		wire := s.wire(t)
		fmt.Fprintf(&text, "%s %s\n", s.name, hex.EncodeToString([]byte(wire)))
		if s.beat != nil {
			var h Heartbeat
			if err := h.Decode(wire, s.keys); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
			same(t, *s.beat, h)
			continue
		}
		h, messages, err := read(wire, s.header.Channel, s.keys)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		same(t, s.header, h)
		same(t, s.messages, messages)
	}
	golden(t, "format.txt", text.String())
}

// TestGoldenLayout: names of channels and shards of rooms never change.
func TestGoldenLayout(t *testing.T) {
	var text strings.Builder
	for _, l := range []Layout{layout(t, DefaultPrefix, 64), layout(t, "my {app}*:%", 7)} {
		for _, c := range []Channel{
			Shard("/", 0), Shard("/chat", l.Shards()-1), Broadcast("/"), Broadcast("/chat"), Broadcast("a:b}*?[]#é"),
			Reply("node-a"), Reply("{x}:"), Nodes(),
		} {
			fmt.Fprintln(&text, l.Name(c))
		}
		for _, room := range []string{"", "room:lobby", "room:42", "user:7", "*?[]{}#", "\xff\x00"} {
			fmt.Fprintf(&text, "%q %d\n", room, l.ShardOf(room))
		}
	}
	golden(t, "layout.txt", text.String())
}

func layout(t testing.TB, prefix string, shards int) Layout {
	t.Helper()
	l, err := NewLayout(prefix, shards, 0)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
