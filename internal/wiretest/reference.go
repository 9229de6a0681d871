package wiretest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Reference is a process that runs reference servers (the published Node packages), against which the replay itself is checked.
//
// It is any command that reads one JSON object per line: {"id","op":"start","file","name","options"} starts a server with the
// application of a case and is answered {"id","port"}; "shutdown", "restart" and "stop" are answered {"id","done":true}.
// Whatever the application and the server report comes as {"id","observe":{…}} at any time.
type Reference struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{} // closed when the process has closed its output

	mu      sync.Mutex
	servers map[int]*referenceServer
	last    int
}

// referenceLine is a line from the process.
type referenceLine struct {
	ID      int             `json:"id"`
	Port    int             `json:"port"`
	Done    bool            `json:"done"`
	Observe json.RawMessage `json:"observe"`
}

// StartReference runs a command line, split at spaces.
func StartReference(command string) (*Reference, error) {
	args := strings.Fields(command)
	if len(args) == 0 {
		return nil, errors.New("wiretest: empty reference command")
	}
	r := &Reference{cmd: exec.Command(args[0], args[1:]...), servers: map[int]*referenceServer{}, ended: make(chan struct{})}
	r.cmd.Stderr = os.Stderr
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("wiretest: reference: %w", err)
	}
	go r.read(stdout) // ends with the process; Close waits for it
	return r, nil
}

func (r *Reference) read(stdout io.Reader) {
	defer close(r.ended)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line referenceLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		r.mu.Lock()
		s := r.servers[line.ID]
		r.mu.Unlock()
		switch {
		case s == nil:
		case len(line.Observe) > 0:
			s.journal.Add(line.Observe)
		default:
			s.replies <- line
		}
	}
}

// New is a Factory.
func (r *Reference) New(s *Script) (Server, error) {
	r.mu.Lock()
	r.last++
	srv := &referenceServer{r: r, id: r.last, journal: NewJournal(), replies: make(chan referenceLine, 1)}
	r.servers[srv.id] = srv
	r.mu.Unlock()
	options := s.Options
	line, err := srv.call(map[string]any{"op": "start", "file": s.File, "name": s.Name, "options": options})
	srv.port = line.Port
	return srv, err
}

// Close ends the process and waits for it.
func (r *Reference) Close() error {
	_ = r.stdin.Close()
	<-r.ended
	return r.cmd.Wait()
}

// referenceServer is one server of the reference process.
type referenceServer struct {
	r       *Reference
	id      int
	port    int
	journal *Journal
	replies chan referenceLine
}

func (s *referenceServer) call(request map[string]any) (referenceLine, error) {
	request["id"] = s.id
	data, err := json.Marshal(request)
	if err != nil {
		return referenceLine{}, err
	}
	if _, err := s.r.stdin.Write(append(data, '\n')); err != nil {
		return referenceLine{}, fmt.Errorf("wiretest: reference: %w", err)
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case line := <-s.replies:
		return line, nil
	case <-s.r.ended:
		return referenceLine{}, errors.New("wiretest: the reference process has ended")
	case <-timeout.C:
		return referenceLine{}, fmt.Errorf("wiretest: reference: %v: %w", request["op"], errTimeout)
	}
}

func (s *referenceServer) Dial() (net.Conn, error) {
	return net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
}

func (s *referenceServer) Shutdown() error { return s.op("shutdown") }
func (s *referenceServer) Restart() error  { return s.op("restart") }

func (s *referenceServer) op(name string) error {
	_, err := s.call(map[string]any{"op": name})
	return err
}

// Stop ends the server and forgets it.
func (s *referenceServer) Stop() error {
	err := s.op("stop")
	s.r.mu.Lock()
	delete(s.r.servers, s.id)
	s.r.mu.Unlock()
	return err
}

// settleTime is how long another process is given to deal with what it was sent; nothing tells when it has.
const settleTime = 50 * time.Millisecond

func (s *referenceServer) Settle() {
	pause := time.NewTimer(settleTime)
	<-pause.C
}

func (s *referenceServer) Journal() *Journal   { return s.journal }
func (s *referenceServer) Reports(string) bool { return true }
