package realtime_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pages are the README and everything below docs.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{"README.md"}
	err := fs.WalkDir(os.DirFS("."), "docs", func(name string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") && !d.IsDir() {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The program at the top of the README is the Example of the package, which the compiler checks.
func TestReadmeProgram(t *testing.T) {
	example := readPage(t, "example_readme_test.go")
	want := strings.NewReplacer("package realtime_test", "package main", "func Example()", "func main()").Replace(example)
	blocks := codeBlocks(readPage(t, "README.md"))
	if len(blocks) == 0 || blocks[0].info != "go" || blocks[0].text != want {
		t.Errorf("the first block of README.md must be example_readme_test.go as a program:\n%s", want)
	}
}

// Go code in the documentation also stands in a test, line by line, so that it compiles.
func TestDocsGoCode(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := filepath.Glob("examples/cluster/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, cluster...)
	var code strings.Builder
	for _, name := range append(files, "adminui/example_test.go", "examples/chat/main.go", "examples/wechat/main.go") {
		code.WriteString(unindented(readPage(t, name)))
	}
	for _, name := range pages(t) {
		for _, b := range codeBlocks(readPage(t, name)) {
			if b.info != "go" || strings.HasPrefix(b.text, "package main") {
				continue
			}
			if !strings.Contains(code.String(), unindented(b.text)) {
				t.Errorf("%s:%d: no test holds this code:\n%s", name, b.line, b.text)
			}
		}
	}
}

func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, " \t"))
	}
	return b.String()
}

// Links between the pages lead somewhere.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)
	for _, name := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(readPage(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(path.Join(path.Dir(name), m[1])); err != nil {
				t.Errorf("%s: link to %s leads nowhere", name, m[1])
			}
		}
	}
}

// docs/concepts.md lists every limit with its default, and where the README names one it says the same.
func TestDocsLimits(t *testing.T) {
	srv, err := realtime.New(realtime.Config{Logger: (&logBook{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	limits := reflect.ValueOf(srv.Stats().Limits)
	concepts, readme := readPage(t, "docs/concepts.md"), readPage(t, "README.md")
	for i := range limits.NumField() {
		name, value := limits.Type().Field(i).Name, limits.Field(i).Interface()
		row := fmt.Sprintf("| `%s` | %s |", name, shown(name, value))
		if !strings.Contains(concepts, row) {
			t.Errorf("docs/concepts.md has no row %s", row)
		}
		row = fmt.Sprintf("`Limits.%s` | ", name)
		if _, rest, named := strings.Cut(readme, row); named && !strings.HasPrefix(rest, shown(name, value)) {
			t.Errorf("README.md: %s should go on with %s", row, shown(name, value))
		}
	}
}

// shown writes a limit as the pages do.
func shown(name string, value any) string {
	switch v := value.(type) {
	case time.Duration:
		return fmt.Sprintf("%d s", v/time.Second)
	case int64:
		return sizeText(v)
	case int:
		if name == "PublicData" {
			return sizeText(int64(v))
		}
		return withCommas(int64(v))
	default:
		panic(fmt.Sprintf("limit of type %T", value))
	}
}

func sizeText(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return withCommas(n) + " B"
	}
}

func withCommas(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", withCommas(n/1000), n%1000)
}

// docs/concepts.md lists every cause with its text.
func TestDocsCauses(t *testing.T) {
	concepts := readPage(t, "docs/concepts.md")
	n := 0
	for c := realtime.CauseUnknown + 1; c.String() != "unknown"; c++ {
		n++
		if row := fmt.Sprintf("| `%s` | %s | ", c, c.Reason()); !strings.Contains(concepts, row) {
			t.Errorf("docs/concepts.md has no row %s", row)
		}
	}
	if n < 10 {
		t.Errorf("only %d causes found", n)
	}
}

// docs/rules.md says what every cited decision (D) and requirement (R) means.
func TestDocsRules(t *testing.T) {
	listed := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^\| ([DR]\d+) \| \S`).FindAllStringSubmatch(readPage(t, "docs/rules.md"), -1) {
		if listed[m[1]] {
			t.Errorf("docs/rules.md lists %s twice", m[1])
		}
		listed[m[1]] = true
	}
	cited := regexp.MustCompile(`\b[DR][1-9]\d{0,2}\b`)
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || name == "docs/rules.md" || !regexp.MustCompile(`\.(go|mjs|md)$`).MatchString(name):
			return nil
		}
		for _, number := range cited.FindAllString(readPage(t, name), -1) {
			if !listed[number] {
				t.Errorf("%s cites %s, which docs/rules.md does not list", name, number)
				listed[number] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
