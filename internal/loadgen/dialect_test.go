package loadgen

import (
	"strings"
	"testing"
)

// A dialect and the server's half of its joining: what arrives, and what has to be sent then.
var joins = []struct {
	name   string
	d      Dialect
	room   string
	script [][2]string // first what arrives ("" is nothing yet), then what is sent
}{
	{"Socket.IO", SocketIO{}, "r1", [][2]string{{"", ""}, {`0{"sid":"a"}`, "40"}, {`40{"sid":"b"}`, `421["join","r1"]`}, {"2", "3"}, {`42["msg",{}]`, ""}, {`431[true]`, ""}}},
	{"Socket.IO, namespace", SocketIO{Namespace: "/n", Auth: `{"a":1}`, Joins: "in"}, "r1", [][2]string{{"", ""}, {`0{}`, `40/n,{"a":1}`}, {`40/n,{}`, `42/n,1["in","r1"]`}, {`43/n,1[]`, ""}}},
	{"Socket.IO, no room", SocketIO{}, "", [][2]string{{"", ""}, {`0{}`, "40"}, {`40{}`, ""}}},
	{"plain", Plain{}, "r1", [][2]string{{"", `{"e":"join","r":"r1"}`}, {`{"e":"join","r":"r1"}`, ""}}},
	{"plain, no room", Plain{}, "", [][2]string{{"", ""}}},
	{"centrifuge", Centrifuge{}, "r1", [][2]string{{"", `{"id":1,"connect":{}}`}, {`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"r1"}}`}, {"{}", "{}"}, {`{"id":2,"subscribe":{}}`, ""}}},
}

func TestDialectsJoin(t *testing.T) {
	for _, j := range joins {
		step := 0
		for i, s := range j.script {
			var msg []byte
			if s[0] != "" {
				msg = []byte(s[0])
			}
			send, next, ready, err := j.d.Join(nil, step, j.room, msg)
			if last := i == len(j.script)-1; err != nil || string(send) != s[1] || ready != last {
				t.Fatalf("%s, on %q: sends %q, ready %t, %v", j.name, s[0], send, ready, err)
			}
			step = next
		}
	}
}

func TestARefusalIsAnErrorOfJoining(t *testing.T) {
	for _, r := range []struct {
		d    Dialect
		step int
		msg  string
	}{
		{SocketIO{}, 1, `44{"message":"no"}`},
		{SocketIO{}, 0, `hello`},
		{Plain{}, 1, "no"},
		{Centrifuge{}, 2, `{"id":2,"error":{"code":103}}`},
	} {
		if _, _, ready, err := r.d.Join(nil, r.step, "r1", []byte(r.msg)); ready || err == nil {
			t.Errorf("%T takes %q", r.d, r.msg)
		}
	}
}

func TestDialectsTellWhatArrives(t *testing.T) {
	for _, c := range []struct {
		d     Dialect
		msg   string
		kinds []Kind
	}{
		{SocketIO{}, `42["msg",{}]`, []Kind{Delivery}},
		{SocketIO{}, `43100[{}]`, []Kind{Answer}},
		{SocketIO{}, `2`, []Kind{Ping}},
		{SocketIO{}, `1`, []Kind{Refusal}},
		{SocketIO{}, `41`, []Kind{Refusal}},
		{SocketIO{}, `6`, []Kind{Other}},
		{SocketIO{}, `4`, []Kind{Other}},
		{Plain{}, `{"e":"say","d":{}}`, []Kind{Delivery}},
		{Plain{}, `{"e":"echo","i":100}`, []Kind{Answer}},
		{Plain{}, `{}`, []Kind{Other}},
		{Centrifuge{}, "{\"push\":{}}\n{\"id\":9,\"publish\":{}}\n{\"id\":100,\"rpc\":{}}\n{}", []Kind{Delivery, Other, Answer, Ping}},
	} {
		var kinds []Kind
		for rest := []byte(c.msg); len(rest) > 0; {
			var k Kind
			k, _, rest = c.d.Cut(rest)
			kinds = append(kinds, k)
		}
		if len(kinds) != len(c.kinds) {
			t.Fatalf("%T, %q: %v", c.d, c.msg, kinds)
		}
		for i, k := range kinds {
			if k != c.kinds[i] {
				t.Errorf("%T, %q: %v, want %v", c.d, c.msg, kinds, c.kinds)
			}
		}
	}
}

func TestAQuestionSaysWhereItsIDIs(t *testing.T) {
	for _, d := range []Dialect{SocketIO{}, SocketIO{Namespace: "/n"}, Plain{}, Centrifuge{}} {
		text, id := d.Ask(nil, []byte(`{"t":"0"}`))
		if !strings.HasPrefix(string(text[id:]), "100") || !strings.Contains(string(text), `{"t":"0"}`) {
			t.Errorf("%T: %s, id at %d", d, text, id)
		}
	}
}
