package load

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything that is waited for may take.
const patience = 30 * time.Second

// dial connects to addr, says hello, and returns the socket, which does not block any more, with what has come
// beyond the answers.
func dial(d *Dialect, addr, room string) (fd int, rest []byte, err error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close() // the socket lives on in its duplicate
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	r := bufio.NewReader(conn)
	if err := handshake(conn, r, addr+d.Path, addr); err != nil {
		return 0, nil, err
	}
	for _, step := range d.Hello(room) {
		if step[0] != "" {
			if _, err := conn.Write(Frame(step[0])); err != nil {
				return 0, nil, err
			}
		}
		if err := expect(r, d, step[1]); err != nil {
			return 0, nil, err
		}
	}
	rest, err = r.Peek(r.Buffered())
	if err != nil {
		return 0, nil, err
	}
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	if fd, err = syscall.Dup(int(file.Fd())); err != nil {
		return 0, nil, err
	}
	return fd, append([]byte(nil), rest...), syscall.SetNonblock(fd, true)
}

func handshake(conn net.Conn, r *bufio.Reader, url, host string) error {
	path := url[strings.IndexByte(url, '/'):]
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path, host)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("load: handshake: %s", resp.Status)
	}
	return nil
}

// expect reads messages until one begins with a text.
func expect(r *bufio.Reader, d *Dialect, begins string) error {
	for range 1000 {
		size := 2
		for {
			buf, err := r.Peek(size)
			if err != nil {
				return err
			}
			_, message, rest, ok, err := next(buf)
			if err != nil {
				return err
			}
			if !ok {
				size = max(size+1, r.Buffered())
				continue
			}
			found := strings.HasPrefix(string(message), begins)
			if _, err := r.Discard(len(buf) - len(rest)); err != nil {
				return err
			}
			if found {
				return nil
			}
			break
		}
	}
	return errors.New("load: " + d.Name + " never answers " + begins)
}
