package nodewire

import "strconv"

// Socket is a connection as nodes describe it to each other.
type Socket struct {
	ID        string
	Handshake Handshake
	Rooms     []string // its own, which is its id, included
	Data      []byte   // JSON: what the application has attached; nil: an empty object
	Note      []byte   // JSON object, nil if there is none
}

// Handshake is the request that began the session. All of its keys are always written,
// since Node.js programs read them without looking.
type Handshake struct {
	Headers []byte // JSON object; nil: empty
	Time    string // as a JavaScript Date prints itself
	Address string
	XDomain bool
	Secure  bool
	Issued  int64 // milliseconds since 1970
	URL     string
	Query   []byte // JSON object; nil: empty
	Auth    []byte // JSON; nil: an empty object
}

func (s *Socket) append(dst []byte) []byte {
	dst = append(dst, '{')
	dst = appendQuoted(appendMember(dst, "id"), s.ID)
	h := &s.Handshake
	dst = append(appendMember(dst, "handshake"), '{')
	dst = appendRaw(appendMember(dst, "headers"), h.Headers)
	dst = appendQuoted(appendMember(dst, "time"), h.Time)
	dst = appendQuoted(appendMember(dst, "address"), h.Address)
	dst = strconv.AppendBool(appendMember(dst, "xdomain"), h.XDomain)
	dst = strconv.AppendBool(appendMember(dst, "secure"), h.Secure)
	dst = strconv.AppendInt(appendMember(dst, "issued"), h.Issued, 10)
	dst = appendQuoted(appendMember(dst, "url"), h.URL)
	dst = appendRaw(appendMember(dst, "query"), h.Query)
	dst = appendRaw(appendMember(dst, "auth"), h.Auth)
	dst = append(dst, '}')
	dst = appendQuotedStrings(appendMember(dst, "rooms"), s.Rooms)
	dst = appendRaw(appendMember(dst, "data"), s.Data)
	if s.Note != nil {
		dst = append(appendMember(dst, NoteKey), s.Note...)
	}
	return append(dst, '}')
}

func appendRaw(dst, raw []byte) []byte {
	if raw == nil {
		return append(dst, '{', '}')
	}
	return append(dst, raw...)
}

func (s *Socket) member(name string, raw []byte) (err error) {
	switch name {
	case "id":
		s.ID, err = jsonString(raw)
	case "rooms":
		s.Rooms, err = jsonStrings(raw)
	case "data":
		s.Data = raw
	case "handshake":
		if !isNull(raw) {
			err = object(raw).each(s.Handshake.member)
		}
	case NoteKey:
		s.Note = raw
	}
	return err
}

func (h *Handshake) member(name string, raw []byte) (err error) {
	switch name {
	case "headers":
		h.Headers = raw
	case "time":
		h.Time, err = optionalString(raw)
	case "address":
		h.Address, err = optionalString(raw)
	case "xdomain":
		h.XDomain = jsonBool(raw)
	case "secure":
		h.Secure = jsonBool(raw)
	case "issued":
		if !isNull(raw) {
			h.Issued, err = jsonInt(raw)
		}
	case "url":
		h.URL, err = optionalString(raw)
	case "query":
		h.Query = raw
	case "auth":
		h.Auth = raw
	}
	return err
}
