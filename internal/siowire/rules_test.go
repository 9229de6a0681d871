package siowire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// One table a requirement. A case without a reason is accepted.

type ruleCase struct {
	text   string
	reason error
}

// check decodes each text with fresh decoders and the given limits.
func check(t *testing.T, limits *Limits, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		var d Decoder
		d.Init(limits)
		_, _, err := d.Text([]byte(c.text))
		if !errors.Is(err, c.reason) {
			t.Errorf("%.80q (%d bytes): error %v, want %v", c.text, len(c.text), err, c.reason)
			continue
		}
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(c.text) {
			t.Errorf("%.80q: error %#v has no position in the text", c.text, err)
		}
		checkUnusable(t, &d)
	}
}

func placeholder(num string) string { return `{"_placeholder":true,"num":` + num + `}` }

func TestR25AttachmentCount(t *testing.T) {
	check(t, nil, []ruleCase{
		{`51-["x"]`, nil},
		{`510-["x"]`, nil},
		{`5010-["x"]`, nil},
		{`61-[]`, nil},
		{`51-`, nil},
		{`50-["x"]`, ErrAttachmentCount},
		{`500-["x"]`, ErrAttachmentCount},
		{`511-["x"]`, ErrTooManyAttachments},
		{`5100-["x"]`, ErrTooManyAttachments},
		{`518446744073709551617-["x"]`, ErrTooManyAttachments}, // 1 modulo 2^64
		{`5` + strings.Repeat("9", 100_000) + `-["x"]`, ErrTooManyAttachments},
		{`5-["x"]`, ErrAttachmentCount},
		{`5-1-["x"]`, ErrAttachmentCount},
		{`5+1-["x"]`, ErrAttachmentCount},
		{`5 1-["x"]`, ErrAttachmentCount},
		{`51 -["x"]`, ErrAttachmentCount},
		{`51.0-["x"]`, ErrAttachmentCount},
		{`51e0-["x"]`, ErrAttachmentCount},
		{`50x1-["x"]`, ErrAttachmentCount},
		{`5١-["x"]`, ErrAttachmentCount},
		{`51["x"]`, ErrAttachmentCount},
		{`51`, ErrAttachmentCount},
		{`5`, ErrAttachmentCount},
		{`6`, ErrAttachmentCount},
		{`51_-["x"]`, ErrAttachmentCount},
	})
	check(t, &Limits{Attachments: math.MaxInt}, []ruleCase{
		{`51048576-["x"]`, nil},
		{`51048577-["x"]`, ErrTooManyAttachments},
		{`518446744073709551617-["x"]`, ErrTooManyAttachments},
	})
	check(t, &Limits{Attachments: 2}, []ruleCase{
		{`52-["x"]`, nil},
		{`53-["x"]`, ErrTooManyAttachments},
	})
}

func TestR26Placeholder(t *testing.T) {
	cases := []ruleCase{{`51-["x",{"_placeholder":true}]`, ErrPlaceholder}}
	for _, num := range []string{"0", "1", "9", "1e0", "1.0", "-0", "0e999"} {
		cases = append(cases, ruleCase{`510-["x",` + placeholder(num) + `]`, nil})
	}
	for _, num := range []string{
		"-1", "1.5", `"splice"`, `"length"`, `"0"`, "1000000000", "1e9", "1e999", "10", "10.0", "0.5", "-0.5",
		"null", "true", "[0]", "{}", `""`, "9007199254740993", strings.Repeat("9", 400),
	} {
		bad := placeholder(num)
		cases = append(
			cases,
			ruleCase{`510-["x",` + bad + `]`, ErrPlaceholder},
			ruleCase{`510-["x",{"a":[1,{"b":` + bad + `}]},2]`, ErrPlaceholder},
			ruleCase{`610-[` + bad + `]`, ErrPlaceholder},
			ruleCase{`2["x",` + bad + `]`, nil}, // plain data without attachments
			ruleCase{`0` + bad, nil},
			ruleCase{`510-["x",{"_placeholder":1,"num":` + num + `}]`, nil},
		)
	}
	check(t, nil, cases)
}

func TestR28Payload(t *testing.T) {
	cases := []ruleCase{
		{``, ErrEmpty},
		{`7`, ErrUnknownType},
		{`x`, ErrUnknownType},
		{"\x00", ErrUnknownType},
		{`0`, nil},
		{`0{}`, nil},
		{`0[]`, ErrPayload},
		{`0"x"`, ErrPayload},
		{`0null`, ErrPayload},
		{`0true`, ErrPayload},
		{`0{}x`, ErrJSON},
		{`0{"a":}`, ErrJSON},
		{`1`, nil},
		{`1{}`, ErrPayload},
		{`1null`, ErrPayload},
		{`1/a,{}`, ErrPayload},
		{`2`, nil},
		{`2["x"]`, nil},
		{`2[""]`, nil},
		{`2[5,"x"]`, nil},
		{`2[-5.5e3]`, nil},
		{`2[]`, ErrPayload},
		{`2[ ]`, ErrPayload},
		{`2{}`, ErrPayload},
		{`2"x"`, ErrPayload},
		{`2null`, ErrPayload},
		{`2[null]`, ErrPayload},
		{`2[true]`, ErrPayload},
		{`2[{}]`, ErrPayload},
		{`2[["x"]]`, ErrPayload},
		{`2["x"`, ErrJSON},
		{`2/a,abc`, ErrPayload},
		{`2 ["x"]`, ErrPayload},
		{"2\xef\xbb\xbf[\"x\"]", ErrPayload},
		{`3`, nil},
		{`30[]`, nil},
		{`3["x"]`, nil},
		{`30{}`, ErrPayload},
		{`30null`, ErrPayload},
		{`30"x"`, ErrPayload},
		{`4`, nil},
		{`4"x"`, nil},
		{`4{}`, nil},
		{`4[]`, ErrPayload},
		{`4null`, ErrPayload},
		{`4{"message":}`, ErrJSON},
		{`51-[` + placeholder("0") + `]`, ErrPayload},
		{`51-{}`, ErrPayload},
		{`61-{}`, ErrPayload},
	}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		escaped := fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
		cases = append(
			cases,
			ruleCase{`2["` + name + `"]`, ErrReservedEvent},
			ruleCase{`2["` + escaped + `","x"]`, ErrReservedEvent},
			ruleCase{`51-[ "` + name + `",` + placeholder("0") + `]`, ErrReservedEvent},
			ruleCase{`2["` + name + ` "]`, nil},
			ruleCase{`2["` + strings.ToUpper(name) + `"]`, nil},
			ruleCase{`30["` + name + `"]`, nil}, // an answer has no name
		)
	}
	check(t, nil, cases)
}

func TestR29AckID(t *testing.T) {
	for _, typ := range []string{"2", "3"} {
		for _, c := range []struct {
			id     string
			reason error
		}{
			{"0", nil},
			{"007", nil},
			{"9007199254740991", nil}, // 2^53−1
			{"0000000000000007", nil},
			{"9007199254740992", ErrID}, // 2^53
			{"9007199254740993", ErrID},
			{"9999999999999999", ErrID},
			{"18446744073709551616", ErrID}, // 2^64
			{"18446744073709551617", ErrID},
			{"00000000000000007", ErrID},            // 17 digits
			{"1" + strings.Repeat("0", 400), ErrID}, // 10^400
			{"-1", ErrPayload},
			{"+1", ErrPayload},
			{" 1", ErrPayload},
			{"1 ", ErrPayload},
			{"1.5", ErrPayload},
			{"1e3", ErrPayload},
			{"0x1", ErrPayload},
			{"٣", ErrPayload},
		} {
			check(t, nil, []ruleCase{
				{typ + c.id + `["x"]`, c.reason},
				{typ + "/a," + c.id + `["x"]`, c.reason},
			})
		}
	}
	if p := decode(t, `29007199254740991["x"]`); p.ID != 1<<53-1 || !p.HasID {
		t.Errorf("id %d, %v", p.ID, p.HasID)
	}
	if p := decode(t, `20["x"]`); p.ID != 0 || !p.HasID {
		t.Errorf("id %d, %v", p.ID, p.HasID)
	}
	if p := decode(t, `2["x"]`); p.HasID {
		t.Error("id out of nowhere")
	}
}

func TestR32Names(t *testing.T) {
	name := func(n int) string { return strings.Repeat("n", n) }
	for _, c := range []struct {
		n      int
		reason error
	}{{255, nil}, {256, ErrNameTooLong}, {1 << 20, ErrNameTooLong}} {
		check(t, nil, []ruleCase{
			{"0/" + name(c.n-1), c.reason},
			{"0/" + name(c.n-1) + ",", c.reason},
			{"2/" + name(c.n-1) + `,["x"]`, c.reason},
			{`2["` + name(c.n) + `"]`, c.reason},
			{`2["` + strings.Repeat(`\u006e`, c.n) + `"]`, c.reason},
			{`2["` + name(c.n-1) + `\n"]`, c.reason},
			{`2[` + strings.Repeat("7", c.n) + `]`, c.reason},
			{`30["` + name(c.n) + `"]`, nil}, // an answer has no name
		})
	}
	// Bytes count, not characters: 255 of them are 85 euro signs, escaped or not.
	check(t, nil, []ruleCase{
		{`2["` + strings.Repeat("€", 85) + `"]`, nil},
		{`2["` + strings.Repeat("€", 85) + `n"]`, ErrNameTooLong},
		{`2["` + strings.Repeat(`\u20ac`, 85) + `"]`, nil},
		{`2["` + strings.Repeat(`\u20ac`, 85) + `n"]`, ErrNameTooLong},
	})
	check(t, &Limits{NameLen: math.MaxInt}, []ruleCase{{`2["` + strings.Repeat(`\u006e`, 1000) + `"]`, nil}})
	check(t, &Limits{NameLen: 3}, []ruleCase{
		{`2/ab,["abc"]`, nil},
		{`2/abc,["abc"]`, ErrNameTooLong},
		{`2/ab,["abcd"]`, ErrNameTooLong},
		{`2["` + strings.Repeat(`\u006e`, 1000) + `"]`, ErrNameTooLong},
	})
}

// nested is n arrays or objects inside each other.
func nested(n int, object bool) string {
	if object {
		return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1)
	}
	return strings.Repeat(`[`, n) + strings.Repeat(`]`, n)
}

func TestR33Depth(t *testing.T) {
	for _, object := range []bool{false, true} {
		for _, c := range []struct {
			n      int
			reason error
		}{{64, nil}, {65, ErrDepth}, {500_000, ErrDepth}} {
			check(t, nil, []ruleCase{
				{`2["x",` + nested(c.n-1, object) + `]`, c.reason},
				{`30[` + nested(c.n-1, object) + `]`, c.reason},
				{`51-["x",` + nested(c.n-1, object) + `]`, c.reason},
				{`4` + nested(c.n, true), c.reason},
			})
		}
	}
	check(t, nil, []ruleCase{ // R18: less before anybody is authenticated
		{`0` + nested(16, true), nil},
		{`0` + nested(17, true), ErrDepth},
		{`0{"a":` + nested(15, false) + `}`, nil},
		{`0{"a":` + nested(16, false) + `}`, ErrDepth},
	})
	check(t, &Limits{Depth: 2, ConnectDepth: 1}, []ruleCase{
		{`2["x",[],{}]`, nil},
		{`2["x",[[]]]`, ErrDepth},
		{`0{}`, nil},
		{`0{"a":[]}`, ErrDepth},
	})
	// Only open containers count.
	check(t, nil, []ruleCase{{`2["x"` + strings.Repeat(`,[{}]`, 1000) + `]`, nil}})
	// A limit beyond what fits the inline stack works as well.
	check(t, &Limits{Depth: 1000}, []ruleCase{
		{`2["x",` + nested(999, true) + `]`, nil},
		{`51-["x",` + nested(999, true) + `]`, nil},
		{`2["x",` + nested(1000, false) + `]`, ErrDepth},
	})
}

func TestR34Nodes(t *testing.T) {
	for text, want := range map[string]int{
		`2`:                            0,
		`2["x"]`:                       2,
		`2[ "x" , 1 , { } , [ ] ]`:     5,
		`30[]`:                         1,
		`0{"a":1,"b":[2,3],"c":{}}`:    6,
		`4"x"`:                         1,
		`2["x",{"a":{"b":[null,{}]}}]`: 7,
	} {
		if p := decode(t, text); p.Nodes != want {
			t.Errorf("%s: %d nodes, want %d", text, p.Nodes, want)
		}
	}
}

func TestR35NumbersAndKeysStayRaw(t *testing.T) {
	const args = `[9223372036854775808,1e999,12345678901234567890.5,{"__proto__":{"a":1},"constructor":2,"a":1,"a":2}]`
	p := decode(t, `2["x",`+args[1:])
	want := strings.Split(args[1:len(args)-1], ",")
	for i := range 3 {
		if got := p.Args.Raw(p.Data, i+1); string(got) != want[i] {
			t.Errorf("argument %d is %s, want %s", i, got, want[i])
		}
	}
	if got := p.Args.Raw(p.Data, 4); !strings.HasSuffix(args, string(got)+"]") {
		t.Errorf("object is %s", got)
	}
}

// TestR36 is in TestGoldenDecode and check, which try every failed decoder
// again, in TestDecoderOutOfTurn and in FuzzDecode.

func TestDecoderOutOfTurn(t *testing.T) {
	const announced = `51-["x",{"_placeholder":true,"num":0}]`
	for _, c := range []struct {
		name   string
		reason error
		feed   func(d *Decoder) error
	}{
		{"binary first", ErrUnexpectedBinary, func(d *Decoder) error {
			_, _, err := d.Binary([]byte{1})
			return err
		}},
		{"text between", ErrUnexpectedText, func(d *Decoder) error {
			must(t, d, announced)
			_, _, err := d.Text([]byte(`2["x"]`))
			return err
		}},
		{"one binary too many", ErrUnexpectedBinary, func(d *Decoder) error {
			must(t, d, announced)
			if _, whole, err := d.Binary(nil); !whole || err != nil {
				t.Fatal(whole, err)
			}
			_, _, err := d.Binary(nil)
			return err
		}},
		{"after discarding", ErrUnusable, func(d *Decoder) error {
			must(t, d, announced)
			d.Discard()
			_, _, err := d.Binary([]byte{1})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			if err := c.feed(&d); !errors.Is(err, c.reason) {
				t.Errorf("error %v, want %v", err, c.reason)
			}
			checkUnusable(t, &d)
		})
	}
}

// must gives a text to d that is a packet, whole or not.
func must(t testing.TB, d *Decoder, text string) {
	t.Helper()
	if _, _, err := d.Text([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestR27PartialPacket(t *testing.T) {
	var d Decoder
	if p, missing := d.Partial(); p != nil || missing != 0 {
		t.Fatalf("a new decoder assembles %v, %d", p, missing)
	}
	must(t, &d, `510-/admin,7["x",{"_placeholder":true,"num":9}]`)
	for i := range 9 {
		p, missing := d.Partial()
		if p == nil || missing != 10-i || p.Namespace != "/admin" || p.ID != 7 || !p.HasID || p.Type != Event || !p.Binary {
			t.Fatalf("after %d attachments: %+v, %d missing", i, p, missing)
		}
		if _, whole, err := d.Binary([]byte{byte(i)}); whole || err != nil {
			t.Fatal(i, whole, err)
		}
	}
	d.Discard()
	if p, missing := d.Partial(); p != nil || missing != 0 {
		t.Errorf("after Discard: %v, %d", p, missing)
	}
}

// TestR27AttachmentBytes: the bytes of one packet are limited together, and anew
// for the next one.
func TestR27AttachmentBytes(t *testing.T) {
	var d Decoder
	d.Init(&Limits{AttachmentBytes: 100})
	for range 2 {
		must(t, &d, `52-["x"]`)
		if _, _, err := d.Binary(make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		if _, whole, err := d.Binary(make([]byte, 40)); !whole || err != nil {
			t.Fatal(whole, err)
		}
	}
	must(t, &d, `52-["x"]`)
	if _, _, err := d.Binary(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Binary(make([]byte, 41)); !errors.Is(err, ErrAttachmentBytes) {
		t.Errorf("101 of 100 bytes: %v", err)
	}
	checkUnusable(t, &d)
}

func TestErrorNamesRuleAndPositionOnly(t *testing.T) {
	var d Decoder
	_, _, err := d.Text([]byte(`2["secret",nope]`))
	if got, want := err.Error(), "socket.io packet: invalid JSON at byte 11"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, _, err = d.Text([]byte(`2["secret"]`))
	if got, want := err.Error(), "socket.io packet: decoder is not usable any more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInputIsNotChanged(t *testing.T) {
	for _, c := range golden(t, "decode") {
		var d Decoder
		for _, in := range c.Inputs {
			if in.Text == nil {
				continue
			}
			data := []byte(*in.Text)
			p, _, _ := d.Text(data)
			p.EventName()
			if !bytes.Equal(data, []byte(*in.Text)) {
				t.Errorf("%s: input changed to %q", c.Name, data)
			}
		}
	}
}
