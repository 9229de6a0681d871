package siowire

// SkipValue returns the index after the JSON value that starts at b[i] or after
// the white space there. The bytes must be known to be valid JSON, because
// nothing is checked again: this is for walking over what [Valid] or a [Decoder]
// has accepted. On other input it still ends and returns at most len(b), but the
// index means nothing. It does not allocate and is safe for concurrent use.
func SkipValue(b []byte, i int) (end int) {
	i = skipSpace(b, i)
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipContainer(b, i)
	}
	for i < len(b) && !endsScalar(b[i]) {
		i++
	}
	return i
}

// skipContainer returns the index after the object or array that opens at b[i].
// It need not tell the two kinds of bracket apart in text that is known to be
// valid, so it needs no stack, only a count.
func skipContainer(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}

// skipString returns the index after the closing quote of the string that opens
// at b[i].
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(b)
}

// skipSpace returns the index of the first byte at or after i that is not JSON
// white space, or len(b).
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// isSpace knows the four white space characters of JSON, fewer than JavaScript's.
func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

// endsScalar tells whether c ends a number or a literal.
func endsScalar(c byte) bool {
	return c == ',' || c == ']' || c == '}' || isSpace(c)
}
