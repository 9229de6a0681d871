package siowire_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

func TestEventName(t *testing.T) {
	for _, c := range []struct {
		text, name string
		numeric    bool
	}{
		{`2["x"]`, "x", false},
		{`2[ "x" , 1 ]`, "x", false},
		{`2[""]`, "", false},
		{`2["1"]`, "1", false},
		{`2["é😀"]`, "é😀", false},
		{`2["\u0061\n\/\"\\\b\f\r\t"]`, "a\n/\"\\\b\f\r\t", false},
		{`2["\ud83d\ude00!"]`, "😀!", false},
		{`2["\uD83D\uDE00"]`, "😀", false},
		{`2["\ud83d"]`, "\ufffd", false},
		{`2["\ud83d\ud83d\ude00"]`, "\ufffd😀", false},
		{`2["\ude00\ud83d"]`, "\ufffd\ufffd", false},
		{`2["\ud83d\n\ud83dx"]`, "\ufffd\n\ufffdx", false},
		{`2["\u0000"]`, "\x00", false},
		{`2[5]`, "5", true},
		{`2[5.0]`, "5", true},
	} {
		name, numeric := decode(t, c.text).EventName()
		if string(name) != c.name || numeric != c.numeric {
			t.Errorf("%s: %q, %v, want %q, %v", c.text, name, numeric, c.name, c.numeric)
		}
	}
	for _, text := range []string{`2`, `30["x"]`, `3`, `0{}`, `1`, `4"x"`} {
		if name, _ := decode(t, text).EventName(); name != nil {
			t.Errorf("%s has the name %q", text, name)
		}
	}
}

func TestArgs(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 12, 127, 128, 129, 159, 160, 161, 1000} {
		elements := make([]string, n)
		for i := range elements {
			elements[i] = fmt.Sprintf(`{"n":[%d,"],"]}`, i)
		}
		elements[0] = `"x"`
		for _, text := range []string{
			`2[` + strings.Join(elements, ",") + `]`,
			"2[ " + strings.Join(elements, "\n,\t") + " ] \r\n",
		} {
			p := decode(t, text)
			if p.Args.Len() != n {
				t.Fatalf("%d elements counted, %d sent", p.Args.Len(), n)
			}
			for i, want := range elements {
				if got := p.Args.Raw(p.Data, i); string(got) != want {
					t.Errorf("element %d of %d is %s, want %s", i, n, got, want)
				}
			}
		}
	}
}

func TestArgsOutOfRangePanics(t *testing.T) {
	p := decode(t, `2["x"]`)
	for _, i := range []int{-1, 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Raw(%d) of one element did not panic", i)
				}
			}()
			p.Args.Raw(p.Data, i)
		}()
	}
}

// TestRawCannotReachBeyondItself: whoever appends to a raw value must not write
// into the rest of the message, which others may read.
func TestRawCannotReachBeyondItself(t *testing.T) {
	const before = `2["x",[1],[2]] `
	text := []byte(before)
	var d Decoder
	p, _, err := d.Text(text)
	if err != nil {
		t.Fatal(err)
	}
	name, _ := p.EventName()
	for _, b := range [][]byte{p.Data, name, p.Args.Raw(p.Data, 0), p.Args.Raw(p.Data, 1)} {
		_ = append(b, '!')
	}
	if string(text) != before {
		t.Errorf("message is now %s", text)
	}
}

func TestDataIsTrimmed(t *testing.T) {
	if p := decode(t, "2[ \"x\" ]\n "); string(p.Data) != `[ "x" ]` {
		t.Errorf("data is %q", p.Data)
	}
	if p := decode(t, `2`); p.Data != nil || p.Args.Len() != 0 {
		t.Errorf("data is %q, %d elements", p.Data, p.Args.Len())
	}
}

func TestNamespaces(t *testing.T) {
	var d Decoder
	for _, c := range []struct{ text, want string }{
		{`2["x"]`, "/"},
		{`2/,["x"]`, "/"},
		{`2/a,["x"]`, "/a"},
		{`2/a,["x"]`, "/a"},
		{`2/b,["x"]`, "/b"},
		{`2["x"]`, "/"},
		{`0/a?x=1,{}`, "/a?x=1"},
		{`0/a`, "/a"},
		{`0//`, "//"},
		{`2/a[1],["x"]`, "/a[1]"},
	} {
		p, _, err := d.Text([]byte(c.text))
		if err != nil || p.Namespace != c.want {
			t.Errorf("%s: namespace %q, %v, want %q", c.text, p.Namespace, err, c.want)
		}
	}
}

// TestNamespaceIsACopy: a namespace outlives the message that named it.
func TestNamespaceIsACopy(t *testing.T) {
	var d Decoder
	text := []byte(`2/abc,["x"]`)
	p, _, err := d.Text(text)
	if err != nil {
		t.Fatal(err)
	}
	clear(text)
	if p.Namespace != "/abc" {
		t.Errorf("namespace became %q with the message", p.Namespace)
	}
}

func TestBinaryPacket(t *testing.T) {
	var d Decoder
	must(t, &d, `62-/admin,7[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`)
	if _, whole, err := d.Binary([]byte("a")); whole || err != nil {
		t.Fatal(whole, err)
	}
	p, whole, err := d.Binary([]byte("b"))
	if !whole || err != nil {
		t.Fatal(whole, err)
	}
	if p.Type != Ack || !p.Binary || p.Namespace != "/admin" || p.ID != 7 || len(p.Attachments) != 2 {
		t.Errorf("got %+v", p)
	}
	for i, want := range []string{"b", "a"} {
		num, ok := ParsePlaceholder(p.Args.Raw(p.Data, i))
		if !ok || string(p.Attachments[num]) != want {
			t.Errorf("element %d: attachment %d, %v", i, num, ok)
		}
	}
	// The decoder is free for the next packet.
	if _, whole, err := d.Text([]byte(`2["x"]`)); !whole || err != nil {
		t.Error(whole, err)
	}
}

func TestParsePlaceholder(t *testing.T) {
	for _, c := range []struct {
		raw string
		num int
		ok  bool
	}{
		{`{"_placeholder":true,"num":3}`, 3, true},
		{` { "num" : 3 , "_placeholder" : true } `, 3, true},
		{`{"_placeholder":true,"num":3,"more":{"num":4,"_placeholder":false}}`, 3, true},
		{`{"_placeh\u006flder":true,"\u006eum":3}`, 3, true},
		{`{"_placeholder":true,"num":1,"num":2}`, 2, true},
		{`{"_placeholder":false,"_placeholder":true,"num":2}`, 2, true},
		{`{"_placeholder":true,"_placeholder":null,"num":2}`, -1, false},
		{`{"_placeholder":true}`, -1, true},
		{`{"_placeholder":true,"num":"0"}`, -1, true},
		{`{"_placeholder":true,"num":-1}`, -1, true},
		{`{"_placeholder":true,"num":1.5}`, -1, true},
		{`{"_placeholder":true,"num":2e0}`, 2, true},
		{`{"_placeholder":true,"num":2147483647}`, 1<<31 - 1, true},
		{`{"_placeholder":true,"num":2147483648}`, -1, true},
		{`{"_placeholder":"true","num":0}`, -1, false},
		{`{"_placeholder":1,"num":0}`, -1, false},
		{`{"_placeholder ":true,"num":0}`, -1, false},
		{`{"num":0}`, -1, false},
		{`{"a":{"_placeholder":true,"num":0}}`, -1, false},
		{`[{"_placeholder":true,"num":0}]`, -1, false},
		{`"_placeholder"`, -1, false},
		{`{}`, -1, false},
		{`{ }`, -1, false},
		{`null`, -1, false},
		{``, -1, false},
	} {
		if num, ok := ParsePlaceholder([]byte(c.raw)); num != c.num || ok != c.ok {
			t.Errorf("%s: %d, %v, want %d, %v", c.raw, num, ok, c.num, c.ok)
		}
	}
}
