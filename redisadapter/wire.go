package redisadapter

import (
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// wire is a language that nodes speak over Redis. The adapter brings messages there and
// back, knows when that fails, and keeps questions and answers together; a wire says
// what channels there are and what the bytes mean. All methods may be called
// concurrently, but for receive.
type wire interface {
	// subscription says what a namespace is heard on.
	subscription(namespace string) subscription

	// isAnswer reports whether a channel bears answers. They are worked off apart from
	// messages, so that a handler that was called with a message may wait for them.
	isAnswer(channel string) bool

	// isEcho reports whether a message is one that this node has sent itself. Like isAnswer
	// it is asked on rueidis' reader, and so must be quick; receive drops what it misses.
	isEcho(in *incoming) bool

	// message is what Publish sends.
	message(m *realtime.Message) (outgoing, error)

	// newID makes an id for a question that nobody can guess (requirement R75).
	newID() string

	// question is what Ask sends to have it answered under an id.
	question(m *realtime.Message, id string) (outgoing, error)

	// audience says by which subscriptions the nodes are counted that answer questions of
	// a namespace.
	audience(namespace string) audience

	// nameless reports whether there may be nodes that do not tell who they are.
	nameless() bool

	// receive works off a message or a question, answer an answer. Each is called by one
	// goroutine at a time, in the order in which Redis delivered.
	receive(in incoming) error
	answer(in incoming) error
}

// audience counts nodes: each subscribes one of the channels in heard, and those that
// subscribe two of them one in twice.
type audience struct {
	heard, twice []string
}

// subscription is a set of channels, by name and by pattern.
type subscription struct {
	channels []string
	patterns []string
}

// incoming is a message as Redis delivered it.
type incoming struct {
	pattern string // that it was found by, "" if by its channel
	channel string
	payload string
	at      time.Time // when it came
}

// outgoing is a message for Redis.
type outgoing struct {
	channel string
	payload []byte
	queued  time.Time

	// saying is a message that is encoded when it goes out, together with those that wait
	// beside it; channel and payload are empty then.
	saying *saying

	// late makes the payload when it goes out.
	late func(now time.Time) []byte

	// done is called when Redis has the message, with the number of receivers that it
	// counted, or cannot get it. nil: nobody waits.
	done func(receivers int64, err error)
}

// overhead is what a message costs beside its bytes, in the bounds of a queue.
const overhead = 64

func (in *incoming) weight() int { return len(in.channel) + len(in.payload) + overhead }
func (out *outgoing) weight() int {
	n := len(out.channel) + len(out.payload) + overhead
	if out.saying != nil {
		n += len(out.saying.encoded)
	}
	return n
}

// post is one PUBLISH.
type post struct {
	channel string
	payload string
	of      *outgoing          // nil: a frame of several
	on      nativewire.Channel // of a frame
}

// plain makes a post of each message.
func plain(posts []post, batch []*outgoing, _ time.Time) []post {
	for _, out := range batch {
		posts = append(posts, post{channel: out.channel, payload: rueidis.BinaryString(out.payload), of: out})
	}
	return posts
}
