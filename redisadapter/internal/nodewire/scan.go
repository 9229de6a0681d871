package nodewire

import "bytes"

// scan passes over the JSON value that begins at b[i], white space before it
// included, and returns the index behind it. Containers may nest depth deep.
func scan(b []byte, i, depth int) (end int, err error) {
	i = space(b, i)
	if i == len(b) {
		return i, fault(ErrJSON, i)
	}
	switch b[i] {
	case '{':
		return scanMembers(b, i, depth, nil)
	case '[':
		return scanElements(b, i, depth, nil)
	case '"':
		return scanString(b, i)
	case 't':
		return scanWord(b, i, "true")
	case 'f':
		return scanWord(b, i, "false")
	case 'n':
		return scanWord(b, i, "null")
	}
	return scanNumber(b, i)
}

// scanMembers passes over the object at b[i] and calls f, if there is one, with the
// raw name, quotes included, and the raw value of each member.
func scanMembers(b []byte, i, depth int, f func(name, value []byte) error) (end int, err error) {
	if depth == 0 {
		return i, fault(ErrDepth, i)
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for more := true; more; {
		name := space(b, i)
		nameEnd, value, err := scanName(b, name)
		if err != nil {
			return value, err
		}
		if i, err = scan(b, value, depth-1); err != nil {
			return i, err
		}
		if f != nil {
			if err = f(b[name:nameEnd], b[value:i]); err != nil {
				return i, err
			}
		}
		if i, more, err = after(b, i, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

// scanElements passes over the array at b[i] and calls f, if there is one, with each
// raw element.
func scanElements(b []byte, i, depth int, f func(value []byte) error) (end int, err error) {
	if depth == 0 {
		return i, fault(ErrDepth, i)
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for more := true; more; {
		value := space(b, i)
		if i, err = scan(b, value, depth-1); err != nil {
			return i, err
		}
		if f != nil {
			if err = f(b[value:i]); err != nil {
				return i, err
			}
		}
		if i, more, err = after(b, i, ']'); err != nil {
			return i, err
		}
	}
	return i, nil
}

// after passes over what stands behind an element: a comma, if there is more, or the
// bracket.
func after(b []byte, i int, bracket byte) (next int, more bool, err error) {
	i = space(b, i)
	switch {
	case i < len(b) && b[i] == ',':
		return i + 1, true, nil
	case i < len(b) && b[i] == bracket:
		return i + 1, false, nil
	}
	return i, false, fault(ErrJSON, i)
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func scanWord(b []byte, i int, word string) (end int, err error) {
	if !bytes.HasPrefix(b[i:], []byte(word)) {
		return i, fault(ErrJSON, i)
	}
	return i + len(word), nil
}

// scanName passes over the name of a member at b[i] and the colon, up to the value.
func scanName(b []byte, i int) (end, value int, err error) {
	if i == len(b) || b[i] != '"' {
		return i, i, fault(ErrJSON, i)
	}
	if end, err = scanString(b, i); err != nil {
		return end, end, err
	}
	if value = space(b, end); value == len(b) || b[value] != ':' {
		return end, value, fault(ErrJSON, value)
	}
	return end, space(b, value+1), nil
}

// scanString passes over the string at b[i].
func scanString(b []byte, i int) (end int, err error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c < ' ':
			return i, fault(ErrJSON, i)
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return i, fault(ErrJSON, i)
			}
			i += n - 1
		}
	}
	return i, fault(ErrJSON, i)
}

// escapeLen is the length of the escape sequence at the start of b, 0 if it is none.
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
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// scanNumber passes over the number at b[i].
func scanNumber(b []byte, i int) (end int, err error) {
	start := i
	if b[i] == '-' {
		i++
	}
	whole := i
	if i = digits(b, i); i == whole || b[whole] == '0' && i > whole+1 {
		return start, fault(ErrJSON, start)
	}
	if i < len(b) && b[i] == '.' {
		fraction := i + 1
		if i = digits(b, fraction); i == fraction {
			return start, fault(ErrJSON, start)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(b, i); i == exponent {
			return start, fault(ErrJSON, start)
		}
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// whole fails unless b is one JSON value and nothing else, and returns it without
// the white space around it.
func whole(b []byte) ([]byte, error) {
	if len(b) > MaxSize {
		return nil, fault(ErrSize, -1)
	}
	start := space(b, 0)
	end, err := scan(b, start, MaxDepth)
	if err != nil {
		return nil, err
	}
	if rest := space(b, end); rest != len(b) {
		return nil, fault(ErrTrailing, rest)
	}
	return b[start:end], nil
}

// unquote is the text of a valid raw JSON string. It allocates.
func unquote(raw []byte) string {
	return string(appendUnquoted(make([]byte, 0, len(raw)), raw[1:len(raw)-1]))
}
