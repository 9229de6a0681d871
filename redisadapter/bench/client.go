package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// client is a joined websocket without any library behind it.
type client struct {
	conn net.Conn
	r    *bufio.Reader // of the handshake; empty when receive begins
}

// dial opens a websocket and joins "/" and a room, if one is named.
func dial(addr, room string) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReaderSize(conn, 1024)}
	if err := c.join(addr, room); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return c, nil
}

func (c *client) join(addr, room string) error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", addr)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake: %s", resp.Status)
	}
	if err := c.expect("0{"); err != nil {
		return err
	}
	if err := c.send("40"); err != nil {
		return err
	}
	if err := c.expect("40{"); err != nil {
		return err
	}
	if room != "" {
		if err := c.send(fmt.Sprintf(`421["join",%q]`, room)); err != nil {
			return err
		}
		if err := c.expect("431["); err != nil {
			return err
		}
	}
	return c.conn.SetDeadline(time.Time{})
}

// expect reads one message, which must begin so.
func (c *client) expect(prefix string) error {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return err
	}
	n := int(head[1])
	if n == 126 {
		if _, err := io.ReadFull(c.r, head[2:]); err != nil {
			return err
		}
		n = int(head[2])<<8 | int(head[3])
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(c.r, text); err != nil {
		return err
	}
	if head[0] != textFrame || !strings.HasPrefix(string(text), prefix) {
		return fmt.Errorf("the server sends %q instead of %s…", text, prefix)
	}
	return nil
}

const textFrame = 0x81

func (c *client) send(text string) error {
	_, err := c.conn.Write(frame(text, true))
	return err
}

// frame is a short text in one frame, masked with zeros if it comes from a client.
func frame(text string, masked bool) []byte {
	var mask byte
	if masked {
		mask = 0x80
	}
	f := []byte{textFrame}
	switch n := len(text); {
	case n <= 125:
		f = append(f, mask|byte(n))
	case n < 1<<16:
		f = append(f, mask|126, byte(n>>8), byte(n))
	default:
		panic("text too long for this client")
	}
	if masked {
		f = append(f, 0, 0, 0, 0)
	}
	return append(f, text...)
}

// receive reads until the connection ends. Every frame must be want, or a ping of Engine.IO.
// After each read got is told how many came.
func (c *client) receive(want string, got func(n int)) error {
	const ping = "\x81\x012"
	buf, filled := make([]byte, 16<<10), 0
	for {
		n, err := c.conn.Read(buf[filled:])
		if err != nil {
			return err
		}
		filled += n
		count, rest := 0, buf[:filled]
		for {
			if len(rest) >= len(want) && string(rest[:len(want)]) == want {
				count, rest = count+1, rest[len(want):]
				continue
			}
			if len(rest) >= len(ping) && string(rest[:len(ping)]) == ping {
				rest = rest[len(ping):]
				continue
			}
			break
		}
		filled = copy(buf, rest)
		if count > 0 {
			got(count)
		}
		if filled >= len(want) || !strings.HasPrefix(want, string(buf[:filled])) && !strings.HasPrefix(ping, string(buf[:filled])) {
			return fmt.Errorf("unexpected bytes from the server: %.200q", buf[:filled])
		}
	}
}
