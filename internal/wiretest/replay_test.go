package wiretest

import (
	"strings"
	"testing"
	"testing/synctest"
)

var files = []string{HTTPFile, WSFile, SessionsFile}

// replay runs a script against a fresh server of ours.
func replay(t *testing.T, s *Script) (diffs []Difference) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, err := InProcess{Settle: synctest.Wait}.New(s)
		switch {
		case err != nil && s.StartError != "" && strings.Contains(err.Error(), s.StartError):
			return
		case err != nil:
			diffs = []Difference{{Text: "start: " + err.Error()}}
			return
		case s.StartError != "":
			diffs = []Difference{{Text: "the server starts, want an error with " + s.StartError}}
		default:
			diffs = Replay(s, server)
		}
		if err := server.Stop(); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
	})
	return diffs
}

func load(t *testing.T, file string) []*Script {
	t.Helper()
	scripts, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return scripts
}

// TestGolden replays every captured case against our server. A case without an exception must be as captured; a case with
// one must differ from the capture, at the step that the exception names, and be as the exception says.
func TestGolden(t *testing.T) {
	exceptions := map[string]*Exception{}
	for i, ex := range Exceptions {
		exceptions[ex.File+"/"+ex.Case] = &Exceptions[i]
	}
	for _, file := range files {
		for _, s := range load(t, file) {
			t.Run(file+"/"+s.Name, func(t *testing.T) {
				ex := exceptions[file+"/"+s.Name]
				if ex == nil {
					for _, d := range replay(t, everywhere(s)) {
						t.Error(d)
					}
					return
				}
				assertDiffers(t, ex, replay(t, everywhere(s)))
				edited := s.Clone()
				ex.Edit(edited)
				for _, d := range replay(t, everywhere(edited)) {
					t.Errorf("not as the exception says (%s): %v", ex.Ours, d)
				}
			})
		}
	}
}

func assertDiffers(t *testing.T, ex *Exception, diffs []Difference) {
	t.Helper()
	if len(diffs) == 0 {
		t.Error("the exception is stale: the case is as captured")
		return
	}
	if first := diffs[0]; first.At != ex.Step {
		t.Errorf("first difference from the capture: %v; the exception names step %d", first, ex.Step)
	}
}

// TestExceptionsAreComplete checks the list itself: every entry is about a case that exists, once, and says what and why.
func TestExceptionsAreComplete(t *testing.T) {
	steps := map[string]int{}
	for _, file := range files {
		for _, s := range load(t, file) {
			last := s.Steps[len(s.Steps)-1]
			steps[file+"/"+s.Name] = last.At
		}
	}
	seen := map[string]bool{}
	for _, ex := range Exceptions {
		name := ex.File + "/" + ex.Case
		last, ok := steps[name]
		switch {
		case !ok:
			t.Errorf("%s: no such case", name)
		case seen[name]:
			t.Errorf("%s: listed twice", name)
		case ex.Step < 0 || ex.Step > last:
			t.Errorf("%s: no step %d", name, ex.Step)
		case ex.Node == "" || ex.Ours == "" || ex.Why == "" || ex.Edit == nil:
			t.Errorf("%s: says not enough", name)
		}
		seen[name] = true
	}
}
