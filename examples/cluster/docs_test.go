package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guide is the text of docs/migrating-from-nestjs.md.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "migrating-from-nestjs.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources are the texts of all files that match.
func sources(t *testing.T, patterns ...string) string {
	t.Helper()
	var text strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
		}
	}
	return text.String()
}

// proofs are the names of tests and examples, and the titles of the transcript's scenes.
func proofs(t *testing.T) (names []string) {
	t.Helper()
	top := filepath.Join("..", "..")
	golang := sources(t, "*_test.go", filepath.Join(top, "*_test.go"), filepath.Join(top, "adminui", "*_test.go"),
		filepath.Join(top, "internal", "engine", "*_test.go"),
		filepath.Join(top, "redisadapter", "*_test.go"), filepath.Join(top, "redisadapter", "internal", "nodewire", "*_test.go"))
	for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Example)\w+)\(`).FindAllStringSubmatch(golang, -1) {
		names = append(names, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^(\S.*\.)$`).FindAllStringSubmatch(sources(t, filepath.Join("testdata", "demo.txt")), -1) {
		names = append(names, m[1])
	}
	return names
}

// Every row of the guide's tables names a test or a scene that exists, or says that it was not tested.
func TestGuideNamesItsTests(t *testing.T) {
	known := proofs(t)
	rows := 0
	for line := range strings.Lines(guide(t)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| Shown by |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		last := cells[len(cells)-1]
		names := regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(last, -1)
		if len(names) == 0 && strings.TrimSpace(last) != "*not tested*" {
			t.Errorf("this row names no test, and does not say that there is none: %s", line)
		}
		for _, name := range names {
			if !slices.Contains(known, name[1]) {
				t.Errorf("no test and no scene is called %q: %s", name[1], line)
			}
		}
	}
	if rows < 90 {
		t.Errorf("only %d rows found", rows)
	}
}

// The guide's code stands in the gateways and in the transcript.
func TestGuideCode(t *testing.T) {
	places := map[string]string{
		"js":         sources(t, filepath.Join("nest", "*.mjs")),
		"go":         sources(t, "*.go"),
		"transcript": sources(t, filepath.Join("testdata", "demo.txt")),
	}
	found := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(guide(t), -1) {
		language, code := m[1], m[2]
		text, known := places[language]
		if !known {
			t.Errorf("nobody looks for code in %s", language)
		}
		if !strings.Contains(unindented(text), unindented(code)) {
			t.Errorf("the example does not hold this code:\n%s", code)
		}
		found[language]++
	}
	if found["js"] < 1 || found["go"] < 5 || found["transcript"] < 1 {
		t.Errorf("found %v", found)
	}
}

func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, " \t"))
	}
	return b.String()
}
