package realtime_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// get sends a request and returns the answer, headers included.
func (f *fixture) get(url string, header http.Header) string {
	f.T.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, "http://realtime.test"+url, http.NoBody)
	if err != nil {
		f.T.Fatal(err)
	}
	for key, v := range header {
		r.Header[key] = v
	}
	resp, err := f.host.Do(r)
	if err != nil {
		f.T.Fatal(err)
	}
	defer resp.Body.Close()
	var answer strings.Builder
	if err := resp.Write(&answer); err != nil {
		f.T.Fatal(err)
	}
	return answer.String()
}

// rawSession is a polling session of which a test writes every byte.
type rawSession struct {
	f   *fixture
	sid string
	id  string // of its connection to "/"
}

// raw opens a polling session and joins "/", with an auth payload if one is given.
func (f *fixture) raw(auth ...string) *rawSession {
	f.T.Helper()
	s := &rawSession{f: f}
	status, body := s.do(http.MethodGet, "")
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &open); status != http.StatusOK || err != nil {
		f.T.Fatalf("handshake: %d %s", status, body)
	}
	s.sid = open.SID
	if status, body := s.do(http.MethodPost, "40"+strings.Join(auth, "")); status != http.StatusOK {
		f.T.Fatalf("CONNECT: %d %s", status, body)
	}
	_, body = s.do(http.MethodGet, "")
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "40")), &open); err != nil {
		f.T.Fatalf("CONNECT reply: %s", body)
	}
	s.id = open.SID
	return s
}

// do sends one request of the session.
func (s *rawSession) do(method, body string) (status int, answer string) {
	s.f.T.Helper()
	url := "http://realtime.test/socket.io/?EIO=4&transport=polling"
	if s.sid != "" {
		url += "&sid=" + s.sid
	}
	var in io.Reader = strings.NewReader(body)
	if len(body) > 32<<10 {
		// Chunked. A server may answer a body of a declared length before it has read it all, and hang up.
		in = io.MultiReader(in)
	}
	r, err := http.NewRequestWithContext(s.f.Context(), method, url, in)
	if err != nil {
		s.f.T.Fatal(err)
	}
	resp, err := s.f.host.Do(r)
	if err != nil {
		s.f.T.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.f.T.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// Opcodes of RFC 6455.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
)

// rawSocket is a websocket of which a test writes every frame.
type rawSocket struct {
	f    *fixture
	conn io.ReadWriteCloser
	in   *bufio.Reader
	id   string // of its connection to "/"
}

// socket opens a websocket session without joining a namespace.
func (f *fixture) socket() *rawSocket {
	f.T.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, "http://realtime.test/socket.io/?EIO=4&transport=websocket", http.NoBody)
	if err != nil {
		f.T.Fatal(err)
	}
	for key, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(key, v)
	}
	resp, err := f.host.Do(r)
	if err != nil {
		f.T.Fatal(err)
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		f.T.Fatalf("handshake: %d", resp.StatusCode)
	}
	s := &rawSocket{f: f, conn: conn, in: bufio.NewReader(conn)}
	f.Cleanup(func() { _ = conn.Close() })
	if _, open := s.read(); !strings.HasPrefix(open, "0{") {
		f.T.Fatalf("open packet: %s", open)
	}
	return s
}

// joined opens a websocket session and joins "/".
func (f *fixture) joined() *rawSocket {
	f.T.Helper()
	s := f.socket()
	if err := s.write(opText, "40"); err != nil {
		f.T.Fatal(err)
	}
	_, reply := s.read()
	var body struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(reply, "40")), &body); err != nil {
		f.T.Fatalf("CONNECT reply: %s", reply)
	}
	s.id = body.SID
	return s
}

// write sends one frame, masked with zeros.
func (s *rawSocket) write(op byte, data string) error {
	frame := []byte{0x80 | op, 0x80 | 127}
	frame = binary.BigEndian.AppendUint64(frame, uint64(len(data)))
	frame = append(frame, 0, 0, 0, 0)
	_, err := s.conn.Write(append(frame, data...))
	return err
}

// read returns the next frame, with opcode 0 and the error's text once there are no more.
func (s *rawSocket) read() (op byte, data string) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(s.in, head); err != nil {
		return 0, err.Error()
	}
	n := uint64(head[1])
	if wide := map[byte]int{126: 2, 127: 8}[head[1]]; wide > 0 {
		length := make([]byte, 8)
		if _, err := io.ReadFull(s.in, length[8-wide:]); err != nil {
			return 0, err.Error()
		}
		n = binary.BigEndian.Uint64(length)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return 0, err.Error()
	}
	return head[0] & 0x0f, string(body)
}

// closed reads up to the close frame and returns its status, 0 if it has none.
func (s *rawSocket) closed() int {
	s.f.T.Helper()
	for {
		switch op, data := s.read(); op {
		case opClose:
			if len(data) < 2 {
				return 0
			}
			return int(binary.BigEndian.Uint16([]byte(data)))
		case 0:
			s.f.T.Fatalf("no close frame: %s", data)
		}
	}
}
