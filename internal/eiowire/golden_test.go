package eiowire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goldenCase is one capture of the official parser (testdata/eio-parser.json).
type goldenCase struct {
	Name    string
	Kind    string
	Text    string
	Packet  goldenPacket
	Packets []goldenPacket
	Input   struct {
		Text      *string
		BinaryHex *string `json:"binary_hex"`
	}
	WS struct {
		Text      *string
		BinaryHex *string `json:"binary_hex"`
	}
	Polling struct{ Text string }
}

type goldenPacket struct {
	Type string
	Data json.RawMessage
}

// differences are the cases in which we are stricter on purpose.
var differences = map[string]string{
	"decode-base64-garbage": "decision D9: junk is not base64",
}

func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/eio-parser.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	unused := len(differences)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if _, ok := differences[c.Name]; ok {
				unused--
				if _, err := Decode([]byte(*c.Input.Text)); err == nil {
					t.Error("the documented difference is gone")
				}
				return
			}
			switch c.Kind {
			case "engine-encode":
				if got := string(appendPacket(nil, c.Packet)); got != c.Polling.Text {
					t.Errorf("polling form is %q, official %q", got, c.Polling.Text)
				}
			case "payload-encode":
				var got []byte
				for i, p := range c.Packets {
					if i > 0 {
						got = append(got, Separator)
					}
					got = appendPacket(got, p)
				}
				if string(got) != c.Text {
					t.Errorf("payload is %q, official %q", got, c.Text)
				}
			case "engine-decode":
				if c.Input.BinaryHex != nil {
					return // a websocket binary message never reaches this package
				}
				if diff := cmp.Diff(c.Packet.want(), decodeOne([]byte(*c.Input.Text))); diff != "" {
					t.Error(diff)
				}
			case "payload-decode":
				var want []decoded
				for _, p := range c.Packets {
					want = append(want, p.want())
				}
				if diff := cmp.Diff(want, decodePayload([]byte(c.Text))); diff != "" {
					t.Error(diff)
				}
			default:
				t.Fatalf("unknown kind %q", c.Kind)
			}
		})
	}
	if unused != 0 {
		t.Errorf("%d documented differences have no capture", unused)
	}
}

// decoded is a packet in the terms of the captures.
type decoded struct {
	Type   string
	Binary bool
	Data   string
}

func (p goldenPacket) want() decoded {
	if p.Type == "error" {
		return decoded{Type: "error"}
	}
	data, binary := p.bytes()
	return decoded{Type: p.Type, Binary: binary, Data: string(data)}
}

// bytes returns the data of a captured packet.
func (p goldenPacket) bytes() (data []byte, binary bool) {
	var tagged struct {
		Binary *string `json:"$binary"`
	}
	var text string
	switch {
	case len(p.Data) == 0:
		return nil, false
	case json.Unmarshal(p.Data, &text) == nil:
		return []byte(text), false
	case json.Unmarshal(p.Data, &tagged) == nil && tagged.Binary != nil:
		data, err := hex.DecodeString(*tagged.Binary)
		if err != nil {
			panic(err)
		}
		return data, true
	}
	panic("unknown data in a capture: " + string(p.Data))
}

// typeOf maps the captured names to types.
var typeOf = map[string]Type{
	"open": Open, "close": Close, "ping": Ping, "pong": Pong,
	"message": Message, "upgrade": Upgrade, "noop": Noop,
}

func appendPacket(dst []byte, p goldenPacket) []byte {
	data, binary := p.bytes()
	if binary {
		return AppendBase64(dst, data)
	}
	return append(append(dst, byte(typeOf[p.Type])), data...)
}

func decodeOne(text []byte) decoded {
	p, err := Decode(text)
	if err != nil {
		return decoded{Type: "error"}
	}
	return decoded{Type: p.Type.String(), Binary: p.Binary, Data: string(p.Data)}
}

// decodePayload stops at the first error, as the official parser does.
func decodePayload(body []byte) []decoded {
	var all []decoded
	for more := true; more; {
		var packet []byte
		packet, body, more = NextPacket(body)
		d := decodeOne(packet)
		all = append(all, d)
		if d.Type == "error" {
			break
		}
	}
	return all
}

func TestDecodeBase64(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []byte
		err  error
	}{
		{"bAQIDBA==", []byte{1, 2, 3, 4}, nil},
		{"bAQIDBA", []byte{1, 2, 3, 4}, nil},
		{"b-_8", []byte{0xfb, 0xff}, nil},
		{"b+_8=", []byte{0xfb, 0xff}, nil},
		{"b", []byte{}, nil},
		{"b=", nil, ErrBase64},
		{"bA", nil, ErrBase64},
		{"bAQIDBA=", nil, ErrBase64},
		{"bAQID====", nil, ErrBase64},
		{"bAQ=ID", nil, ErrBase64},
		{"bAQ\nID", nil, ErrBase64},
		{"bAQ ID", nil, ErrBase64},
		{"bAQ\x00D", nil, ErrBase64},
		{"b" + "\xc3\xa9" + "AA", nil, ErrBase64},
	} {
		p, err := Decode([]byte(c.in))
		if !errors.Is(err, c.err) {
			t.Errorf("Decode(%q): error %v, want %v", c.in, err, c.err)
			continue
		}
		if err == nil && (!p.Binary || p.Type != Message || !bytes.Equal(p.Data, c.want) || p.Data == nil) {
			t.Errorf("Decode(%q) = %+v, want data %x", c.in, p, c.want)
		}
	}
}
