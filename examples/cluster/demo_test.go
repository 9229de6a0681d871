//go:build unix

package main

import (
	"bytes"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// transcriptFile is what the demonstration prints after the addresses. It is the expectation, read by people: when it changes, so
// did what clients hear.
const transcriptFile = "testdata/demo.txt"

// scene of a transcript.
type scene struct {
	title string
	lines []string
}

func scenes(transcript string) (list []scene) {
	for _, block := range strings.Split(strings.TrimSpace(transcript), "\n\n") {
		lines := strings.Split(block, "\n")
		list = append(list, scene{lines[0], lines[1:]})
	}
	return list
}

// play runs the demonstration, with a Redis, a NestJS node and two Go nodes, and returns what it printed after the addresses.
func play(t *testing.T) string {
	t.Helper()
	s, err := parse([]string{"-demo"}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	if err := run(t.Context(), s, &out, log); err != nil {
		t.Fatalf("the demonstration failed: %v\n%s", err, out.String())
	}
	head, transcript, _ := strings.Cut(out.String(), "\n\n")
	addresses := regexp.MustCompile(`^cluster: redis 127\.0\.0\.1:\d+
cluster: nest  http://127\.0\.0\.1:\d+
cluster: go-a  http://127\.0\.0\.1:\d+
cluster: go-b  http://127\.0\.0\.1:\d+
cluster: page  open http://localhost:\d+$`)
	if !addresses.MatchString(head) {
		t.Errorf("the addresses are not told:\n%s", head)
	}
	return transcript
}

// TestDemonstration plays the conversation over real sockets, with official clients at all three nodes, and compares what each of
// them heard.
func TestDemonstration(t *testing.T) {
	transcript := play(t)
	want, err := os.ReadFile(transcriptFile)
	if err != nil {
		t.Fatal(err)
	}
	wanted, got := strings.TrimSpace(string(want)), strings.TrimSpace(transcript)
	if diff := cmp.Diff(strings.Split(wanted, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-), heard (+):\n%s", transcriptFile, diff)
	}
}

// turns are the scenes of one actor after the other, with names of their parts instead of those of people and nodes.
func turns(t *testing.T) (list [3][]scene) {
	t.Helper()
	text, err := os.ReadFile(transcriptFile)
	if err != nil {
		t.Fatal(err)
	}
	all := scenes(string(text))
	first := slices.IndexFunc(all, func(s scene) bool { return s.title == "ann says something." })
	last := slices.IndexFunc(all, func(s scene) bool { return strings.HasPrefix(s.title, "Somebody without a token") })
	if first < 0 || last < 0 || (last-first)%3 != 0 {
		t.Fatalf("the turns are not found: from %d to %d", first, last)
	}
	n := (last - first) / 3
	people, nodes, parts := []string{"ann", "bob", "cyd"}, []string{"nest", "go-a", "go-b"}, []string{"ONE", "TWO", "THREE"}
	names := regexp.MustCompile(`\b(ann|bob|cyd|nest|go-a|go-b)\b`)
	sets := regexp.MustCompile(`\["[^]]*"\]`) // lists of names are sorted by name, so their order changes with the names
	for turn := range list {
		rename := func(text string) string {
			text = names.ReplaceAllStringFunc(text, func(name string) string {
				if i := slices.Index(people, name); i >= 0 {
					return parts[(i-turn+3)%3]
				}
				return "NODE " + parts[(slices.Index(nodes, name)-turn+3)%3]
			})
			return sets.ReplaceAllStringFunc(text, func(set string) string {
				items := strings.Split(strings.Trim(set, "[]"), ",")
				slices.Sort(items)
				return "[" + strings.Join(items, ",") + "]"
			})
		}
		for _, s := range all[first+turn*n : first+(turn+1)*n] {
			renamed := scene{title: rename(s.title)}
			for _, line := range s.lines {
				renamed.lines = append(renamed.lines, rename(strings.Join(strings.Fields(line), " ")))
			}
			slices.SortStableFunc(renamed.lines, func(a, b string) int {
				return strings.Compare(strings.Fields(a)[0], strings.Fields(b)[0])
			})
			list[turn] = append(list[turn], renamed)
		}
	}
	return list
}

// Whichever node a client asks, it and the others hear the same: the NestJS node's scenes are those of the Go nodes. What the
// transcript says is what TestDemonstration has seen.
func TestAllNodesAnswerAlike(t *testing.T) {
	list := turns(t)
	atNest, atGo := list[0], list[1:]
	if len(atNest) < 10 {
		t.Fatalf("only %d scenes", len(atNest))
	}
	for i, want := range atNest {
		for _, turn := range atGo {
			got := turn[i]
			if want.title == "ONE sends two events at once, of which the first takes longer." {
				compareOvertaking(t, want, got)
				continue
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(scene{})); diff != "" {
				t.Errorf("at the NestJS node (-), at a Go node (+):\n%s", diff)
			}
		}
	}
}

// compareOvertaking shows the one difference: NestJS lets a quick event overtake a slow one, a Go node keeps the order.
func compareOvertaking(t *testing.T, atNest, atGo scene) {
	t.Helper()
	const quick, slow = "ONE greeted", "ONE answer to people"
	if !strings.HasPrefix(atNest.lines[0], quick) || !strings.HasPrefix(atNest.lines[1], slow) ||
		!strings.HasPrefix(atGo.lines[0], slow) || !strings.HasPrefix(atGo.lines[1], quick) {
		t.Errorf("order at the NestJS node %q, at a Go node %q", atNest.lines, atGo.lines)
	}
}
