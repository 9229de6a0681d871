package siowire

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxEscape is the most bytes that one byte of unescaped text takes when it is
// escaped: `\u0061`.
const maxEscape = 6

// isReserved knows the event names that belong to the protocol; the official
// parser refuses them in both directions.
func isReserved(name []byte) bool {
	switch string(name) {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// checkEventName checks the first element of an event, valid JSON: a string
// that is not reserved or a number, at most limit bytes long. A number counts as
// written, so that nobody has to compute with a megabyte of digits.
func checkEventName(raw []byte, limit int) error {
	if raw[0] == '-' || isDigit(raw[0]) {
		if len(raw) > limit {
			return ErrNameTooLong
		}
		return nil
	}
	if raw[0] != '"' {
		return ErrPayload
	}
	name := raw[1 : len(raw)-1]
	if len(name)/maxEscape > limit {
		return ErrNameTooLong
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		// The stack holds any name inside the default limit, and a name beyond
		// its limit costs one allocation of at most six times the limit.
		var buf [256]byte
		name = appendUnescaped(buf[:0], name)
	}
	if len(name) > limit {
		return ErrNameTooLong
	}
	if isReserved(name) {
		return ErrReservedEvent
	}
	return nil
}

// unquote returns the text of a JSON string, quotes included in raw. It
// allocates only if there is something to unescape.
func unquote(raw []byte) []byte {
	text := raw[1 : len(raw)-1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	return appendUnescaped(make([]byte, 0, len(text)), text)
}

// appendUnescaped appends the inside of a JSON string with its escapes resolved.
// Surrogates without a partner become U+FFFD.
func appendUnescaped(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			dst = append(dst, text[i])
			i++
			continue
		}
		switch escapeLen(text[i:]) {
		case 2:
			dst = append(dst, unescapeByte(text[i+1]))
			i += 2
		case maxEscape:
			r, n := unescapeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		default: // not JSON: nothing is promised but an end
			return dst
		}
	}
	return dst
}

// unescapeRune is what the \u escape at the start of text stands for, together
// with the one behind it if the two are a surrogate pair.
func unescapeRune(text []byte) (r rune, n int) {
	r = hexRune(text)
	if !utf16.IsSurrogate(r) {
		return r, maxEscape
	}
	rest := text[maxEscape:]
	if len(rest) > 0 && rest[0] == '\\' && escapeLen(rest) == maxEscape {
		if pair := utf16.DecodeRune(r, hexRune(rest)); pair != utf8.RuneError {
			return pair, 2 * maxEscape
		}
	}
	return utf8.RuneError, maxEscape
}

// unescapeByte is what a one-letter escape stands for. Quote, backslash and
// slash stand for themselves.
func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// hexRune is the value of the four digits of the \u escape at the start of b.
func hexRune(b []byte) rune {
	return hexDigit(b[2])<<12 | hexDigit(b[3])<<8 | hexDigit(b[4])<<4 | hexDigit(b[5])
}

// textIs tells whether the inside of a valid JSON string stands for name.
func textIs(text []byte, name string) bool {
	if string(text) == name {
		return true
	}
	if len(text) > len(name)*maxEscape || bytes.IndexByte(text, '\\') < 0 {
		return false
	}
	var buf [128]byte
	return string(appendUnescaped(buf[:0], text)) == name
}

// exactDigits is how many decimal digits a float64 holds exactly: shorter
// integers are printed as they were written.
const exactDigits = 15

// numberName is a JSON number as JavaScript's Number.prototype.toString prints
// it (ECMA-262, Number::toString, radix 10).
func numberName(raw []byte) []byte {
	if isPlainInteger(raw) {
		return raw
	}
	// Beyond the range ParseFloat gives an infinity, as JSON.parse does; no
	// other error can come of a valid number.
	f, _ := strconv.ParseFloat(string(raw), 64)
	switch {
	case math.IsInf(f, 1):
		return []byte("Infinity")
	case math.IsInf(f, -1):
		return []byte("-Infinity")
	case f == 0:
		return []byte("0") // −0 as well
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(nil, f, 'f', -1, 64)
	}
	name := strconv.AppendFloat(nil, f, 'e', -1, 64)
	// Go writes e-07, JavaScript e-7.
	if n := len(name); name[n-4] == 'e' && name[n-2] == '0' {
		name[n-2] = name[n-1]
		name = name[:n-1]
	}
	return name
}

// isPlainInteger tells whether a JSON number is written just as JavaScript
// would print it, so that nothing need be rewritten.
func isPlainInteger(raw []byte) bool {
	digits := raw
	if digits[0] == '-' {
		digits = digits[1:]
		if digits[0] == '0' {
			return false
		}
	}
	if len(digits) > exactDigits {
		return false
	}
	for _, c := range digits {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
