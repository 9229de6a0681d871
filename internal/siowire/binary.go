package siowire

import (
	"math"
	"strconv"
)

// placeholderHead and placeholderTail enclose the number of an attachment, in
// the key order of the official encoder.
const (
	placeholderHead = `{"_placeholder":true,"num":`
	placeholderTail = `}`
)

// AppendPlaceholder appends the JSON object that stands for attachment num,
// counted from 0 in the order in which a depth-first walk meets them.
func AppendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, placeholderHead...)
	dst = strconv.AppendInt(dst, int64(num), 10)
	return append(dst, placeholderTail...)
}

// ParsePlaceholder tells whether the JSON value raw is a placeholder: an object
// whose member "_placeholder" is exactly true. Other members than "num" are
// ignored, and of repeated members the last one counts, as in JavaScript. num is
// −1 if the member is missing or is not a number whose value is an integer from
// 0 up, or is written in more than 32 characters; in a packet from a [Decoder] it always points into the attachments.
//
// raw must be known to be valid JSON. The call is linear in its length, does not
// allocate for integers written as such, and is safe for concurrent use.
func ParsePlaceholder(raw []byte) (num int, ok bool) {
	start := skipSpace(raw, 0)
	if start == len(raw) || raw[start] != '{' {
		return -1, false
	}
	found := placeholder{num: -1}
	m := members{b: raw, i: start}
	for key, value, more := m.next(); more; key, value, more = m.next() {
		m.i = SkipValue(raw, value)
		found.member(key, raw[value:m.i])
	}
	if !found.marked {
		return -1, false
	}
	return found.num, true
}

// placeholder gathers the two members that make an object a placeholder.
type placeholder struct {
	num    int // −1 unless "num" is an integer from 0 up
	marked bool
}

// member looks at one member of the object.
func (p *placeholder) member(key, value []byte) {
	switch {
	case textIs(key, "_placeholder"):
		p.marked = string(value) == "true"
	case textIs(key, "num"):
		p.num = attachmentIndex(value)
	}
}

// maxNumLen is how long the number of a placeholder may be as it is written. No
// encoder writes more, and whoever does shall not make us compute with it.
const maxNumLen = 32

// attachmentIndex is the value of a JSON number if that is an integer from 0 to
// 2^31−1, else −1. Like JavaScript it looks at the value and not at the
// spelling: 1.0 and 1e0 are 1.
func attachmentIndex(raw []byte) int {
	if len(raw) == 1 && isDigit(raw[0]) {
		return int(raw[0] - '0')
	}
	if len(raw) == 0 || len(raw) > maxNumLen || raw[0] != '-' && !isDigit(raw[0]) {
		return -1
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < 0 || f > math.MaxInt32 || f != math.Trunc(f) {
		return -1
	}
	return int(f)
}

// members walks over the members of an object in valid JSON. The caller moves i
// behind each value before it asks for the next one.
type members struct {
	b []byte
	i int // the opening brace, or the end of the last value
}

// next returns the inside of the next key, as written, and the position of its
// value. After the last member more is false and i is at the closing brace.
func (m *members) next() (key []byte, value int, more bool) {
	b := m.b
	i := skipSpace(b, m.i)
	if i < len(b) && (b[i] == '{' || b[i] == ',') {
		i = skipSpace(b, i+1)
	}
	m.i = i
	if i >= len(b) || b[i] != '"' {
		return nil, i, false
	}
	end := skipString(b, i)
	key = b[i+1 : max(i+1, end-1)]
	colon := skipSpace(b, end)
	return key, skipSpace(b, min(colon+1, len(b))), true
}

// checkPlaceholders finds the first placeholder in data, valid JSON, that does
// not name one of count attachments, and returns its position, or −1. It is
// linear, and recurses as deep as data nests, which the scan before it bounded.
//
// A placeholder is not searched for further ones, since the official parser
// replaces it as a whole. Values that a repeated key hides are searched too:
// there this check is stricter than JavaScript, which has dropped them.
func checkPlaceholders(data []byte, count int) (fault int) {
	_, fault = findFault(data, 0, count)
	return fault
}

// findFault checks the value at b[i] and returns the index after it and the
// position of a bad placeholder inside it, or −1.
func findFault(b []byte, i, count int) (end, fault int) {
	switch b[i] {
	case '{':
		return findFaultInObject(b, i, count)
	case '[':
		return findFaultInArray(b, i, count)
	}
	return SkipValue(b, i), -1
}

// findFaultInObject is findFault for the object that opens at b[i].
func findFaultInObject(b []byte, i, count int) (end, fault int) {
	fault = -1
	found := placeholder{num: -1}
	m := members{b: b, i: i}
	for key, value, more := m.next(); more; key, value, more = m.next() {
		var inner int
		m.i, inner = findFault(b, value, count)
		if fault < 0 {
			fault = inner
		}
		found.member(key, b[value:m.i])
	}
	switch {
	case !found.marked:
		return m.i + 1, fault
	case found.num < 0 || found.num >= count:
		return m.i + 1, i
	}
	return m.i + 1, -1
}

// findFaultInArray is findFault for the array that opens at b[i].
func findFaultInArray(b []byte, i, count int) (end, fault int) {
	fault = -1
	i = skipSpace(b, i+1)
	for b[i] != ']' {
		var inner int
		i, inner = findFault(b, i, count)
		if fault < 0 {
			fault = inner
		}
		i = skipSpace(b, i)
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return i + 1, fault
}
