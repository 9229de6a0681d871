package wiretest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// patience is how long an answer may take; it is fake time for a server of this process.
const patience = 10 * time.Second

var errTimeout = errors.New("nothing came")

// httpAnswer is one HTTP response, read completely.
type httpAnswer struct {
	status int
	header http.Header
	body   []byte
	closed bool // the server closed the connection behind it
	err    error
}

// exchange is a request on its way. Its answer is read by a goroutine of its own, so that requests can overlap.
type exchange struct {
	conn   net.Conn
	answer chan httpAnswer // buffered: the reader never waits
}

// rawRequest writes the bytes of a request: header lines exactly as given, nothing added but Host and Content-Length.
func rawRequest(method, target string, header map[string]string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, header[name])
	}
	if len(body) > 0 || method == http.MethodPost {
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// startExchange sends raw on a new connection and reads one answer in the background.
// The two goroutines end with the connection at the latest, which close ends.
func startExchange(conn net.Conn, method string, raw []byte) *exchange {
	x := &exchange{conn: conn, answer: make(chan httpAnswer, 1)}
	// The writer is its own goroutine because a server may answer, and stop reading, before it has the whole body.
	go func() { _, _ = conn.Write(raw) }()
	// The reader delivers exactly one answer, or the error that came instead.
	go func() { x.answer <- readAnswer(conn, method) }()
	return x
}

func readAnswer(conn net.Conn, method string) httpAnswer {
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		return httpAnswer{err: err}
	}
	a := httpAnswer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	a.closed = resp.Close
	return a
}

// wait returns the answer, or an error when none came in time. The connection is closed afterwards.
func (x *exchange) wait() httpAnswer {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	defer x.close()
	select {
	case a := <-x.answer:
		return a
	case <-timeout.C:
		return httpAnswer{err: errTimeout}
	}
}

// ready tells whether the answer is there. It does not take it.
func (x *exchange) ready() bool { return len(x.answer) > 0 }

func (x *exchange) close() { _ = x.conn.Close() }
