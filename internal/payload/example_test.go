package payload_test

import (
	"errors"
	"fmt"

	"github.com/realtime-go/realtime/internal/payload"
)

// args are arguments as they come out of a packet.
type args []string

func (a args) Len() int         { return len(a) }
func (a args) Raw(i int) []byte { return []byte(a[i]) }

// A Binary becomes an attachment wherever it stands; a plain []byte only where
// it is a whole argument.
func ExampleAppendArgs() {
	type photo struct {
		Title string         `json:"title"`
		Image payload.Binary `json:"image"`
		Hash  []byte         `json:"hash"`
	}
	text, attachments, err := payload.AppendArgs(nil, payload.JSON, []any{
		photo{Title: "me", Image: payload.Binary("PNG…"), Hash: []byte{1, 2, 3}},
		[]byte("whole"),
	}, nil)
	fmt.Println(string(text), err)
	fmt.Printf("%q\n", attachments)
	// Output:
	// ,{"title":"me","image":{"_placeholder":true,"num":0},"hash":"AQID"},{"_placeholder":true,"num":1} <nil>
	// ["PNG…" "whole"]
}

type seat struct {
	payload.Positional
	Room   string
	Number int
	Avatar payload.Binary
}

func (s seat) Validate() error {
	if s.Number < 1 {
		return errors.New("seats are counted from 1")
	}
	return nil
}

// The fields of a struct with Positional take the arguments in their order.
func ExampleBindInto() {
	var s seat
	err := payload.BindInto(payload.JSON, args{`"lobby"`, `3`, `{"_placeholder":true,"num":0}`}, [][]byte{[]byte("PNG…")}, &s)
	fmt.Println(s.Room, s.Number, string(s.Avatar), err)

	err = payload.BindInto(payload.JSON, args{`"lobby"`}, nil, new(seat))
	var invalid *payload.ValidationError
	fmt.Println(errors.As(err, &invalid), err)
	// Output:
	// lobby 3 PNG… <nil>
	// true seats are counted from 1
}

// Numbers keep their precision where the destination has it.
func ExampleBind() {
	var id int64
	var untyped any
	err := payload.Bind(payload.JSON, args{`9007199254740993`, `{"n":1}`}, nil, &id, &untyped)
	fmt.Println(id, untyped, err)

	err = payload.Bind(payload.JSON, args{`"x"`}, nil, &id)
	var wrong *payload.DecodeError
	fmt.Println(errors.As(err, &wrong), wrong.Arg)
	// Output:
	// 9007199254740993 map[n:1] <nil>
	// true 0
}
