package engine

import (
	"errors"
	"io"
	"sync"
)

// firstChunk is the size of the pooled buffer that most messages fit in.
const firstChunk = 8 << 10

// scratch collects a message or body of unknown length in chunks, so that what is
// allocated stays in proportion to what has arrived and never passes the limit,
// whatever length the client has announced (requirements R6, R17).
type scratch struct {
	first []byte   // pooled
	rest  [][]byte // further chunks, all full but the last
	n     int      // bytes read
}

var scratches = sync.Pool{New: func() any { return &scratch{first: make([]byte, firstChunk)} }}

func newScratch() *scratch { return scratches.Get().(*scratch) }

// free gives the scratch back; what view returned is invalid then.
func (c *scratch) free() {
	c.rest, c.n = nil, 0
	scratches.Put(c)
}

// read reads until the end of r, or until more than limit bytes came: then it
// reports over. It needs room for one byte beyond the limit, to see that.
func (c *scratch) read(r io.Reader, limit int64) (over bool, err error) {
	chunk := c.first[:min(int64(len(c.first)), limit+1)]
	for {
		used := 0
		for used < len(chunk) {
			n, err := r.Read(chunk[used:])
			used += n
			c.n += n
			switch {
			case int64(c.n) > limit:
				return true, nil
			case errors.Is(err, io.EOF):
				return false, nil
			case err != nil:
				return false, err
			}
		}
		next := make([]byte, min(2*int64(len(chunk)), limit+1-int64(c.n)))
		c.rest = append(c.rest, next)
		chunk = next
	}
}

// view returns what was read as one slice that is valid until free.
func (c *scratch) view() []byte {
	if len(c.rest) == 0 {
		return c.first[:c.n]
	}
	return c.joined()
}

// own returns what was read as a slice of exactly that size for the caller to
// keep.
func (c *scratch) own() []byte { return c.joined() }

func (c *scratch) joined() []byte {
	all := make([]byte, 0, c.n)
	all = append(all, c.first[:min(c.n, len(c.first))]...)
	for _, chunk := range c.rest {
		all = append(all, chunk[:min(len(chunk), c.n-len(all))]...)
	}
	return all
}
