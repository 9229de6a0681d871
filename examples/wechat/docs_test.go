package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is the text of docs/wechat.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "wechat.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the contents of the page's code blocks of a language.
func blocks(t *testing.T, language string) (texts []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		texts = append(texts, m[1])
	}
	if len(texts) == 0 {
		t.Fatalf("docs/wechat.md has no block of %s", language)
	}
	return texts
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

// Every row of the page's tables names a test that exists, or says that it is the platform's behaviour.
func TestDocsNameTheirTests(t *testing.T) {
	var tests []string
	golang := sources(t, "*_test.go", filepath.Join("..", "..", "*_test.go"))
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(golang, -1) {
		tests = append(tests, m[1])
	}
	scripts := sources(t, filepath.Join("test", "*.test.mjs"), filepath.Join("..", "..", "client", "test", "*.test.mjs"))
	for _, m := range regexp.MustCompile("(?:test|scenario)\\([\"`](.*?)(?:[\"`],|\\$)").FindAllStringSubmatch(scripts, -1) {
		tests = append(tests, strings.TrimSpace(strings.ReplaceAll(m[1], "`", "")))
	}
	rows := 0
	for line := range strings.Lines(page(t)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| Shown by |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		last := cells[len(cells)-1]
		names := regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(last, -1)
		if len(names) == 0 && !strings.Contains(last, "*platform*") {
			t.Errorf("this row names no test, and does not say that it is the platform's: %s", line)
		}
		for _, name := range names {
			if !slices.Contains(tests, name[1]) {
				t.Errorf("no test is called %q: %s", name[1], line)
			}
		}
	}
	if rows < 30 {
		t.Errorf("only %d rows found", rows)
	}
}

// The page's JavaScript stands in the game.
func TestDocsJavaScript(t *testing.T) {
	game := unindented(sources(t, filepath.Join("minigame", "*.js")))
	for _, block := range blocks(t, "js") {
		if !strings.Contains(game, unindented(block)) {
			t.Errorf("the game does not hold this code:\n%s", block)
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

// The page's lines of the log are what the server logs, where they say "…" with more between.
func TestDocsLog(t *testing.T) {
	_, version, _ := refuse(t, oldWeapp, "")
	_, origin, _ := refuse(t, "/socket.io/?EIO=4&transport=websocket", "https://phone.example")
	for _, block := range blocks(t, "log") {
		for line := range strings.Lines(block) {
			if rest := version + origin; !inOrder(rest, strings.Split(strings.TrimSpace(line), "…")) {
				t.Errorf("the log\n%sdoes not hold\n%s", rest, line)
			}
		}
	}
}

// inOrder tells whether a line of text holds all parts, one after the other.
func inOrder(text string, parts []string) bool {
	for line := range strings.Lines(text) {
		found := true
		for _, part := range parts {
			_, rest, ok := strings.Cut(line, strings.TrimSpace(part))
			found, line = found && ok, rest
		}
		if found {
			return true
		}
	}
	return false
}
