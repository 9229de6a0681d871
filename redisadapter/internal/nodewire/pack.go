package nodewire

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// packer turns JSON into msgpack. Msgpack wants the number of elements before them,
// so a first pass checks the text and counts, and a second one writes.
type packer struct {
	text        []byte
	attachments [][]byte
	scratch     []byte

	// The containers in the order in which they begin, the first of them in an array: a
	// slice of one would move it to the heap.
	few  [16]container
	more []container
	n    int
	next int // the first container that is not written yet
}

// container is an array or an object of the text.
type container struct {
	n          int // elements or members
	end        int // index behind it
	attachment int // of the placeholder that it is, or -1
}

// appendPacked appends JSON as msgpack, with attachments in place of the
// placeholders. Without attachments an object that looks like a placeholder is an
// object.
func appendPacked(dst, text []byte, attachments [][]byte) ([]byte, error) {
	if len(text) > MaxSize {
		return dst, fault(ErrSize, -1)
	}
	p := packer{text: text, attachments: attachments}
	end, err := p.count(0, MaxDepth)
	if err != nil {
		return dst, err
	}
	if rest := space(text, end); rest != len(text) {
		return dst, fault(ErrTrailing, rest)
	}
	dst, _ = p.write(dst, 0)
	return dst, nil
}

// add makes room for one more container and returns its index.
func (p *packer) add() int {
	if p.n >= len(p.few) {
		p.more = append(p.more[:p.n-len(p.few)], container{})
	}
	p.n++
	return p.n - 1
}

func (p *packer) at(i int) *container {
	if i < len(p.few) {
		return &p.few[i]
	}
	return &p.more[i-len(p.few)]
}

// count checks the value at i and notes its containers.
func (p *packer) count(i, depth int) (end int, err error) {
	i = space(p.text, i)
	if i == len(p.text) || p.text[i] != '{' && p.text[i] != '[' {
		return scan(p.text, i, depth)
	}
	if depth == 0 {
		return i, fault(ErrDepth, i)
	}
	me := p.add()
	c := container{attachment: -1}
	if p.text[i] == '{' {
		c.n, c.end, err = p.countMembers(i, depth-1)
	} else {
		c.n, c.end, err = p.countElements(i, depth-1)
	}
	if err != nil {
		return c.end, err
	}
	if len(p.attachments) > 0 && p.text[i] == '{' {
		if c.attachment = placeholder(p.text[i:c.end]); c.attachment >= len(p.attachments) {
			return i, fault(ErrShape, i)
		}
		if c.attachment >= 0 {
			p.n = me + 1 // what is inside is not written
		}
	}
	*p.at(me) = c
	return c.end, nil
}

func (p *packer) countMembers(i, depth int) (n, end int, err error) {
	if i = space(p.text, i+1); i < len(p.text) && p.text[i] == '}' {
		return 0, i + 1, nil
	}
	for more := true; more; n++ {
		if _, i, err = scanName(p.text, space(p.text, i)); err != nil {
			return n, i, err
		}
		if i, err = p.count(i, depth); err != nil {
			return n, i, err
		}
		if i, more, err = after(p.text, i, '}'); err != nil {
			return n, i, err
		}
	}
	return n, i, nil
}

func (p *packer) countElements(i, depth int) (n, end int, err error) {
	if i = space(p.text, i+1); i < len(p.text) && p.text[i] == ']' {
		return 0, i + 1, nil
	}
	for more := true; more; n++ {
		if i, err = p.count(i, depth); err != nil {
			return n, i, err
		}
		if i, more, err = after(p.text, i, ']'); err != nil {
			return n, i, err
		}
	}
	return n, i, nil
}

// placeholder is the number of the attachment that a raw object stands for, or -1.
func placeholder(object []byte) int {
	if !bytes.Contains(object, []byte("_placeholder")) { // escaped or not, it is never written otherwise
		return -1
	}
	is, num := false, -1
	_, _ = scanMembers(object, 0, MaxDepth, func(name, value []byte) error { // valid, or count had failed
		switch unquote(name) {
		case "_placeholder":
			is = string(value) == "true"
		case "num":
			if n, err := strconv.Atoi(string(value)); err == nil && n >= 0 {
				num = n
			}
		}
		return nil
	})
	if !is {
		return -1
	}
	return num
}

// write appends the value at i, which count has checked, and returns the index
// behind it.
func (p *packer) write(dst []byte, i int) (out []byte, end int) {
	i = space(p.text, i)
	switch p.text[i] {
	case '{', '[':
		return p.writeContainer(dst, i)
	case '"':
		return p.writeString(dst, i)
	case 't':
		return appendBool(dst, true), i + 4
	case 'f':
		return appendBool(dst, false), i + 5
	case 'n':
		return appendNil(dst), i + 4
	}
	end, _ = scanNumber(p.text, i)
	return appendNumberText(dst, string(p.text[i:end])), end
}

func (p *packer) writeContainer(dst []byte, i int) (out []byte, end int) {
	c := *p.at(p.next)
	p.next++
	object := p.text[i] == '{'
	switch {
	case c.attachment >= 0:
		return appendBinary(dst, p.attachments[c.attachment]), c.end
	case object:
		dst = appendMapHead(dst, c.n)
	default:
		dst = appendArrayHead(dst, c.n)
	}
	for range c.n {
		i++ // over the bracket or the comma
		if object {
			dst, i = p.writeString(dst, space(p.text, i))
			i = space(p.text, i) + 1
		}
		dst, i = p.write(dst, i)
		i = space(p.text, i)
	}
	return dst, c.end
}

func (p *packer) writeString(dst []byte, i int) (out []byte, end int) {
	end, _ = scanString(p.text, i)
	raw := p.text[i+1 : end-1]
	if bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		p.scratch = appendUnquoted(p.scratch[:0], raw)
		raw = p.scratch
	}
	return append(appendStringHead(dst, len(raw)), raw...), end
}

// appendNumberText appends a JSON number: an integer as such with all its digits,
// anything else as JavaScript would have it.
func appendNumberText(dst []byte, text string) []byte {
	const enough = 20 // characters of the longest 64-bit integer
	if len(text) <= enough && !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return appendInt(dst, n)
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return appendUint(dst, n)
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range it is an infinity, as for JSON.parse
	return appendNumber(dst, f)
}
