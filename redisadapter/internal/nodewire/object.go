package nodewire

import (
	"math"
	"strconv"
)

// object reads the members of a JSON object by name. It is valid JSON already, with
// limits checked.
type object []byte

// parse makes JSON of a request or response, whichever of the two forms it has: the
// first byte tells, as in Node.js.
func parse(s string) (o object, attachments [][]byte, err error) {
	var text []byte
	if len(s) > 0 && s[0] == '{' {
		if len(s) > MaxSize {
			return nil, nil, fault(ErrSize, -1)
		}
		text, err = whole([]byte(s))
	} else {
		text, attachments, err = unpack(s)
	}
	if err == nil && (len(text) == 0 || text[0] != '{') {
		err = fault(ErrShape, 0)
	}
	return text, attachments, err
}

// each calls f with the name and the raw value of each member.
func (o object) each(f func(name string, raw []byte) error) error {
	if len(o) == 0 || o[0] != '{' {
		return fault(ErrShape, -1)
	}
	_, err := scanMembers(o, 0, MaxDepth+1, func(name, raw []byte) error { return f(unquote(name), raw) })
	return err
}

// isNull reports JavaScript's nullish values; undefined is never written.
func isNull(raw []byte) bool { return string(raw) == "null" }

func jsonString(raw []byte) (string, error) {
	if raw[0] != '"' {
		return "", fault(ErrShape, -1)
	}
	return unquote(raw), nil
}

// maxExactInt is the largest integer up to which JavaScript knows all integers.
const maxExactInt = 1 << 53

func jsonBool(raw []byte) bool { return string(raw) == "true" }

func jsonInt(raw []byte) (int64, error) {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExactInt {
		return 0, fault(ErrShape, -1)
	}
	return int64(f), nil
}

// jsonStrings reads rooms: a number counts as its text, null as no rooms.
func jsonStrings(raw []byte) (list []string, err error) {
	if isNull(raw) {
		return nil, nil
	}
	if raw[0] != '[' {
		return nil, fault(ErrShape, -1)
	}
	_, err = scanElements(raw, 0, MaxDepth+1, func(value []byte) error {
		if len(list) == MaxRooms {
			return fault(ErrShape, -1)
		}
		switch c := value[0]; {
		case c == '"':
			list = append(list, unquote(value))
		case c == '-' || c >= '0' && c <= '9':
			f, _ := strconv.ParseFloat(string(value), 64)
			list = append(list, string(appendFloat(nil, f)))
		default:
			return fault(ErrShape, -1)
		}
		return nil
	})
	return list, err
}

func (s *Selection) read(raw []byte) error {
	return object(raw).each(func(name string, raw []byte) (err error) {
		switch name {
		case "rooms":
			s.Rooms, err = jsonStrings(raw)
		case "except":
			s.Except, err = jsonStrings(raw)
		}
		return err
	})
}

// appendMember appends a comma and the name of a member.
func appendMember(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}
