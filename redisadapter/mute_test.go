//go:build unix

package redisadapter_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// mute is a way to Redis on which published messages can be kept back, and nothing else.
type mute struct {
	addr   string
	silent atomic.Bool
	skip   atomic.Pointer[string] // messages whose channel ends with it are kept back
	lost   atomic.Int64           // how many were
	pings  atomic.Int64           // replies that passed while it was silent
}

func newMute(t *testing.T, to string) *mute {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m := &mute{addr: l.Addr().String()}
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				return
			}
			go func() { // ends with the client
				_, _ = io.Copy(s, c)
				s.Close()
			}()
			go func() { // ends with the server, or with the client
				m.pass(c, bufio.NewReader(s))
				c.Close()
			}()
		}
	}()
	return m
}

// pass copies what Redis says, value by value.
func (m *mute) pass(to io.Writer, from *bufio.Reader) {
	for {
		var raw bytes.Buffer
		if err := copyValue(&raw, from); err != nil {
			return
		}
		message := bytes.HasPrefix(raw.Bytes(), []byte(">")) && bytes.Contains(raw.Bytes(), []byte("message\r\n"))
		if skip := m.skip.Load(); message && skip != nil && bytes.Contains(raw.Bytes(), []byte(*skip+"\r\n")) {
			m.lost.Add(1)
			continue
		}
		if m.silent.Load() {
			if message {
				continue
			}
			m.pings.Add(1)
		}
		if _, err := to.Write(raw.Bytes()); err != nil {
			return
		}
	}
}

// copyValue copies one value of the protocol RESP3.
func copyValue(to *bytes.Buffer, from *bufio.Reader) error {
	line, err := from.ReadBytes('\n')
	if err != nil {
		return err
	}
	to.Write(line)
	n, _ := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	switch line[0] {
	case '$', '=', '!':
		if n >= 0 {
			_, err = io.CopyN(to, from, int64(n)+2)
		}
		return err
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		return nil
	}
	for i := 0; i < n && err == nil; i++ {
		err = copyValue(to, from)
	}
	return err
}
