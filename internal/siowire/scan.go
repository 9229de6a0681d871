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
	s := scanner{b: b, max: maxDepth}
	end, reason := s.run()
	if reason == nil {
		if end = skipSpace(b, end); end == len(b) {
			return s.nodes, nil
		}
		reason = ErrJSON
	}
	return 0, &Error{Reason: reason, Offset: end}
}

// inlineWords are the words of the stack of open containers that a scanner
// holds itself, one bit a level.
const inlineWords = 8

// scanner is one pass over one JSON value. The position is handed from step to
// step and never goes back, which is what makes the pass linear. Everything is
// held by value: a pointer among the fields would move what it points at to the
// heap, since two of the slices can grow.
type scanner struct {
	b       []byte
	args    Args // elements of the outermost array, if collect
	start   int  // where the element at depth 1 began
	max     int
	depth   int
	nodes   int
	collect bool
	// objects has a bit for each open container, set if it is an object; deep
	// holds what does not fit, if the limit allows as much at all.
	objects [inlineWords]uint64
	deep    []uint64
}

// run checks the value at the start of b and returns the index after it, or a
// broken rule, bare, and where it is broken.
func (s *scanner) run() (end int, reason error) {
	more := true
	for more {
		opened := false
		if end, opened, reason = s.value(end); reason != nil {
			return end, reason
		}
		if opened {
			continue
		}
		if end, more, reason = s.after(end); reason != nil {
			return end, reason
		}
	}
	return end, nil
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
		if s.depth == 1 && s.collect {
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
	if s.depth>>6 == inlineWords+len(s.deep) {
		s.deep = append(s.deep, 0)
	}
	word, bit := s.word(s.depth)
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	s.depth++
}

// inObject tells the kind of the innermost open container.
func (s *scanner) inObject() bool {
	word, bit := s.word(s.depth - 1)
	return *word&bit != 0
}

// word finds the bit of a level.
func (s *scanner) word(level int) (word *uint64, bit uint64) {
	bit = 1 << (level & 63)
	if w := level >> 6; w >= inlineWords {
		return &s.deep[w-inlineWords], bit
	}
	return &s.objects[level>>6], bit
}
