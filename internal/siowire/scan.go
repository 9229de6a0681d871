package siowire

// DefaultDepth is how deep JSON may nest where no other limit is given
// (requirement R33). A value that is no container has depth 0, `[]` has depth 1.
const DefaultDepth = 64

// Valid checks that b is exactly one JSON value (RFC 8259), with white space
// around it allowed, whose containers nest at most maxDepth deep; less than 1
// means [DefaultDepth]. It returns the number of JSON values in it, containers
// included and keys not, which tells what decoding into generic values would
// cost. The error is an [*Error] with [ErrJSON] or [ErrDepth].
//
// Bytes from 0x80 up are accepted inside strings without a look at their UTF-8:
// the transport refuses text that is not UTF-8 before it comes here. Valid is
// linear, allocates nothing for depths up to 512 and is safe for concurrent use.
func Valid(b []byte, maxDepth int) (nodes int, err error) {
	if maxDepth < 1 {
		maxDepth = DefaultDepth
	}
	nodes, end, err := scan(b, maxDepth, nil)
	if err != nil {
		return 0, err
	}
	if end = skipSpace(b, end); end != len(b) {
		return 0, &Error{Reason: ErrJSON, Offset: end}
	}
	return nodes, nil
}

// scan checks the JSON value at the start of b and returns the number of values
// in it and the index after it. If args is not nil and the value is an array,
// the spans of its elements go there.
func scan(b []byte, maxDepth int, args *Args) (nodes, end int, err error) {
	// One bit a level says object or array: 512 levels need 64 bytes of stack
	// and deeper ones, if the limit allows them at all, a slice.
	var inline [8]uint64
	s := scanner{b: b, max: maxDepth, objects: inline[:0], args: args}
	i, opened := 0, false
	for {
		i, opened, err = s.value(i)
		if err != nil {
			return 0, i, err
		}
		if opened {
			continue
		}
		more := false
		i, more, err = s.after(i)
		if err != nil {
			return 0, i, err
		}
		if !more {
			return s.nodes, i, nil
		}
	}
}

// scanner is the state of one pass. The position is handed from step to step
// and never goes back, which is what makes the pass linear.
type scanner struct {
	b       []byte
	objects []uint64 // bit d&63 of word d>>6: the container at depth d+1 is an object
	args    *Args    // spans of the elements at depth 1; nil if nobody asks
	start   int      // where the element at depth 1 began
	max     int
	depth   int
	nodes   int
}

// value checks the value that begins at i. A container with content is only
// opened: the position is then that of its first value.
func (s *scanner) value(i int) (next int, opened bool, err error) {
	i = skipSpace(s.b, i)
	if i == len(s.b) {
		return i, false, invalid(i)
	}
	s.nodes++
	if s.depth == 1 {
		s.start = i
	}
	switch s.b[i] {
	case '{':
		return s.object(i)
	case '[':
		return s.array(i)
	case '"':
		next, ok := scanString(s.b, i)
		return next, false, unless(ok, next)
	default:
		next, ok := scanScalar(s.b, i)
		return next, false, unless(ok, next)
	}
}

// object opens the object at b[i], up to the value of its first member.
func (s *scanner) object(i int) (next int, opened bool, err error) {
	if s.depth == s.max {
		return i, false, &Error{Reason: ErrDepth, Offset: i}
	}
	i = skipSpace(s.b, i+1)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1, false, nil
	}
	s.push(true)
	i, err = s.key(i)
	return i, true, err
}

// array opens the array at b[i], up to its first element.
func (s *scanner) array(i int) (next int, opened bool, err error) {
	if s.depth == s.max {
		return i, false, &Error{Reason: ErrDepth, Offset: i}
	}
	i = skipSpace(s.b, i+1)
	if i < len(s.b) && s.b[i] == ']' {
		return i + 1, false, nil
	}
	s.push(false)
	return i, true, nil
}

// after goes on behind a complete value: over the ends of containers, up to the
// next value, or to the end of the outermost one (more is false).
func (s *scanner) after(i int) (next int, more bool, err error) {
	for s.depth > 0 {
		if s.depth == 1 && s.args != nil {
			s.args.add(s.start, i)
		}
		i = skipSpace(s.b, i)
		if i == len(s.b) {
			return i, false, invalid(i)
		}
		object := s.inObject()
		switch c := s.b[i]; {
		case c == ',' && object:
			i, err = s.key(skipSpace(s.b, i+1))
			return i, true, err
		case c == ',':
			return i + 1, true, nil
		case c == '}' && object, c == ']' && !object:
			s.depth--
			i++
		default:
			return i, false, invalid(i)
		}
	}
	return i, false, nil
}

// key checks a member's name at b[i] and the colon behind it.
func (s *scanner) key(i int) (next int, err error) {
	if i == len(s.b) || s.b[i] != '"' {
		return i, invalid(i)
	}
	i, ok := scanString(s.b, i)
	if !ok {
		return i, invalid(i)
	}
	i = skipSpace(s.b, i)
	if i == len(s.b) || s.b[i] != ':' {
		return i, invalid(i)
	}
	return i + 1, nil
}

// push enters a container; the caller has checked the depth, so that the stack
// grows no further than the limit allows.
func (s *scanner) push(object bool) {
	word, bit := s.depth>>6, uint64(1)<<(s.depth&63)
	if word == len(s.objects) {
		s.objects = append(s.objects, 0)
	}
	if object {
		s.objects[word] |= bit
	} else {
		s.objects[word] &^= bit
	}
	s.depth++
}

// inObject tells the kind of the innermost open container.
func (s *scanner) inObject() bool {
	d := s.depth - 1
	return s.objects[d>>6]&(1<<(d&63)) != 0
}

// scanString checks the string that opens at b[i]. If it is well formed, end is
// the index after the closing quote, else that of the fault.
func scanString(b []byte, i int) (end int, ok bool) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, true
		case c < 0x20:
			return i, false
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return i, false
			}
			i += n - 1
		}
	}
	return i, false
}

// escapeLen is the length of the escape sequence at the start of b, backslash
// included, or 0 if it is none that JSON knows.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if hexDigit(c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// hexDigit is the value of a hexadecimal digit, or −1.
func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// scanScalar checks a number or a literal at b[i].
func scanScalar(b []byte, i int) (end int, ok bool) {
	switch b[i] {
	case 't':
		return scanLiteral(b, i, "true")
	case 'f':
		return scanLiteral(b, i, "false")
	case 'n':
		return scanLiteral(b, i, "null")
	}
	return scanNumber(b, i)
}

// scanLiteral checks that b holds the given word at i.
func scanLiteral(b []byte, i int, word string) (end int, ok bool) {
	end = i + len(word)
	if end > len(b) || string(b[i:end]) != word {
		return i, false
	}
	return end, true
}

// scanNumber checks a number at b[i]: no leading zero, no plus sign, at least
// one digit on each side of the point and behind the exponent.
func scanNumber(b []byte, i int) (end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i, ok = scanDigits(b, i); !ok {
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		if i, ok = scanDigits(b, i+1); !ok {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return scanDigits(b, i)
	}
	return i, true
}

// scanDigits goes over one or more decimal digits.
func scanDigits(b []byte, i int) (end int, ok bool) {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i, i > start
}

// isDigit knows the ten decimal digits of ASCII and no others.
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// invalid is the error for JSON that breaks the grammar at offset i.
func invalid(i int) error { return &Error{Reason: ErrJSON, Offset: i} }

// unless gives no error if ok, else [invalid] at offset i.
func unless(ok bool, i int) error {
	if ok {
		return nil
	}
	return invalid(i)
}
