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
	nodes, end, reason := scan(b, maxDepth, nil)
	if reason == nil {
		if end = skipSpace(b, end); end == len(b) {
			return nodes, nil
		}
		reason = ErrJSON
	}
	return 0, &Error{Reason: reason, Offset: end}
}

// scan checks the JSON value at the start of b and returns the number of values
// in it and the index after it, or a broken rule, bare, and where it is broken.
// If args is not nil and the value is an array, the spans of its elements go
// there.
func scan(b []byte, maxDepth int, args *Args) (nodes, end int, reason error) {
	// One bit a level says object or array: 512 levels need 64 bytes of stack
	// and deeper ones, if the limit allows them at all, a slice.
	var inline [8]uint64
	s := scanner{b: b, max: maxDepth, objects: inline[:0], args: args}
	more := true
	for more {
		opened := false
		if end, opened, reason = s.value(end); reason != nil {
			return 0, end, reason
		}
		if opened {
			continue
		}
		if end, more, reason = s.after(end); reason != nil {
			return 0, end, reason
		}
	}
	return s.nodes, end, nil
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
func (s *scanner) value(i int) (next int, opened bool, reason error) {
	i = skipSpace(s.b, i)
	if i == len(s.b) {
		return i, false, ErrJSON
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
		return next, false, unless(ok)
	default:
		next, ok := scanScalar(s.b, i)
		return next, false, unless(ok)
	}
}

// object opens the object at b[i], up to the value of its first member.
func (s *scanner) object(i int) (next int, opened bool, reason error) {
	if s.depth == s.max {
		return i, false, ErrDepth
	}
	i = skipSpace(s.b, i+1)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1, false, nil
	}
	s.push(true)
	i, reason = s.key(i)
	return i, true, reason
}

// array opens the array at b[i], up to its first element.
func (s *scanner) array(i int) (next int, opened bool, reason error) {
	if s.depth == s.max {
		return i, false, ErrDepth
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
func (s *scanner) after(i int) (next int, more bool, reason error) {
	for s.depth > 0 {
		if s.depth == 1 && s.args != nil {
			s.args.add(s.start, i)
		}
		i = skipSpace(s.b, i)
		if i == len(s.b) {
			return i, false, ErrJSON
		}
		object := s.inObject()
		switch c := s.b[i]; {
		case c == ',' && object:
			i, reason = s.key(skipSpace(s.b, i+1))
			return i, true, reason
		case c == ',':
			return i + 1, true, nil
		case c == '}' && object, c == ']' && !object:
			s.depth--
			i++
		default:
			return i, false, ErrJSON
		}
	}
	return i, false, nil
}

// key checks a member's name at b[i] and the colon behind it.
func (s *scanner) key(i int) (next int, reason error) {
	if i == len(s.b) || s.b[i] != '"' {
		return i, ErrJSON
	}
	i, ok := scanString(s.b, i)
	if !ok {
		return i, ErrJSON
	}
	i = skipSpace(s.b, i)
	if i == len(s.b) || s.b[i] != ':' {
		return i, ErrJSON
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
