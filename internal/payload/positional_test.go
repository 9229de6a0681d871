package payload

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type move struct {
	Positional
	Piece   string
	_       int // takes no argument
	To      square
	Ignored string `json:"-"`
	Proof   Binary
	Note    *string `json:"whatever"`
	Rest    any
}

type square struct{ X, Y int }

func (s square) Validate() error {
	if s.X > 8 {
		return errOffBoard
	}
	return nil
}

func (m *move) Validate() error {
	if m.Piece == "" {
		return errNoPiece
	}
	return nil
}

var (
	errOffBoard = errors.New("off the board")
	errNoPiece  = errors.New("no piece")
)

type viaMove struct { // embeds a list, but is none
	move2
	Extra int
}

type move2 struct {
	Positional
	A int
}

type empty struct{}

type strict struct{}

func (strict) Validate() error { return errTest }

func TestBindInto(t *testing.T) {
	t.Parallel()
	full := move{Piece: "K", To: square{1, 2}, Proof: Binary("A"), Note: ptr("n"), Rest: Binary("BB")}
	args := texts(`"K"`, `{"X":1,"Y":2}`, ph(0), `"n"`, ph(1), `"extra"`)
	tests := []struct {
		name string
		args list
		dst  any
		want any
	}{
		{"list", args, new(move), full},
		{"pointer to list", args, new(*move), &full},
		{"pointers to list", args, new(**move), ptr(&full)},
		{"missing", args[:2], new(move), move{Piece: "K", To: square{1, 2}}},
		{"missing keep what was there", args[:1], &move{Piece: "x", To: square{3, 3}}, move{Piece: "K", To: square{3, 3}}},
		{"none in a pointer", texts(), new(*move2), &move2{}},
		{"null for a pointer", texts(`"K"`, `{}`, `null`, `null`, `null`), new(move), move{Piece: "K"}},
		{"not by way of another", texts(`{"A":1,"Extra":2}`, `3`), new(viaMove), viaMove{move2: move2{A: 1}, Extra: 2}},
		{"one", texts(`{"X":1}`, `5`), new(square), square{X: 1}},
		{"one missing", texts(), new(square), square{}},
		{"one missing pointer", texts(), new(*square), (*square)(nil)},
		{"one pointer", texts(`{"X":1}`), new(*square), &square{X: 1}},
		{"null pointer", texts(`null`), new(*move2), &move2{}},
		{"null for a validated pointer", texts(`null`), new(*square), (*square)(nil)},
		{"whole attachment", texts(ph(1)), new(Binary), Binary("BB")},
		{"bytes", texts(ph(1)), new([]byte), []byte("BB")},
		{"interface", texts(ph(1)), new(any), Binary("BB")},
		{"raw", texts(`[1]`), new(json.RawMessage), json.RawMessage(`[1]`)},
		{"no fields take nothing", texts(`"x"`), new(struct{}), struct{}{}},
		{"no fields, named", texts(`5`), new(*empty), (*empty)(nil)},
		{"method", texts(`{"Img":` + ph(0) + `}`), new(alias), alias{Img: Binary("A"), Count: 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := BindInto(nil, tt.args, abc(), tt.dst); err != nil {
				t.Fatal(err)
			}
			got := reflect.ValueOf(tt.dst).Elem().Interface()
			if diff := cmp.Diff(tt.want, got, private); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindIntoErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args list
		dst  any
		arg  int
		is   error
	}{
		"second":      {texts(`"K"`, `5`), new(move), 1, nil},
		"attachment":  {texts(`"K"`, `{}`, ph(7)), new(move), 2, ErrPlaceholder},
		"one":         {texts(`"K"`), new(square), 0, nil},
		"nil":         {texts(), nil, 0, nil},
		"no pointer":  {texts(), move{}, 0, nil},
		"nil pointer": {texts(), (*move)(nil), 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantDecodeError(t, BindInto(nil, tt.args, abc(), tt.dst), tt.arg, tt.is)
		})
	}
}

func TestBindIntoValidates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args list
		dst  any
		want error
	}{
		"whole list":          {texts(`""`), new(move), errNoPiece},
		"list by pointer":     {texts(`""`), new(*move), errNoPiece},
		"no arguments":        {texts(), new(move), errNoPiece},
		"field":               {texts(`"K"`, `{"X":9}`), new(move), errOffBoard},
		"field before list":   {texts(`""`, `{"X":9}`), new(move), errOffBoard},
		"value":               {texts(`{"X":9}`), new(square), errOffBoard},
		"pointer":             {texts(`{"X":9}`), new(*square), errOffBoard},
		"nothing to decode":   {texts(), new(strict), errTest},
		"nothing is wanted":   {texts("1"), new(strict), errTest},
		"fine":                {texts(`{"X":8}`), new(square), nil},
		"not deeper":          {texts(`[{"X":9}]`), new([]square), nil},
		"nil":                 {texts(`null`), new(*square), nil},
		"decoding goes first": {texts(`""`, `[]`), new(move), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := BindInto(nil, tt.args, nil, tt.dst)
			var v *ValidationError
			if errors.As(err, &v) != (tt.want != nil) || tt.want != nil && (!errors.Is(err, tt.want) || err.Error() != tt.want.Error()) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	m := move{Piece: "K", To: square{1, 2}, Ignored: "x", Proof: Binary("A"), Rest: 5}
	var nilMove *move
	for name, tt := range map[string]struct {
		in   any
		want []any
	}{
		"list":                  {m, []any{"K", square{1, 2}, Binary("A"), (*string)(nil), 5}},
		"pointer":               {&m, []any{"K", square{1, 2}, Binary("A"), (*string)(nil), 5}},
		"pointers":              {ptr(&m), []any{"K", square{1, 2}, Binary("A"), (*string)(nil), 5}},
		"nil pointer":           {nilMove, []any{nilMove}},
		"nil":                   {nil, []any{nil}},
		"scalar":                {5, []any{5}},
		"struct":                {square{1, 2}, []any{square{1, 2}}},
		"not by way of another": {viaMove{}, []any{viaMove{}}},
		"list without fields":   {struct{ Positional }{}, []any{}},
	} {
		if diff := cmp.Diff(tt.want, Spread(tt.in), private); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSpreadMethods: a field is encoded as it would be inside its struct.
func TestSpreadMethods(t *testing.T) {
	t.Parallel()
	type list struct {
		Positional
		A opaquePointer
		B opaqueValue
	}
	v := list{A: opaquePointer{Img: Binary("A")}, B: opaqueValue{Img: Binary("B")}}
	if text, _ := encode(t, Spread(&v)...); text != `,["opaque","QQ=="],["opaque","Qg=="]` {
		t.Errorf("addressable: %s", text)
	}
	if text, _ := encode(t, Spread(v)...); text != `,{"Img":`+ph(0)+`},["opaque","Qg=="]` {
		t.Errorf("not addressable: %s", text)
	}
}

// TestPositionalRoundTrip sends a list and reads it back.
func TestPositionalRoundTrip(t *testing.T) {
	t.Parallel()
	sent := move{Piece: "K", To: square{1, 2}, Proof: Binary("A"), Note: ptr("n"), Rest: map[string]any{"b": Binary{}}}
	text, atts := encode(t, Spread(sent)...)
	var got move
	if err := BindInto(nil, split([]byte(text)), atts, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, got, private); diff != "" {
		t.Errorf("(-sent +got):\n%s", diff)
	}
}
