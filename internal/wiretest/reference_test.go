//go:build reference

package wiretest

import (
	"os"
	"testing"
)

// TestReference replays the captures, without any exception, against the reference servers of the command in
// REALTIME_WIRETEST_REFERENCE (see Reference). It shows that the replay is right; it needs real time and Node, and proves nothing about our
// server, so it has a build tag of its own.
func TestReference(t *testing.T) {
	command := os.Getenv("REALTIME_WIRETEST_REFERENCE")
	if command == "" {
		t.Fatal("REALTIME_WIRETEST_REFERENCE names no command; see the package comment")
	}
	ref, err := StartReference(command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ref.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, file := range files {
		for _, s := range load(t, file) {
			t.Run(file+"/"+s.Name, func(t *testing.T) {
				server, err := ref.New(s)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range Replay(s, server) {
					t.Error(d)
				}
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
