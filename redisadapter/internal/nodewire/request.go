package nodewire

import "strconv"

// RequestType tells requests, and some responses, apart.
type RequestType int

// The types. Those from 2 to 4 are commands without an answer.
const (
	Sockets     RequestType = 0 // ids of connections; older nodes ask, all answer
	AllRooms    RequestType = 1
	Join        RequestType = 2
	Leave       RequestType = 3
	Disconnect  RequestType = 4
	Fetch       RequestType = 5
	ServerSide  RequestType = 6
	Acks        RequestType = 7 // a broadcast that wants acknowledgements
	ClientCount RequestType = 8 // response: how many acknowledgements will come
	Ack         RequestType = 9 // response: one of them

	// Ours is a command that this library alone understands; its note says which.
	// Node.js ignores types that it does not know.
	Ours RequestType = 200
)

// Request is a message of the request channel.
type Request struct {
	Type        RequestType
	UID         string // of the asking node, "" if the sender is an emitter
	ID          string // of the request, "" if no answer is wanted
	Selection          // of Sockets (rooms only), Join, Leave, Disconnect, Fetch, Acks
	Names       []string
	Close       bool     // of Disconnect
	Flags       Flags    // of Acks
	Namespace   string   // of the packet of Acks; "/" if the packet told none
	Data        []byte   // of ServerSide and Acks: JSON array, the name of the event first
	Attachments [][]byte // for the placeholders in Data
	Note        []byte   // JSON object, nil if there is none

	// Socket and Room stand in the oldest form of Join, Leave and Disconnect, where one
	// connection is named, and its node answers.
	Socket, Room string
}

// AppendRequest appends a request as Node.js writes it: JSON, but msgpack for Acks, and
// for anything that has attachments, which JSON could not hold.
func AppendRequest(dst []byte, r *Request) ([]byte, error) {
	if r.Type == Acks {
		return appendAcks(dst, r)
	}
	start := len(dst)
	dst = append(dst, '{')
	if r.UID != "" {
		dst = appendQuoted(appendMember(dst, "uid"), r.UID)
	}
	if r.ID != "" {
		dst = appendQuoted(appendMember(dst, "requestId"), r.ID)
	}
	dst = strconv.AppendInt(appendMember(dst, "type"), int64(r.Type), 10)
	switch r.Type {
	case Sockets:
		dst = appendQuotedStrings(appendMember(dst, "rooms"), r.Rooms)
	case Join, Leave:
		dst = appendQuotedStrings(appendMember(appendOpts(dst, &r.Selection), "rooms"), r.Names)
	case Disconnect:
		dst = strconv.AppendBool(appendMember(appendOpts(dst, &r.Selection), "close"), r.Close)
	case Fetch, Ours:
		dst = appendOpts(dst, &r.Selection)
	case ServerSide:
		dst = append(appendMember(dst, "data"), r.Data...)
	}
	return finish(dst, start, r.Note, r.Attachments)
}

func appendOpts(dst []byte, s *Selection) []byte {
	dst = append(appendMember(dst, "opts"), '{')
	dst = appendQuotedStrings(appendMember(dst, "rooms"), s.Rooms)
	dst = appendQuotedStrings(appendMember(dst, "except"), s.Except)
	return append(dst, '}')
}

// finish closes the JSON object that begins at start, with a note if there is one. It
// makes msgpack of it if there are attachments, and checks it otherwise.
func finish(dst []byte, start int, note []byte, attachments [][]byte) ([]byte, error) {
	if note != nil {
		dst = append(appendMember(dst, NoteKey), note...)
	}
	dst = append(dst, '}')
	if len(attachments) == 0 {
		_, err := whole(dst[start:])
		return dst, err
	}
	packed, err := appendPacked(nil, dst[start:], attachments)
	return append(dst[:start], packed...), err
}

// appendAcks writes type 7.
func appendAcks(dst []byte, r *Request) (out []byte, err error) {
	n := 5
	if r.Note != nil {
		n++
	}
	dst = appendMapHead(dst, n)
	dst = appendString(appendString(dst, "uid"), r.UID)
	dst = appendString(appendString(dst, "requestId"), r.ID)
	dst = appendUint(appendString(dst, "type"), uint64(Acks))
	if dst, err = appendPacket(appendString(dst, "packet"), r.Namespace, r.Data, r.Attachments); err != nil {
		return dst, err
	}
	dst = appendMapHead(appendString(dst, "opts"), 3)
	dst = appendStrings(appendString(dst, "rooms"), r.Rooms)
	dst = appendStrings(appendString(dst, "except"), r.Except)
	dst = appendFlags(dst, &r.Flags, false)
	if r.Note != nil {
		return appendPacked(appendString(dst, NoteKey), r.Note, r.Attachments)
	}
	return dst, nil
}

// DecodeRequest reads a message of the request channel. Which types there are is for
// the caller to know.
func DecodeRequest(s string) (*Request, error) {
	o, attachments, err := parse(s)
	if err != nil {
		return nil, err
	}
	r := &Request{Type: -1, Namespace: "/", Attachments: attachments}
	var rooms []byte
	if err := o.each(func(name string, raw []byte) error {
		if name == "rooms" { // what it means depends on the type
			rooms = raw
			return nil
		}
		return r.member(name, raw)
	}); err != nil {
		return nil, err
	}
	if rooms != nil {
		list := &r.Names
		if r.Type == Sockets {
			list = &r.Rooms
		}
		if *list, err = jsonStrings(rooms); err != nil {
			return nil, err
		}
	}
	if r.Type < 0 || (r.Type == ServerSide || r.Type == Acks) && r.Data == nil {
		return nil, fault(ErrShape, -1)
	}
	return r, nil
}

func (r *Request) member(name string, raw []byte) (err error) {
	switch name {
	case "uid":
		r.UID, err = optionalString(raw)
	case "requestId":
		r.ID, err = optionalString(raw)
	case "type":
		var n int64
		n, err = jsonInt(raw)
		r.Type = RequestType(n)
	case "opts":
		if err = r.Selection.read(raw); err == nil {
			err = r.Flags.read(raw)
		}
	case "close":
		r.Close = jsonBool(raw)
	case "sid":
		r.Socket, err = optionalString(raw)
	case "room":
		r.Room, err = optionalString(raw)
	case "data":
		r.Data, err = jsonArray(raw)
	case "packet":
		err = r.packet(raw)
	case NoteKey:
		r.Note = raw
	}
	return err
}

func (r *Request) packet(raw []byte) error {
	return object(raw).each(func(name string, raw []byte) (err error) {
		switch name {
		case "type":
			var t int64
			if t, err = jsonInt(raw); err == nil && t != typeEvent && t != typeBinaryEvent {
				err = fault(ErrShape, -1)
			}
		case "nsp":
			r.Namespace, err = jsonString(raw)
		case "data":
			r.Data, err = jsonArray(raw)
		}
		return err
	})
}

// read takes the flags from the options of a request.
func (f *Flags) read(opts []byte) error {
	return object(opts).each(func(name string, raw []byte) error {
		if name != "flags" || isNull(raw) {
			return nil
		}
		return object(raw).each(func(name string, raw []byte) (err error) {
			switch name {
			case "volatile":
				f.Volatile = jsonBool(raw)
			case "compress":
				on := jsonBool(raw)
				f.Compress = &on
			case "expectSingleResponse":
				f.Single = jsonBool(raw)
			case "timeout":
				f.Timeout, err = jsonInt(raw)
			}
			return err
		})
	})
}

func optionalString(raw []byte) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	return jsonString(raw)
}

func jsonArray(raw []byte) ([]byte, error) {
	if raw[0] != '[' {
		return nil, fault(ErrShape, -1)
	}
	return raw, nil
}
