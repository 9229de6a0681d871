package nodewire

import "strconv"

// Response is a message of a response channel. What is set depends on the question:
// Node.js tells a type in some responses only.
type Response struct {
	ID          string      // of the request
	Type        RequestType // ServerSide, ClientCount, Ack, or 0 where none is told
	Sockets     *[]Socket   // answer to Fetch
	IDs         *[]string   // answer to Sockets
	Rooms       *[]string   // answer to AllRooms
	ClientCount int64       // of ClientCount
	Data        []byte      // of ServerSide and Ack: one JSON value, nil if it is undefined
	Attachments [][]byte    // for the placeholders in Data
	Note        []byte      // JSON object, nil if there is none
}

// AppendResponse appends a response as Node.js writes it: JSON, but msgpack for Ack, and
// for anything that has attachments.
func AppendResponse(dst []byte, r *Response) ([]byte, error) {
	if r.Type == Ack {
		return appendAck(dst, r)
	}
	start := len(dst)
	dst = append(dst, '{')
	if r.Type != 0 {
		dst = strconv.AppendInt(appendMember(dst, "type"), int64(r.Type), 10)
	}
	dst = appendQuoted(appendMember(dst, "requestId"), r.ID)
	switch {
	case r.Type == ClientCount:
		dst = strconv.AppendInt(appendMember(dst, "clientCount"), r.ClientCount, 10)
	case r.Type == ServerSide && r.Data != nil:
		dst = append(appendMember(dst, "data"), r.Data...)
	case r.Sockets != nil:
		dst = append(appendMember(dst, "sockets"), '[')
		for i := range *r.Sockets {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = (*r.Sockets)[i].append(dst)
		}
		dst = append(dst, ']')
	case r.IDs != nil:
		dst = appendQuotedStrings(appendMember(dst, "sockets"), *r.IDs)
	case r.Rooms != nil:
		dst = appendQuotedStrings(appendMember(dst, "rooms"), *r.Rooms)
	}
	return finish(dst, start, r.Note, r.Attachments)
}

// appendAck writes type 9.
func appendAck(dst []byte, r *Response) (out []byte, err error) {
	n := 2
	if r.Data != nil {
		n++
	}
	if r.Note != nil {
		n++
	}
	dst = appendMapHead(dst, n)
	dst = appendUint(appendString(dst, "type"), uint64(Ack))
	dst = appendString(appendString(dst, "requestId"), r.ID)
	if r.Data != nil {
		if dst, err = appendPacked(appendString(dst, "packet"), r.Data, r.Attachments); err != nil {
			return dst, err
		}
	}
	if r.Note != nil {
		return appendPacked(appendString(dst, NoteKey), r.Note, r.Attachments)
	}
	return dst, nil
}

// DecodeResponse reads a message of a response channel.
func DecodeResponse(s string) (*Response, error) {
	o, attachments, err := parse(s)
	if err != nil {
		return nil, err
	}
	r := &Response{Attachments: attachments}
	if err := o.each(r.member); err != nil {
		return nil, err
	}
	if r.ID == "" {
		return nil, fault(ErrShape, -1)
	}
	return r, nil
}

func (r *Response) member(name string, raw []byte) (err error) {
	switch name {
	case "requestId":
		r.ID, err = jsonString(raw)
	case "type":
		var n int64
		n, err = jsonInt(raw)
		r.Type = RequestType(n)
	case "clientCount":
		if r.ClientCount, err = jsonInt(raw); err == nil && r.ClientCount < 0 {
			err = fault(ErrShape, -1)
		}
	case "data", "packet":
		r.Data = raw
	case "rooms":
		var list []string
		list, err = jsonStrings(raw)
		r.Rooms = &list
	case "sockets":
		err = r.sockets(raw)
	case NoteKey:
		r.Note = raw
	}
	return err
}

// sockets reads either form of the member: objects, or ids.
func (r *Response) sockets(raw []byte) error {
	if raw[0] != '[' {
		return fault(ErrShape, -1)
	}
	if first := space(raw, 1); raw[first] != '{' {
		list, err := jsonStrings(raw)
		r.IDs = &list
		if raw[first] == ']' { // none, of either kind
			r.Sockets = &[]Socket{}
		}
		return err
	}
	list := []Socket{}
	_, err := scanElements(raw, 0, MaxDepth+1, func(value []byte) error {
		var s Socket
		if err := object(value).each(s.member); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	r.Sockets = &list
	return err
}

// First splits a JSON array into its first element, nil if there is none, and an array
// of the others, nil if there are none.
func First(array []byte) (first, rest []byte, err error) {
	if array, err = whole(array); err != nil {
		return nil, nil, err
	}
	if array[0] != '[' {
		return nil, nil, fault(ErrShape, 0)
	}
	start := space(array, 1)
	if array[start] == ']' {
		return nil, nil, nil
	}
	end, err := scan(array, start, MaxDepth)
	if err != nil {
		return nil, nil, err
	}
	first = array[start:end]
	if comma := space(array, end); array[comma] == ',' {
		rest = append(append(rest, '['), array[comma+1:]...)
	}
	return first, rest, nil
}
