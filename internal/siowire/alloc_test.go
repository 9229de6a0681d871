package siowire_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

func TestAllocsDecode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       float64
	}{
		{"connect", `0`, 0},
		{"connect with auth", `0{"token":"abc"}`, 0},
		{"event", `2["message","hello"]`, 0},
		{"event with id", `212["message",{"a":[1,2.5,{"b":null}]},"é\n",true]`, 0},
		{"event in a namespace", `2/admin,7["message","hello"]`, 0},
		{"event with an escaped name", `2["\u006dessage","hello"]`, 0},
		{"event with a number", `2[7,"hello"]`, 0},
		{"ack", `3/admin,7[{"ok":true}]`, 0},
		{"nested to the limit", `2["x",` + nested(63, true) + `]`, 0},
		{"five elements", `2["message",1,2,3,4]`, 1},
		{"a thousand elements", `2["message"` + strings.Repeat(",1", 1000) + `]`, 6},
	} {
		var d Decoder
		must(t, &d, `2/admin,["warms the namespace"]`)
		text := []byte(c.text)
		if got := testing.AllocsPerRun(100, func() {
			if _, _, err := d.Text(text); err != nil {
				t.Fatal(err)
			}
		}); got > c.want {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.want)
		}
	}
}

func TestAllocsDecodeBinary(t *testing.T) {
	var d Decoder
	text, attachment := []byte(`51-["file",{"_placeholder":true,"num":0}]`), []byte{1, 2, 3}
	if got := testing.AllocsPerRun(100, func() {
		if _, _, err := d.Text(text); err != nil {
			t.Fatal(err)
		}
		if _, whole, err := d.Binary(attachment); !whole || err != nil {
			t.Fatal(whole, err)
		}
	}); got > 2 { // the packet that waits and its list of attachments
		t.Errorf("%v allocations, want at most 2", got)
	}
}

func TestAllocsRead(t *testing.T) {
	p := decode(t, `2["message",{"_placeholder":true,"num":3},[1,{"a":"b"}],7,8]`)
	if got := testing.AllocsPerRun(100, func() {
		if name, _ := p.EventName(); string(name) != "message" {
			t.Fatal(name)
		}
		for i := range p.Args.Len() {
			raw := p.Args.Raw(p.Data, i)
			ParsePlaceholder(raw)
			SkipValue(raw, 0)
		}
		if _, err := Valid(p.Data, 0); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestAllocsEncode(t *testing.T) {
	buf := make([]byte, 0, 512)
	if got := testing.AllocsPerRun(100, func() {
		b := AppendHeader(buf, Event, 1, "/admin", 1<<53-1, true)
		b = append(b, '[')
		b = AppendString(b, "message \n\u2028 é \xff")
		b = append(b, ',')
		b = AppendPlaceholder(b, 0)
		_ = append(b, ']')
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// hostile are messages that cost much if they are met by recursion, generic
// decoding, a table of positions or a search that starts again (requirements
// R33, R34, R37).
var hostile = []struct {
	name   string
	text   string
	reason error
}{
	{"brackets", `2` + strings.Repeat("[", 1<<20), ErrDepth},
	{"brackets behind a name", `2["x",` + strings.Repeat("[", 1<<20), ErrDepth},
	{"objects", `2["x",` + strings.Repeat(`{"a":`, 1<<18), ErrDepth},
	{"500,000 deep", `2["x",` + nested(500_000, false) + `]`, ErrDepth},
	{"500,000 deep in CONNECT", `0{"a":` + nested(500_000, false) + `}`, ErrDepth},
	{"small objects", `2["x"` + strings.Repeat(`,{"a":0}`, 1<<17) + `]`, nil},
	{"small objects in one", `2["x",[{}` + strings.Repeat(`,{"a":0}`, 1<<17) + `]]`, nil},
	{"zeros", `2["x"` + strings.Repeat(`,0`, 1<<19) + `]`, nil},
	{"placeholders", `51-["x"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 1<<15) + `]`, nil},
	{"nested placeholders", `51-["x"` + strings.Repeat(`,`+strings.Repeat(`{"_placeholder":true,"num":0,"a":`, 60)+`0`+strings.Repeat(`}`, 60), 1<<9) + `]`, nil},
	{"long number in a placeholder", `51-["x",{"_placeholder":true,"num":` + strings.Repeat("9", 1<<20) + `}]`, ErrPlaceholder},
	{"escapes in keys", `51-["x",{"` + strings.Repeat(`\u005f`, 1<<17) + `":0}]`, nil},
	{"escapes in a name", `2["` + strings.Repeat(`\u0061`, 1<<17) + `"]`, ErrNameTooLong},
	{"long name", `2["` + strings.Repeat(`a`, 1<<20) + `"]`, ErrNameTooLong},
	{"long namespace", `2/` + strings.Repeat(`a`, 1<<20) + `,["x"]`, ErrNameTooLong},
	{"long id", `2` + strings.Repeat(`1`, 1<<20) + `["x"]`, ErrID},
	{"long count", `5` + strings.Repeat(`1`, 1<<20) + `-["x"]`, ErrTooManyAttachments},
	{"white space", `2[` + strings.Repeat(" ", 1<<20) + `"x"]` + strings.Repeat("\n", 1<<20), nil},
	{"backslashes", `2["x","` + strings.Repeat(`\\`, 1<<19) + `"]`, nil},
	{"unclosed string", `2["x","` + strings.Repeat(`\\`, 1<<19), ErrJSON},
}

// TestHostileCost counts what a megabyte of malice costs. That the time is
// linear follows from the construction, a scan that never goes back and a search
// for placeholders that visits each value once; BenchmarkHostile shows it.
func TestHostileCost(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			text := []byte(c.text)
			p, err := Packet{}, error(nil)
			count, bytes := allocated(func() {
				var d Decoder
				if p, _, err = d.Text(text); err == nil && p.Data == nil {
					if partial, _ := d.Partial(); partial != nil {
						p = *partial
					}
				}
			})
			if !errors.Is(err, c.reason) {
				t.Fatalf("error %v, want %v", err, c.reason)
			}
			if count > 20 || bytes > uint64(len(text)) {
				t.Errorf("%d allocations, %d bytes for a message of %d", count, bytes, len(text))
			}
			if err == nil && p.Args.SpanTable() > len(text)/4 {
				t.Errorf("%d bytes of positions are kept", p.Args.SpanTable())
			}
		})
	}
}

// TestHostileAttachments: what was announced costs nothing before it arrives.
func TestHostileAttachments(t *testing.T) {
	var d Decoder
	d.Init(&Limits{Attachments: math.MaxInt})
	must(t, &d, `51000000-["x"]`)
	if _, bytes := allocated(func() {
		if _, _, err := d.Binary([]byte{1}); err != nil {
			t.Error(err)
		}
	}); bytes > 4096 {
		t.Errorf("the first of 10^6 announced attachments costs %d bytes", bytes)
	}
}

// allocated counts the allocations of f and their bytes.
func allocated(f func()) (count, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}
