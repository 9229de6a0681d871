package realtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	debugPage       = 100  // connections of one answer, unless the request says otherwise
	maxDebugPage    = 1000 // at most
	maxDebugValue   = 1024 // bytes of a parameter
	debugNamespaces = 100  // listed in one answer
)

// DebugHandler returns the read-only page of the server as JSON.
func (s *server) DebugHandler() http.Handler { return debugHandler{s} }

type debugHandler struct{ srv *server }

// ServeHTTP answers GET and HEAD.
func (h debugHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		writeDebug(w, http.StatusMethodNotAllowed, debugError{"only GET and HEAD"})
		return
	}
	q, err := parseDebugQuery(r.URL.RawQuery)
	if err != nil {
		writeDebug(w, http.StatusBadRequest, debugError{err.Error()})
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	body := h.srv.debugBody(q)
	if q.cluster {
		st, err := h.srv.ClusterStats(r.Context())
		body.Cluster = &debugCluster{ClusterStats: st}
		if err != nil {
			body.Cluster.Error = err.Error()
		}
	}
	writeDebug(w, http.StatusOK, body)
}

// debugError is the answer to a request that is not understood. It repeats nothing of it.
type debugError struct {
	Error string `json:"error"`
}

func writeDebug(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", " ")
	if err != nil { // no such value is in there
		status, body = http.StatusInternalServerError, []byte(`{"error":"not encoded"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone reads no error either
}

// debugQuery is what a request asks for.
type debugQuery struct {
	namespace, room, user, conn string
	sort                        string // of connOrders; "": by age
	limit                       int
	after                       uint64 // order of the last connection of the page before
	cluster                     bool
}

var (
	errDebugQuery = errors.New("the query does not parse")
	errDebugName  = errors.New("unknown parameter: namespace, room, user, conn, sort, limit, after and cluster are known")
)

// parseDebugQuery accepts each parameter once, and no others: a filter that is misspelt must not show everything.
func parseDebugQuery(raw string) (debugQuery, error) {
	q := debugQuery{limit: debugPage}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errDebugQuery
	}
	for name, list := range values {
		if !slices.Contains([]string{"namespace", "room", "user", "conn", "sort", "limit", "after", "cluster"}, name) {
			return q, errDebugName
		}
		if len(list) != 1 || list[0] == "" || len(list[0]) > maxDebugValue {
			return q, fmt.Errorf("%s: once, with 1 to %d bytes", name, maxDebugValue)
		}
		if err := q.set(name, list[0]); err != nil {
			return q, err
		}
	}
	if q.sort != "" && q.after > 0 {
		return q, errors.New("after: only without sort, whose order does not hold still")
	}
	return q, nil
}

func (q *debugQuery) set(name, value string) (err error) {
	switch name {
	case "namespace":
		q.namespace = value
	case "room":
		q.room = value
	case "user":
		q.user = value
	case "conn":
		q.conn = value
	case "sort":
		if q.sort = value; connOrders[value] == nil {
			return errors.New("sort: rtt, queued or waiting")
		}
	case "limit":
		if q.limit, err = strconv.Atoi(value); err != nil || q.limit < 1 || q.limit > maxDebugPage {
			return fmt.Errorf("limit: a number from 1 to %d", maxDebugPage)
		}
	case "after":
		if q.after, err = strconv.ParseUint(value, 10, 64); err != nil {
			return errors.New("after: the \"next\" of the page before")
		}
	case "cluster":
		if value != "1" {
			return errors.New("cluster: 1, or left out")
		}
		q.cluster = true
	}
	return nil
}

// debugBody is the answer.
type debugBody struct {
	Node       Node             `json:"node"`
	Time       time.Time        `json:"time"`
	Health     Health           `json:"health"`
	Stats      Stats            `json:"stats"`
	Cluster    *debugCluster    `json:"cluster,omitempty"` // only if asked for
	Namespaces []NamespaceStats `json:"namespaces"`
	More       int              `json:"more_namespaces,omitempty"` // that were left out
	Matching   int              `json:"matching"`                  // connections, on all pages
	Conns      []debugConn      `json:"conns"`                     // this page, the oldest first unless it is sorted
	Next       string           `json:"next,omitempty"`            // "after" of the next page
}

type debugCluster struct {
	ClusterStats

	Error string `json:"error,omitempty"`
}

// debugBody looks at everything once; nothing is locked when it returns.
func (s *server) debugBody(q debugQuery) debugBody {
	body := debugBody{Node: s.self, Time: time.Now(), Health: s.Health(), Stats: s.Stats(), Namespaces: s.Namespaces()}
	if n := len(body.Namespaces); n > debugNamespaces {
		body.Namespaces, body.More = body.Namespaces[:debugNamespaces], n-debugNamespaces
	}
	var conns []*Conn
	var more bool
	if q.sort != "" {
		conns, body.Matching = s.topConns(q)
	} else {
		page := s.connPage(q)
		body.Matching = page.matching
		conns, more = page.conns()
	}
	body.Conns = make([]debugConn, 0, len(conns))
	for _, c := range conns {
		body.Conns = append(body.Conns, c.debug(q.conn != ""))
	}
	if more {
		body.Next = strconv.FormatUint(conns[len(conns)-1].order, 10)
	}
	return body
}
