package realtime_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/realtime-go/realtime"
)

// logCall is a place that writes a log line.
type logCall struct {
	where   string
	message string
	level   string   // "" if it is computed
	keys    []string // of the attributes that stand in the call
}

// logCalls finds the log lines of the library: of everything that a program which uses it may run.
func logCalls(t *testing.T) (calls []logCall) {
	t.Helper()
	files := gotoken.NewFileSet()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "benchmarks", "cmd", "e2e", "examples", "redistest", "tools"}, d.Name()),
			d.IsDir() && name == "redisadapter/bench":
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if line, ok := logCallOf(call); ok {
					line.where = files.Position(call.Pos()).String()
					calls = append(calls, line)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

var logMethod = regexp.MustCompile(`^(Debug|Info|Warn|Error|Log)(Context|Attrs)?$`)

// logCallOf recognises calls such as s.log.Info("message", …) and cfg.Logger.Log(ctx, level, "message", …).
func logCallOf(call *ast.CallExpr) (line logCall, ok bool) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !logMethod.MatchString(method.Sel.Name) {
		return line, false
	}
	logger := ""
	switch x := method.X.(type) {
	case *ast.Ident:
		logger = x.Name
	case *ast.SelectorExpr:
		logger = x.Sel.Name
	}
	if !slices.Contains([]string{"log", "logger", "Logger", "slog"}, logger) {
		return line, false
	}
	for _, arg := range call.Args {
		if text, isText := literal(arg); isText && line.message == "" {
			line.message = text
		} else if line.message != "" {
			line.keys = append(line.keys, attrKeys(arg)...)
		}
	}
	if level := logMethod.FindStringSubmatch(method.Sel.Name)[1]; level != "Log" {
		line.level = strings.ToUpper(level)
	}
	return line, true
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != gotoken.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// attrKeys are the keys of slog.String("key", …) and its like in an expression.
func attrKeys(e ast.Expr) (keys []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if of, ok := call.Fun.(*ast.SelectorExpr); ok {
			if pkg, ok := of.X.(*ast.Ident); ok && pkg.Name == "slog" {
				if key, ok := literal(call.Args[0]); ok {
					keys = append(keys, key)
				}
			}
		}
		return true
	})
	return keys
}

// operationsRow is a row of the tables of log lines.
type operationsRow struct{ level, fields string }

func operationsRows(t *testing.T) map[string]operationsRow {
	t.Helper()
	rows := make(map[string]operationsRow)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([A-Z, ]+) \\| ([^|]*) \\| [^|]+ \\|$").FindAllStringSubmatch(readPage(t, "docs/operations.md"), -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("docs/operations.md lists %q twice", m[1])
		}
		rows[m[1]] = operationsRow{m[2], m[3]}
	}
	return rows
}

// docs/operations.md has a row for every log line of the library, with its level and its fields, and no row for another.
func TestDocsLogLines(t *testing.T) {
	rows, written := operationsRows(t), make(map[string]bool)
	calls := logCalls(t)
	if len(calls) < 40 {
		t.Errorf("only %d log lines found", len(calls))
	}
	for _, call := range calls {
		if call.message == "" {
			t.Errorf("%s: the message is no literal", call.where)
			continue
		}
		written[call.message] = true
		row, listed := rows[call.message]
		if !listed {
			t.Errorf("%s: docs/operations.md has no row for %q", call.where, call.message)
			continue
		}
		if call.level != "" && !slices.Contains(strings.Split(row.level, ", "), call.level) {
			t.Errorf("%s: %q is written at %s, docs/operations.md says %s", call.where, call.message, call.level, row.level)
		}
		for _, key := range call.keys {
			if !strings.Contains(row.fields, "`"+key+"`") {
				t.Errorf("%s: docs/operations.md does not name the field %q of %q", call.where, key, call.message)
			}
		}
	}
	for message := range rows {
		if !written[message] {
			t.Errorf("docs/operations.md has a row for %q, which nobody writes", message)
		}
	}
}

// docs/operations.md has a row for every field of Stats and for every kind of anomaly.
func TestDocsStats(t *testing.T) {
	page := readPage(t, "docs/operations.md")
	stats := reflect.TypeFor[realtime.Stats]()
	for i := range stats.NumField() {
		if name := stats.Field(i).Name; !strings.Contains(page, "| `"+name+"` | ") {
			t.Errorf("docs/operations.md has no row for Stats.%s", name)
		}
	}
	for _, kind := range []realtime.AnomalyKind{
		realtime.AnomalyFlapping, realtime.AnomalyLateHeartbeat, realtime.AnomalyLatencyJump, realtime.AnomalyManyAddresses, realtime.AnomalyRefusedEvents,
	} {
		if !strings.Contains(page, "| `"+string(kind)+"` | ") {
			t.Errorf("docs/operations.md has no row for the anomaly %s", kind)
		}
	}
}
