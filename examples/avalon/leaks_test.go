package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// truth is what no player knows: the roles by seat. It judges frames without the server's types and without the package of the rules.
type truth struct {
	table string
	roles []string
}

// secretWords are all words for roles and sides. Wherever one of them stands that is not listed in judge, something leaks.
var secretWords = regexp.MustCompile(`(?i)merlin|percival|servant|assassin|morgana|mordred|oberon|minion|good|evil`)

func side(role string) string {
	if slices.Contains([]string{"merlin", "percival", "servant"}, role) {
		return "good"
	}
	return "evil"
}

// knows returns, as the JSON of a secret has it, what a seat may know of the others.
func (tr truth) knows(seat int) []any {
	list := []any{}
	own := tr.roles[seat]
	for other, role := range tr.roles {
		as := ""
		switch {
		case other == seat:
		case own == "merlin" && side(role) == "evil" && role != "mordred":
			as = "evil"
		case own == "percival" && (role == "merlin" || role == "morgana"):
			as = "merlin_or_morgana"
		case side(own) == "evil" && own != "oberon" && side(role) == "evil" && role != "oberon":
			as = "evil"
		}
		if as != "" {
			list = append(list, map[string]any{"seat": float64(other), "as": as})
		}
	}
	return list
}

// leaks returns what a frame, one or more Engine.IO packets, tells a seat (−1: somebody who has none) that the seat may not know.
func (tr truth) leaks(seat int, frame string) []string {
	j := &judge{truth: tr, seat: seat}
	for packet := range strings.SplitSeq(frame, "\x1e") {
		header, body := packet, ""
		if at := strings.IndexAny(packet, "[{"); at >= 0 {
			header, body = packet[:at], packet[at:]
		}
		j.text("a packet's header", header)
		var content any
		switch err := json.Unmarshal([]byte(body), &content); {
		case body == "":
		case err != nil:
			j.text("a body that is no JSON", body)
		default:
			j.value("", content)
		}
	}
	return j.found
}

// judge looks at every value of a packet.
type judge struct {
	truth
	seat  int
	found []string
}

func (j *judge) leak(format string, args ...any) {
	j.found = append(j.found, fmt.Sprintf(format, args...))
}

func (j *judge) text(where, text string) {
	if secretWords.MatchString(text) {
		j.leak("%s: %q", where, text)
	}
}

func (j *judge) value(key string, v any) {
	switch v := v.(type) {
	case string:
		j.text("value of "+key, v)
	case []any:
		for _, element := range v {
			j.value(key, element)
		}
	case map[string]any:
		j.object(key, v)
	}
}

func (j *judge) object(name string, o map[string]any) {
	if o["phase"] == "assassination" {
		delete(o, "phase")
	}
	switch {
	case name == "error": // what a refusal says is the same for everybody who is refused
		delete(o, "code")
		delete(o, "message")
	case o["knows"] != nil:
		j.secret(o)
	case o["quests"] != nil:
		j.public(o)
	}
	for key, v := range o {
		j.text("a key", key)
		j.value(key, v)
	}
}

// secret takes out of an object what the seat may be told: its own role, or nothing before there is one.
func (j *judge) secret(o map[string]any) {
	if o["table"] != j.table || o["role"] == "" {
		return // then no word may be in it
	}
	if j.seat < 0 || o["seat"] != float64(j.seat) {
		j.leak("the secret of seat %v", o["seat"])
		return
	}
	own := j.roles[j.seat]
	for key, want := range map[string]any{"role": own, "side": side(own), "knows": j.knows(j.seat)} {
		if !reflect.DeepEqual(o[key], want) {
			j.leak("%s of a secret: %v, want %v", key, o[key], want)
		}
		delete(o, key)
	}
}

// public takes out of an object what everybody may be told: which roles play, and at the end everything.
func (j *judge) public(o map[string]any) {
	inPlay := []any{} // in an order of their own and once each: nothing of the seats
	for _, role := range []string{"merlin", "percival", "servant", "assassin", "morgana", "mordred", "oberon", "minion"} {
		if slices.Contains(j.roles, role) {
			inPlay = append(inPlay, role)
		}
	}
	if reflect.DeepEqual(o["roles"], inPlay) {
		delete(o, "roles")
	}
	if o["phase"] == "over" {
		delete(o, "winner")
		delete(o, "reason")
		delete(o, "revealed")
	}
}

func TestTheJudgeFindsLeaks(t *testing.T) {
	tr := truth{"t1", []string{"merlin", "assassin", "percival", "servant", "morgana"}}
	const (
		merlin  = `{"table":"t1","rev":9,"seat":0,"role":"merlin","side":"good","knows":[{"seat":1,"as":"evil"},{"seat":4,"as":"evil"}],"vote":null,"card":null}`
		servant = `{"table":"t1","rev":9,"seat":3,"role":"servant","side":"good","knows":[],"vote":null,"card":null}`
		open    = `{"id":"t1","roles":["merlin","percival","servant","assassin","morgana"],"phase":"assassination","quests":[],"winner":"","reason":"","revealed":[]}`
		over    = `{"id":"t1","roles":["merlin","percival","servant","assassin","morgana"],"phase":"over","quests":[],"winner":"evil","reason":"merlin_found","revealed":[{"seat":0,"role":"merlin"}]}`
	)
	event := func(name, body string) string { return `42/game,["` + name + `",` + body + `]` }
	ack := func(table, secret string) string {
		return `43/game,7[{"table":` + table + `,"secret":` + secret + `,"chat":[]}]`
	}
	for _, allowed := range []struct {
		seat  int
		frame string
	}{
		{0, `0{"sid":"x","upgrades":["websocket"]}`},
		{0, `2`},
		{0, event("secret", merlin)},
		{3, event("secret", servant)},
		{3, event("table", open)},
		{3, event("table", over)},
		{-1, event("table", over)},
		{0, ack(open, merlin)},
		{0, ack(over, merlin) + "\x1e" + event("secret", merlin)},
		{3, `43/game,1[{"error":{"code":"not_assassin","message":"only the Assassin strikes"}}]`},
		{3, event("secret", `{"table":"t1","seat":3,"role":"","side":"","knows":[],"vote":null,"card":null}`)},
		{-1, event("tables", `{"rev":3,"tables":[{"id":"t1","host":"Ann","phase":"assassination"}]}`)},
		{3, event("chat", `{"id":1,"seat":0,"name":"Ann","text":"trust me"}`)},
	} {
		if found := tr.leaks(allowed.seat, allowed.frame); found != nil {
			t.Errorf("to seat %d: %s\nis taken for a leak: %q", allowed.seat, allowed.frame, found)
		}
	}
	replace := strings.NewReplacer
	for what, leaking := range map[string]struct {
		seat  int
		frame string
	}{
		"the secret of another":          {3, event("secret", merlin)},
		"a secret to a stranger":         {-1, event("secret", servant)},
		"the secret of another, entered": {3, ack(open, merlin)},
		"in the second packet":           {3, event("table", open) + "\x1e" + event("secret", merlin)},
		"another role in the own seat":   {3, event("secret", replace(`"seat":0`, `"seat":3`).Replace(merlin))},
		"a servant who knows":            {3, event("secret", replace(`"knows":[]`, `"knows":[{"seat":1,"as":"evil"}]`).Replace(servant))},
		"Merlin who knows another":       {0, event("secret", replace(`{"seat":4,"as":"evil"}`, `{"seat":2,"as":"evil"}`).Replace(merlin))},
		"evil marked by its name":        {0, event("secret", replace(`{"seat":4,"as":"evil"}`, `{"seat":4,"as":"morgana"}`).Replace(merlin))},
		"revealed too early":             {3, event("table", replace(`"revealed":[]`, `"revealed":[{"seat":0,"role":"merlin"}]`).Replace(open))},
		"a winner too early":             {3, event("table", replace(`"winner":""`, `"winner":"evil"`).Replace(open))},
		"roles in the order of seats":    {3, event("table", replace(`"merlin","percival","servant","assassin"`, `"merlin","assassin","percival","servant"`).Replace(open))},
		"a player with a role":           {3, event("table", replace(`"quests":[]`, `"quests":[],"players":[{"seat":1,"role":"assassin"}]`).Replace(open))},
		"a player with a side":           {3, event("table", replace(`"quests":[]`, `"quests":[],"players":[{"seat":1,"side":"evil"}]`).Replace(open))},
		"seats by side":                  {3, event("table", replace(`"quests":[]`, `"quests":[],"evil":[1,4]`).Replace(open))},
		"a quest that tells who failed":  {3, event("table", replace(`"quests":[]`, `"quests":[{"fails":["evil",1]}]`).Replace(open))},
		"in the chat":                    {3, event("chat", `{"id":1,"seat":0,"text":"seat 0 is Merlin"}`)},
		"beside a refusal":               {3, `43/game,1[{"error":{"code":"not_assassin","message":"","data":{"assassin":1}}}]`},
		"the secret of another table":    {3, event("secret", replace(`"t1"`, `"t2"`).Replace(servant))},
		"an event's name":                {3, event("morgana", `4`)},
		"a header":                       {3, `42/evil,["x"]`},
		"what is no JSON":                {3, `42/game,["secret",{"seat":0,"role":"merlin"`},
	} {
		if tr.leaks(leaking.seat, leaking.frame) == nil {
			t.Errorf("%s: no leak found in %s", what, leaking.frame)
		}
	}
}
