package nodewire

import (
	"math"
	"strconv"
)

// NoteKey is the key under which requests and responses bear a note of this library.
const NoteKey = "realtime"

// Selection names the connections that a message is for. Rooms are those of the union,
// none means everyone; Except wins.
type Selection struct {
	Rooms, Except []string
}

// Flags are the modifiers of a broadcast.
type Flags struct {
	Volatile bool
	Compress *bool // nil: not set
	Timeout  int64 // milliseconds, 0: not set
	Single   bool  // expectSingleResponse: the answer goes to a RemoteSocket
}

// Broadcast is an event for clients of other nodes.
type Broadcast struct {
	UID         string // of the sending node, or EmitterUID
	Namespace   string // with its slash; "/" if the message told none
	Selection          // of the receivers
	Flags       Flags
	Data        []byte   // JSON array, the name of the event first
	Attachments [][]byte // binary values for the placeholders in Data
	Note        []byte   // JSON, nil if there is none
}

// AppendBroadcast appends the message. It fails if Data or Note are no JSON, too
// large, or nested too deeply.
func AppendBroadcast(dst []byte, b *Broadcast) (out []byte, err error) {
	size := 3
	if b.Note != nil {
		size++
	}
	dst = appendArrayHead(dst, size)
	dst = appendString(dst, b.UID)
	if dst, err = appendPacket(dst, b.Namespace, b.Data, b.Attachments); err != nil {
		return dst, err
	}
	dst = appendMapHead(dst, 3)
	dst = appendStrings(appendString(dst, "rooms"), b.Rooms)
	if b.UID == EmitterUID { // which has another order
		dst = appendFlags(dst, &b.Flags, true)
		dst = appendStrings(appendString(dst, "except"), b.Except)
	} else {
		dst = appendStrings(appendString(dst, "except"), b.Except)
		dst = appendFlags(dst, &b.Flags, false)
	}
	if b.Note != nil {
		return appendPacked(dst, b.Note, b.Attachments)
	}
	return dst, nil
}

// typeEvent is the type of the only packet that nodes send to each other.
const (
	typeEvent       = 2
	typeBinaryEvent = 5
)

func appendPacket(dst []byte, namespace string, data []byte, attachments [][]byte) ([]byte, error) {
	dst = appendMapHead(dst, 3)
	dst = appendUint(appendString(dst, "type"), typeEvent)
	dst, err := appendPacked(appendString(dst, "data"), data, attachments)
	if err != nil {
		return dst, err
	}
	return appendString(appendString(dst, "nsp"), namespace), nil
}

// appendFlags writes those that are set, in the order in which programs mostly set
// them.
func appendFlags(dst []byte, f *Flags, emitter bool) []byte {
	n := 0
	for _, set := range [...]bool{f.Volatile, f.Compress != nil, f.Timeout > 0, f.Single} {
		if set {
			n++
		}
	}
	dst = appendMapHead(appendString(dst, "flags"), n)
	if f.Volatile && emitter {
		dst = appendBool(appendString(dst, "volatile"), true)
	}
	if f.Compress != nil {
		dst = appendBool(appendString(dst, "compress"), *f.Compress)
	}
	if f.Volatile && !emitter {
		dst = appendBool(appendString(dst, "volatile"), true)
	}
	if f.Single {
		dst = appendBool(appendString(dst, "expectSingleResponse"), true)
	}
	if f.Timeout > 0 {
		dst = appendInt(appendString(dst, "timeout"), f.Timeout)
	}
	return dst
}

// DecodeBroadcast reads a message of a broadcast channel.
func DecodeBroadcast(s string) (*Broadcast, error) {
	if len(s) > MaxSize {
		return nil, fault(ErrSize, -1)
	}
	d := decoder{unpacker{reader: reader{s: s}}}
	b := &Broadcast{Namespace: "/"}
	n, err := d.head(kindArray)
	if err != nil {
		return nil, err
	}
	if n < 3 {
		return nil, fault(ErrShape, 0)
	}
	if b.UID, err = d.string(); err != nil {
		return nil, err
	}
	if err = d.packet(b); err == nil {
		err = d.options(b)
	}
	if err == nil && n > 3 {
		b.Note, _, err = d.appendJSON(nil, MaxDepth-1)
	}
	for i := 4; i < n && err == nil; i++ {
		err = d.skip(MaxDepth - 1)
	}
	if err == nil {
		err = d.end()
	}
	if err == nil && b.Data == nil {
		err = fault(ErrShape, 0)
	}
	if err != nil {
		return nil, err
	}
	b.Attachments = d.attachments
	return b, nil
}

// decoder reads the parts of a broadcast straight from msgpack.
type decoder struct{ unpacker }

// head reads the head of a container.
func (d *decoder) head(k kind) (n int, err error) {
	at := d.pos
	v, err := d.next()
	if err == nil && v.kind != k {
		err = fault(ErrShape, at)
	}
	return v.n, err
}

func (d *decoder) string() (string, error) {
	at := d.pos
	v, err := d.next()
	if err == nil && v.kind != kindString {
		err = fault(ErrShape, at)
	}
	return v.text, err
}

// members reads a map and calls f with each key, to read the value.
func (d *decoder) members(f func(key string) error) error {
	n, err := d.head(kindMap)
	if err != nil {
		return err
	}
	for range n {
		key, err := d.string()
		if err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) packet(b *Broadcast) error {
	t := int64(-1)
	err := d.members(func(key string) (err error) {
		switch key {
		case "type":
			t, err = d.integer()
		case "nsp":
			b.Namespace, err = d.string()
		case "data":
			if d.pos < len(d.s) && d.s[d.pos]&0xf0 != 0x90 && d.s[d.pos] != 0xdc && d.s[d.pos] != 0xdd {
				return fault(ErrShape, d.pos)
			}
			b.Data, _, err = d.appendJSON(make([]byte, 0, d.left()+d.left()/4), MaxDepth-2)
		default:
			err = d.skip(MaxDepth - 2)
		}
		return err
	})
	if err == nil && t != typeEvent && t != typeBinaryEvent {
		err = fault(ErrShape, -1)
	}
	return err
}

func (d *decoder) options(b *Broadcast) error {
	return d.members(func(key string) (err error) {
		switch key {
		case "rooms":
			b.Rooms, err = d.strings()
		case "except":
			b.Except, err = d.strings()
		case "flags":
			err = d.flags(&b.Flags)
		default:
			err = d.skip(MaxDepth - 2)
		}
		return err
	})
}

// strings reads an array of rooms. A number counts as its text, nil as no rooms.
func (d *decoder) strings() ([]string, error) {
	at := d.pos
	v, err := d.next()
	if err != nil || v.kind == kindNil {
		return nil, err
	}
	if v.kind != kindArray || v.n > MaxRooms {
		return nil, fault(ErrShape, at)
	}
	if v.n == 0 {
		return nil, nil
	}
	list := make([]string, v.n)
	for i := range list {
		if list[i], err = d.room(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *decoder) room() (string, error) {
	at := d.pos
	v, err := d.next()
	if err != nil {
		return "", err
	}
	switch v.kind {
	case kindString:
		return v.text, nil
	case kindUint:
		return strconv.FormatUint(v.bits, 10), nil
	case kindInt:
		return strconv.FormatInt(int64(v.bits), 10), nil
	case kindFloat:
		return string(appendFloat(nil, v.f)), nil
	}
	return "", fault(ErrShape, at)
}

func (d *decoder) flags(f *Flags) error {
	if d.pos < len(d.s) && d.s[d.pos] == 0xc0 {
		d.pos++
		return nil
	}
	return d.members(func(key string) error {
		at := d.pos
		v, err := d.next()
		if err != nil {
			return err
		}
		truth := v.kind == kindTrue
		switch key {
		case "volatile":
			f.Volatile = truth
		case "compress":
			f.Compress = &truth
		case "expectSingleResponse":
			f.Single = truth
		case "timeout":
			f.Timeout, _ = integral(v)
		default:
			d.pos = at
			return d.skip(MaxDepth - 3)
		}
		if v.kind >= kindArray {
			return fault(ErrShape, at)
		}
		return nil
	})
}

func (d *decoder) integer() (int64, error) {
	at := d.pos
	v, err := d.next()
	if err != nil {
		return 0, err
	}
	n, ok := integral(v)
	if !ok {
		return 0, fault(ErrShape, at)
	}
	return n, nil
}

// integral is the value of a number that is an integer, whatever its form.
func integral(v value) (n int64, ok bool) {
	switch v.kind {
	case kindUint:
		return int64(v.bits), v.bits <= math.MaxInt64
	case kindInt:
		return int64(v.bits), true
	case kindFloat:
		return int64(v.f), v.f == math.Trunc(v.f) && math.Abs(v.f) <= maxExactInt
	}
	return 0, false
}
