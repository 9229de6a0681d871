package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
	"github.com/realtime-go/realtime/realtimetest"
)

func tryRefresh(g *guest, token string) (any, error) {
	return realtimetest.TryCall[any](g.Client, "auth:refresh", map[string]string{"token": token})
}

// A lie is refused with a code, and the log names who told it.
func TestLies(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, secrets := w.started()
		here, nowhere := At{at[0].at}, At{"nowhere"}
		stranger := w.guest("Stranger")
		now := at[0].seesPhase(game.Proposal)
		lead, other := at[now.Leader], at[(now.Leader+1)%5]
		merlin := byRole(at, secrets, game.Merlin)

		lies := []struct {
			who     *guest
			event   string
			payload any
			code    string
		}{
			{lead, "team:vote", Vote{here, ptr(true)}, "wrong_phase"},
			{lead, "quest:play", Play{here, ptr(true)}, "wrong_phase"},
			{lead, "merlin:guess", Guess{here, ptr(0)}, "wrong_phase"},
			{other, "team:propose", Propose{here, []int{0, 1}}, "not_leader"},
			{lead, "team:propose", Propose{here, []int{0, 1, 2}}, "bad_team_size"},
			{lead, "team:propose", Propose{here, []int{0, 9}}, "unknown_seat"},
			{lead, "team:propose", Propose{here, []int{0, 0}}, "repeated_seat"},
			{lead, "team:propose", Propose{nowhere, []int{0, 1}}, "no_table"},
			{lead, "team:propose", "a string", "invalid_payload"},
			{lead, "team:vote", map[string]any{"table": here.Table}, "invalid"},
			{lead, "quest:play", map[string]any{"table": here.Table, "success": nil}, "invalid"},
			{lead, "merlin:guess", map[string]any{"table": here.Table}, "invalid"},
			{lead, "no:such", nil, "unknown_event"},
			{lead, "chat:say", Say{here, " \n"}, "invalid"},
			{lead, "chat:say", Say{here, strings.Repeat("x", maxText+1)}, "invalid"},
		}
		for _, event := range []string{
			"table:leave", "table:bots", "table:start", "team:propose", "team:vote", "quest:play", "merlin:guess", "chat:say",
		} {
			everything := map[string]any{"table": here.Table, "team": []int{0, 1}, "approve": true, "success": true, "seat": 0, "text": "x"}
			lies = append(lies, struct {
				who     *guest
				event   string
				payload any
				code    string
			}{stranger, event, everything, "not_seated"})
		}
		for _, lie := range lies {
			before := w.log.String()
			lie.who.refused(lie.code, lie.event, lie.payload)
			synctest.Wait()
			line := strings.TrimPrefix(w.log.String(), before)
			named := strings.Contains(line, `user="`+lie.who.session.User+`"`) && strings.Contains(line, "event="+lie.event) && strings.Contains(line, "code="+lie.code)
			if lie.code != "invalid_payload" && !named { // of that the library tells, at debug
				t.Errorf("%s %v was refused, and the log says %q", lie.event, lie.payload, line)
			}
		}

		// Evil cards by good, and by those who are not on the quest.
		lead.does("team:propose", Propose{here, []int{merlin.seat, (merlin.seat + 1) % 5}})
		lead.refused("wrong_phase", "team:propose", Propose{here, []int{0, 1}})
		for _, g := range at {
			g.does("team:vote", Vote{here, ptr(true)})
		}
		merlin.refused("good_cannot_fail", "quest:play", Play{here, ptr(false)})
		at[(merlin.seat+2)%5].refused("not_on_team", "quest:play", Play{here, ptr(true)})
		merlin.does("quest:play", Play{here, ptr(true)})
		merlin.refused("already_played", "quest:play", Play{here, ptr(true)})
		for _, role := range []game.Role{game.Servant, game.Assassin, game.Minion} {
			if strings.Contains(w.log.String(), string(role)) {
				t.Errorf("the log names the %s", role)
			}
		}
	})
}

func byRole(at []*guest, secrets []Secret, role game.Role) *guest {
	for i, s := range secrets {
		if s.Role == role {
			return at[i]
		}
	}
	return nil
}

func TestAStrangerSeesNothing(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, _ := w.started()
		stranger := w.guest("Stranger")
		stranger.refused("already_started", "table:join", At{at[0].at})
		realtimetest.Call[ChatLine](at[0].Client, "chat:say", Say{At{at[0].at}, "among us"})
		time.Sleep(5 * time.Minute) // synctest: the server moves for the absent
		synctest.Wait()
		for _, event := range stranger.Pending() {
			if event != "tables" {
				t.Errorf("the stranger got %q", event)
			}
		}
	})
}

func TestAFloodIsRefusedAndDoesNotFillTheLog(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, _ := w.started()
		for range 20 {
			_, _ = realtimetest.TryCall[any](at[1].Client, "team:vote", Vote{At{at[1].at}, ptr(true)})
		}
		before := w.log.String()
		for range 20 {
			at[1].refused("rate_limited", "team:vote", Vote{At{at[1].at}, ptr(true)})
		}
		check(t, "lines of the log", strings.Count(w.log.String(), "\n"), strings.Count(before, "\n"))
	})
}

func TestChat(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at := w.table(5, nil, "Ann", "Bob")
		ann, bob := at[0], at[1]
		said := realtimetest.Call[ChatLine](ann.Client, "chat:say", Say{At{ann.at}, "  <b>trust me</b>\n"})
		check(t, "acknowledgement", said, ChatLine{ID: 1, Seat: 0, Name: "Ann", Text: "<b>trust me</b>", At: time.Now().UnixMilli()})
		for _, g := range at {
			check(t, "to everybody", realtimetest.Expect[ChatLine](g.Client, "chat"), said)
		}
		for range maxHistory + 3 {
			realtimetest.Call[ChatLine](bob.Client, "chat:say", Say{At{ann.at}, "x"})
			time.Sleep(time.Second) // synctest: within the rate
		}
		history := w.device(ann.session).enter("table:join", At{ann.at}).Chat
		check(t, "messages remembered", len(history), maxHistory)
		check(t, "the last", history[maxHistory-1].ID, uint64(maxHistory+4))
	})
}
