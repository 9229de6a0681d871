package wiretest

import (
	"os"
	"testing"
)

// TestReference replays the captures, without any exception, against the reference servers of the command in
// REALTIME_WIRETEST_REFERENCE (see Reference). It shows that the replay is right, so it runs where such a command is named.
func TestReference(t *testing.T) {
	command := os.Getenv("REALTIME_WIRETEST_REFERENCE")
	if command == "" {
		return
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
	for _, file := range []string{HTTPFile, WSFile, SessionsFile} {
		scripts, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scripts {
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
