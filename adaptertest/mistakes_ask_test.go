package adaptertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
)

// mistakesOfAnswers change or lose answers.
var mistakesOfAnswers = []mistake{
	{"answers twice", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			return next(ctx, m, func(r *realtime.Message) {
				reply(r)
				reply(r)
			})
		}
		return a
	}, map[string]string{
		"AskCountsTheNodes": "came 2 times", "AcksAreCounted": "2 replies of", "ServerSideEmitWithAck": "replies, want 2",
		"ConnsOfAllNodes": "connections, want", "AskCollectsWhatIsAnnounced": "have announced",
	}},
	{"drops attachments of answers", answers(func(_, r *realtime.Message) { r.Attachments = nil }), map[string]string{
		"AcksWithBinary": "no reply", "ServerSideEmitBinary": "0 replies", "QuestionsAndAnswersCrossWhole": "an answer differs",
	}},
	{"drops public data", answers(func(_, r *realtime.Message) {
		r.Conns = slices.Clone(r.Conns)
		for i := range r.Conns {
			r.Conns[i].Public = nil
		}
	}), map[string]string{"ConnsOfAllNodes": "public", "QuestionsAndAnswersCrossWhole": "an answer differs"}},
	{"does not say that nobody is asked", func(a *tampered) realtime.Adapter {
		a.asked = func(h realtime.AdapterHandler, m *realtime.Message, reply replyFunc) {
			h.OnAsk(m, func(r *realtime.Message) {
				if r.Op != realtime.OpCount || r.Count > 0 {
					reply(r)
				}
			})
		}
		return a
	}, map[string]string{"AcksOfNobody": "where nobody is asked", "AskCollectsWhatIsAnnounced": "expected"}},
	{"forgets the questioner's time", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			c := *m
			c.Timeout = 0
			return next(ctx, &c, reply)
		}
		return a
	}, map[string]string{"QuestionsAndAnswersCrossWhole": "timeout 0s"}},
}

// mistakesOfAsking are made by the node that asks.
var mistakesOfAsking = []mistake{
	{"counts itself", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			n, err := next(ctx, m, reply)
			return n + 1, err
		}
		return a
	}, map[string]string{"AskCountsTheNodes": "3 nodes expected", "AskKeepsQuestionsApart": "3 nodes"}},
	{"takes the first answer of each node for all", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			nodes, err := a.real.Nodes(ctx)
			if err != nil {
				return 0, err
			}
			answered := map[string]bool{}
			n, err := next(ctx, m, func(r *realtime.Message) {
				if len(answered) == len(nodes)-1 {
					return
				}
				reply(r)
				if answered[r.Node] = true; len(answered) == len(nodes)-1 {
					cancel()
				}
			})
			if errors.Is(err, context.Canceled) && len(answered) == len(nodes)-1 {
				err = nil
			}
			return n, err
		}
		return a
	}, map[string]string{
		"AskWaitsForEveryAnswer": "not within", "AcksOfSlowClients": "0 replies of", "AskCollectsWhatIsAnnounced": "answers; want",
	}},
	{"hides that answers are missing", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			n, _ := next(ctx, m, reply)
			return n, nil
		}
		return a
	}, map[string]string{
		"AskEndsWithItsContext": "want 2 and the cause", "AskWaitsForEveryAnswer": "want 2 and the cause", "ConnsWithASilentNode": "want a PartialError",
		"ServerSideEmitWithASilentNode": "want a PartialError", "AcksOfSilentClients": ", want",
		"CloseEndsQuestions": "want an error",
	}},
	{"waits on when its context has ended", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			return next(context.WithoutCancel(ctx), m, reply) // until the node is closed
		}
		return a
	}, map[string]string{"AskEndsWithItsContext": "has not returned"}},
	{"calls reply when Ask has returned", func(a *tampered) realtime.Adapter {
		var earlier sync.WaitGroup // questions that go on
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			var n int
			var err error
			ended := make(chan struct{})
			earlier.Add(1)
			go func() { // ends with the last answer, or the node
				defer earlier.Done()
				defer close(ended)
				n, err = next(context.WithoutCancel(ctx), m, reply)
			}()
			select {
			case <-ended:
				earlier.Wait() // so that the rule must see them
				return n, err
			case <-ctx.Done():
				return 2, context.Cause(ctx)
			}
		}
		return a
	}, map[string]string{"AskTakesNoLateAnswers": "reply was called"}},
	{"gives an answer to every question", func(a *tampered) realtime.Adapter {
		var mu sync.Mutex
		open := map[*realtime.Message]replyFunc{}
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			mu.Lock()
			open[m] = reply
			mu.Unlock()
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				delete(open, m)
			}()
			return next(ctx, m, func(r *realtime.Message) {
				mu.Lock()
				defer mu.Unlock()
				for reply := range maps.Values(open) {
					reply(r)
				}
			})
		}
		return a
	}, map[string]string{"AskKeepsQuestionsApart": "got an answer to"}},
}
