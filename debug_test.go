package realtime_test

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// debugPage is what the tests read of an answer.
type debugPage struct {
	Node struct{ ID, Name string }

	Health     struct{ Status string }
	Stats      map[string]any
	Namespaces []map[string]any
	Cluster    *struct {
		Nodes      []any
		Namespaces []map[string]any
		Error      string
	}
	Matching int
	Conns    []map[string]any
	Next     string
}

func debugDo(srv realtime.Server, method, query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/debug/realtime", http.NoBody)
	r.URL.RawQuery = query
	srv.DebugHandler().ServeHTTP(w, r)
	return w
}

func (f *fixture) debug(query string) debugPage {
	f.T.Helper()
	w := debugDo(f.Server, http.MethodGet, query)
	var page debugPage
	if err := json.Unmarshal(w.Body.Bytes(), &page); w.Code != http.StatusOK || err != nil {
		f.Fatalf("%s: %d %s, %v", query, w.Code, w.Body, err)
	}
	return page
}

// ids are those of a page's connections.
func (p debugPage) ids() (list []string) {
	for _, c := range p.Conns {
		list = append(list, c["id"].(string))
	}
	return list
}

func TestDebugShowsConnections(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}, NodeName: "n1"}, func(f *fixture) {
		begun := time.Now()
		client := f.host.Connect(realtimetest.Options{
			Auth: token("ann"), Query: url.Values{"token": {"s3cret"}}, Address: "203.0.113.9",
			Header: http.Header{"Authorization": {"Bearer s3cret"}, "Cookie": {"sid=s3cret"}, "User-Agent": {"s3cret"}},
		})
		conn := f.conn(client)
		if err := conn.Join(f.Context(), "lobby"); err != nil {
			f.Fatal(err)
		}
		if err := conn.SetPublic("s3cret"); err != nil {
			f.Fatal(err)
		}
		f.lateBy(client, 8*time.Second)
		page := f.debug("conn=" + client.ID())
		want := []map[string]any{{
			"id": client.ID(), "namespace": "/", "user": "ann", "address": "203.0.113.9", "secure": false, "transport": "websocket",
			"connected": begun.Format(time.RFC3339Nano), "rooms": 1.0, "room_names": []any{"lobby"},
			"heartbeats_ms": []any{8000.0}, "rtt_ms": 8000.0, "latency_ms": 8000.0, "unanswered_ms": 0.0,
			"waiting_events": 0.0, "waiting_bytes": 0.0, "queued_messages": 0.0, "queued_bytes": 0.0,
			"received_messages": 1.0, "received_bytes": 16.0, "sent_messages": 1.0, "sent_bytes": 34.0,
		}}
		if diff := cmp.Diff(want, page.Conns); diff != "" {
			f.Error(diff)
		}
		if page.Node.Name != "n1" || page.Health.Status != "ok" || page.Matching != 1 || page.Next != "" || page.Cluster != nil {
			f.Errorf("%+v", page)
		}
		if page.Stats["conns"] != 1.0 || page.Stats["users"] != 1.0 || page.Stats["websocket"] != 1.0 {
			f.Errorf("%v", page.Stats)
		}
		if diff := cmp.Diff([]map[string]any{{"name": "/", "conns": 1.0, "users": 1.0, "rooms": 2.0}}, page.Namespaces); diff != "" {
			f.Error(diff)
		}
		if text := debugDo(f.Server, http.MethodGet, "").Body.String(); strings.Contains(text, "s3cret") || !strings.Contains(text, client.ID()) {
			f.Errorf("a credential, or nothing, is shown: %s", text)
		}
	})
}

// A walk through the pages shows everyone who stays once, whoever comes and goes meanwhile.
func TestDebugPagesHoldUnderChurn(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.Of("/game")
		var clients []*realtimetest.Client
		for i := range 25 {
			clients = append(clients, f.connect([]string{"/", "/game"}[i%2]))
		}
		gone := map[int]bool{0: true, 3: true, 9: true, 10: true, 11: true, 24: true} // on the first page, at its edge, behind it
		var seen []string
		for query := "limit=10"; query != ""; {
			page := f.debug(query)
			if len(page.Conns) > 10 {
				f.Fatalf("%d on a page", len(page.Conns))
			}
			seen = append(seen, page.ids()...)
			if len(seen) == 10 {
				for i := range gone {
					clients[i].Close()
				}
				f.connect()
				synctest.Wait()
			}
			query = ""
			if page.Next != "" {
				query = "limit=10&after=" + page.Next
			}
		}
		for i, c := range clients {
			n := 0
			for _, id := range seen {
				if id == c.ID() {
					n++
				}
			}
			want := 1
			if gone[i] && i >= 10 {
				want = 0
			}
			if n != want {
				f.Errorf("connection %d was shown %d times, want %d", i, n, want)
			}
		}
		if len(seen) != 25-3+1 { // three went before they were seen, and one came
			f.Errorf("%d seen", len(seen))
		}
	})
}

func TestDebugFilters(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		f.Of("/game")
		names := map[string]string{}
		for _, who := range []struct{ name, user, namespace, room string }{
			{"ann", "ann", "/", "lobby"}, {"ann's phone", "ann", "/", ""}, {"ann in game", "ann", "/game", "lobby"}, {"bob", "bob", "/", "lobby"},
		} {
			c := f.host.Connect(realtimetest.Options{Auth: token(who.user), Namespace: who.namespace})
			conn, _ := f.Of(who.namespace).Conn(c.ID())
			if who.room != "" {
				if err := conn.Join(f.Context(), who.room); err != nil {
					f.Fatal(err)
				}
			}
			names[c.ID()] = who.name
			names[who.name] = c.ID()
		}
		for query, want := range map[string][]string{
			"":                              {"ann", "ann's phone", "ann in game", "bob"},
			"namespace=/":                   {"ann", "ann's phone", "bob"},
			"namespace=/game":               {"ann in game"},
			"namespace=/nowhere":            nil,
			"room=lobby":                    {"ann", "ann in game", "bob"},
			"room=lobby&namespace=/":        {"ann", "bob"},
			"user=ann":                      {"ann", "ann's phone", "ann in game"},
			"user=ann&room=lobby":           {"ann", "ann in game"},
			"user=ann&room=lobby&limit=1":   {"ann"},
			"user=nobody":                   nil,
			"user=bob&namespace=/game":      nil,
			"conn=" + names["bob"]:          {"bob"},
			"user=ann&conn=" + names["bob"]: nil,
			"conn=nobody":                   nil,
		} {
			var got []string
			page := f.debug(query)
			for _, id := range page.ids() {
				got = append(got, names[id])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				f.Errorf("%s: %s", query, diff)
			}
			if page.Matching != len(want) && !strings.Contains(query, "limit") {
				f.Errorf("%s: %d matching", query, page.Matching)
			}
		}
	})
}

// The worst come first, by what each sort is about; the others follow by age.
func TestDebugSorts(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		release := make(chan struct{})
		realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil })
		var clients []*realtimetest.Client
		for range 6 {
			clients = append(clients, f.connect())
		}
		slow := []int{2, 3}
		for _, i := range slow {
			clients[i].Stall()
		}
		pass(20 * time.Second)
		for _, i := range slow { // their pings come at times of their own
			for f.conn(clients[i]).Stats().Unanswered == 0 {
				pass(time.Millisecond)
			}
		}
		slices.SortFunc(slow, func(a, b int) int {
			return stdcmp.Compare(f.conn(clients[b]).Stats().Unanswered, f.conn(clients[a]).Stats().Unanswered)
		})
		clients[slow[0]].Resume() // the other has not answered yet, and counts by what is missing
		synctest.Wait()
		for range 5 {
			clients[4].Emit("block")
		}
		clients[5].Stall()
		for range 5 {
			if err := f.conn(clients[5]).Emit(f.Context(), "x"); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		for query, want := range map[string][]int{
			"sort=rtt&limit=3":     {slow[0], slow[1], 0},
			"sort=queued&limit=2":  {5, 0},
			"sort=waiting&limit=2": {4, 0},
			"sort=waiting":         {4, 0, 1, 2, 3, 5},
		} {
			page := f.debug(query)
			var ids []string
			for _, i := range want {
				ids = append(ids, clients[i].ID())
			}
			if diff := cmp.Diff(ids, page.ids()); diff != "" || page.Matching != 6 || page.Next != "" {
				f.Errorf("%s: %s, %d matching, next %q", query, diff, page.Matching, page.Next)
			}
		}
		clients[slow[1]].Resume()
		clients[5].Resume()
		close(release)
	})
}

func TestDebugCluster(t *testing.T) {
	var joined bus
	bubble(t, realtime.Config{Adapter: joined.node()}, func(f *fixture) {
		other := newFixture(f.T, realtime.Config{Adapter: joined.node()})
		for _, n := range []*fixture{f, other} {
			if err := n.Start(f.Context()); err != nil {
				f.Fatal(err)
			}
		}
		f.connect()
		other.connect()
		page := f.debug("cluster=1&limit=1")
		if c := page.Cluster; c == nil || len(c.Nodes) != 2 || c.Error != "" || c.Namespaces[0]["conns"] != 2.0 || page.Stats["conns"] != 1.0 {
			f.Errorf("%+v", page)
		}
	})
}

// What is not understood is refused, and none of it is repeated.
func TestDebugRefuses(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.connect()
		for _, query := range []string{
			"limit=0", "limit=-1", "limit=1001", "limit=ten", "limit=1&limit=2", "limit=", "limit=99999999999999999999",
			"after=-1", "after=x", "after=18446744073709551616", "cluster=true", "sort=age", "sort=rtt&after=1", "users=ann", "namespace=", "user=" + strings.Repeat("x", 1025),
			"a;b", "%zz", "%3Cscript%3E=1", "room=a&room=b",
		} {
			w := debugDo(f.Server, http.MethodGet, query)
			var body struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); w.Code != http.StatusBadRequest || err != nil || body.Error == "" {
				f.Errorf("%s: %d %s", query, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "script") || w.Body.Len() > 200 {
				f.Errorf("%s: %s", query, w.Body)
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
			if w := debugDo(f.Server, method, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				f.Errorf("%s: %d %v", method, w.Code, w.Header())
			}
		}
		head := debugDo(f.Server, http.MethodHead, "limit=1")
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Cache-Control") != "no-store" {
			f.Errorf("HEAD: %d %v", head.Code, head.Header())
		}
		if w := debugDo(f.Server, http.MethodHead, "limit=0"); w.Code != http.StatusBadRequest {
			f.Errorf("HEAD: %d", w.Code)
		}
	})
}

// Whatever the query says, the answer is a page or a refusal, and JSON.
func FuzzDebugQuery(f *testing.F) {
	for _, query := range []string{"", "limit=1", "after=18446744073709551615", "namespace=/&room=r&user=u", "conn=%00", "limit=%31", "a;b", "cluster=1"} {
		f.Add(query)
	}
	srv, err := realtime.New(realtime.Config{Logger: (&logBook{}).logger()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		w := debugDo(srv, http.MethodGet, query)
		if !slices.Contains([]int{http.StatusOK, http.StatusBadRequest}, w.Code) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

// Namespaces that clients have named do not make the page grow without end.
func TestDebugListsSomeNamespaces(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		for i := range 150 {
			f.Of(fmt.Sprintf("/n%03d", i))
		}
		page := f.debug("")
		if len(page.Namespaces) != 100 || page.Namespaces[0]["name"] != "/" || page.Namespaces[99]["name"] != "/n098" {
			f.Errorf("%d listed: %v", len(page.Namespaces), page.Namespaces)
		}
	})
}
