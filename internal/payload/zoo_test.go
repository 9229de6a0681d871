package payload

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// Types with every rule of encoding/json about names, methods and nesting. Tests
// fill them with values and compare with what encoding/json itself does.

type inner struct {
	Img  Binary `json:"img"`
	Note string `json:"note,omitempty"`
}

type Shared struct {
	Img  Binary // hidden by shallower fields of this name
	Deep Binary `json:"deep"`
}

type lower struct { // unexported, embedded: its fields count all the same
	Promoted Binary
	_        Binary
}

type names struct {
	Plain    Binary
	Tagged   Binary `json:"tagged"`
	Dash     Binary `json:"-,"` //nolint:staticcheck // encoding/json names it "-"
	Skipped  Binary `json:"-"`
	Invalid  Binary `json:"with\"quote"` //nolint:staticcheck // encoding/json ignores the name
	Odd      Binary `json:"a.b <&> ä"`
	Omitted  Binary `json:",omitempty"`
	Zero     Binary `json:"zero,omitzero"`
	Quoted   int    `json:",string"`
	_        Binary
	Case     Binary
	CASE     Binary
	Raw      json.RawMessage
	Bytes    []byte
	Number   json.Number
	Nested   inner
	Pointer  *inner
	Pointers **inner
}

type embeds struct {
	Shared
	lower
	*inner // unexported pointer: encoding/json reads its fields when it is set
	Img    int
}

type left struct {
	Twice  Binary
	Winner Binary `json:"win"`
}

type right struct {
	Twice  Binary
	Winner Binary
}

type ties struct { // Twice is in both at one depth: nobody wins
	left
	right
	Winner string `json:"other"`
}

type tagWins struct {
	left2
	right2
}

type left2 struct {
	A Binary `json:"X"`
}

type right2 struct {
	X Binary // hidden by the tagged one of the same depth
}

type sameTwice struct { // Common is reachable twice at one depth
	viaA
	viaB
}

type viaA struct{ Common }

type viaB struct{ Common }

type Common struct{ Lost Binary }

type atTwoDepths struct { // the deeper Common is hidden
	viaA
	Common
}

// moodyKey writes itself only as often as it is told.
type moodyKey struct{ left *int }

func (k moodyKey) MarshalText() ([]byte, error) {
	if *k.left--; *k.left < 0 {
		return nil, errTest
	}
	return []byte("k"), nil
}

type containers struct {
	Slice    []Binary
	Array    [2]Binary
	Structs  []inner
	Map      map[string]Binary
	Numbered map[int]inner
	Unsigned map[uint8]*Binary
	Texts    map[textKey]Binary
	Named    map[named][]inner
	Any      any
	Anys     []any
	Object   map[string]any
	Deep     map[string]map[string][]*inner
	Arrays   [1][]Binary
}

type named string

// textKey writes itself in reverse order, so that sorting by text is not
// sorting by value.
type textKey struct{ n int }

func (k textKey) MarshalText() ([]byte, error) {
	return strconv.AppendInt(nil, int64(1000-k.n), 10), nil
}

func (k *textKey) UnmarshalText(b []byte) (err error) {
	n, err := strconv.Atoi(string(b))
	k.n = 1000 - n
	return err
}

type recursive struct {
	Img   Binary
	Next  *recursive
	Kids  []recursive
	ByKey map[string]*recursive
	Any   any
}

// opaqueValue writes its Binary itself.
type opaqueValue struct{ Img Binary }

func (o opaqueValue) MarshalJSON() ([]byte, error) { return json.Marshal([]any{"opaque", o.Img}) }

// opaquePointer does so only where encoding/json can take its address.
type opaquePointer struct{ Img Binary }

func (o *opaquePointer) MarshalJSON() ([]byte, error) { return json.Marshal([]any{"opaque", o.Img}) }

type opaqueText struct{ Img Binary }

func (o opaqueText) MarshalText() ([]byte, error) { return o.Img, nil }

type marshaler interface{ MarshalJSON() ([]byte, error) }

type opaques struct {
	Value     opaqueValue
	Pointer   opaquePointer
	Slice     []opaquePointer
	Map       map[string]opaquePointer
	Text      opaqueText
	Interface marshaler
	When      time.Time
	Seen      Binary
}

// alias is how defaults are usually filled in before decoding.
type alias struct {
	Img   Binary
	Count int
}

func (a *alias) UnmarshalJSON(b []byte) error {
	type plain alias
	p := plain{Count: 7}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*a = alias(p)
	return nil
}

// optional keeps its value where only its own method can put it.
type optional[T any] struct {
	value T
	set   bool
}

func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	return json.Unmarshal(b, &o.value)
}

// message chooses the type of its body by itself.
type message struct{ Body any }

func (m *message) UnmarshalJSON(b []byte) error {
	var head struct {
		Kind string
		Body json.RawMessage
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return err
	}
	switch head.Kind {
	case "pointer":
		body := &inner{}
		m.Body = body
		return json.Unmarshal(head.Body, body)
	case "value":
		var body inner
		err := json.Unmarshal(head.Body, &body)
		m.Body = body
		return err
	}
	return errors.New("unknown kind")
}

// zoo returns a value of each kind of struct.
func zoo() []any {
	return []any{
		inner{},
		names{},
		embeds{inner: &inner{}},
		ties{},
		tagWins{},
		sameTwice{},
		atTwoDepths{},
		containers{},
		recursive{},
		opaques{},
		alias{},
		struct{ *Shared }{},
	}
}
