package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

// membersPage is how many users a page of PresenceMembers has at most (requirement R84).
const membersPage = 1000

var _ realtime.PresenceStore = (*Registry)(nil)

// PresenceEnter notes a connection, or what it looks like now. It does not block; Redis is told by and by.
func (r *Registry) PresenceEnter(e realtime.PresenceEntry) {
	if e.User == "" || e.Conn.ID == "" || max(len(e.User), len(e.Namespace)) > maxName || len(e.Conn.ID) > maxConn {
		r.cfg.Logger.Warn("presence: name empty or too long", slog.Int("user_bytes", len(e.User)))
		return
	}
	e.Grace, e.Remember = max(e.Grace, 0), max(e.Remember, 0)
	if r.ledger.enter(e) {
		r.writer.ask()
	}
}

// PresenceExit notes that a connection has gone. It does not block.
func (r *Registry) PresenceExit(e realtime.PresenceEntry) {
	e.Grace, e.Remember = max(e.Grace, 0), max(e.Remember, 0)
	r.ledger.exit(e)
	r.writer.ask()
}

// question counts a call that waits for Redis, until done is called. Beyond Config.Questions it is refused at once.
func (r *Registry) question() (done func(), err error) {
	if r.ctx.Err() != nil {
		return nil, ErrClosed
	}
	select {
	case r.questions <- struct{}{}:
		return func() { <-r.questions }, nil
	default:
		return nil, ErrBusy
	}
}

// PresenceUser returns what is known of one user. A row that does not decode is left out.
func (r *Registry) PresenceUser(ctx context.Context, namespace, user string) (realtime.UserPresence, error) {
	done, err := r.question()
	if err != nil {
		return realtime.UserPresence{UserID: user}, err
	}
	defer done()
	w := whoOf(namespace, user)
	c := r.cfg.Client
	results := r.do(ctx, c.B().Hgetall().Key(r.keys.user(w)).Build(), c.B().Get().Key(r.keys.seen(w)).Build())
	fields, err := results[0].AsStrMap()
	if err != nil {
		return realtime.UserPresence{UserID: user}, unavailable(ctx, err)
	}
	u, broken := decodeUser(user, fields)
	if broken != nil {
		r.cfg.Logger.Warn("presence row", slog.String("user", user), slog.Any("err", broken))
	}
	if u.Online {
		return u, nil
	}
	seen, err := results[1].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return u, unavailable(ctx, err)
	}
	u.Seen = decodeTime(seen)
	return u, nil
}

// PresenceOnline answers for each of the users, in their order, by one pipeline.
func (r *Registry) PresenceOnline(ctx context.Context, namespace string, users []string) ([]bool, error) {
	online := make([]bool, len(users))
	if len(users) == 0 {
		return online, nil
	}
	done, err := r.question()
	if err != nil {
		return online, err
	}
	defer done()
	c := r.cfg.Client
	cmds := make([]rueidis.Completed, len(users))
	for i, user := range users {
		cmds[i] = c.B().Exists().Key(r.keys.user(whoOf(namespace, user))).Build()
	}
	for i, result := range r.do(ctx, cmds...) {
		n, err := result.AsInt64()
		if err != nil {
			return online, unavailable(ctx, err)
		}
		online[i] = n > 0
	}
	return online, nil
}

// PresenceCount returns how many users are online: the sum of 16 numbers that Redis keeps.
func (r *Registry) PresenceCount(ctx context.Context, namespace string) (int, error) {
	done, err := r.question()
	if err != nil {
		return 0, err
	}
	defer done()
	counts, err := r.counts(ctx, namespace, 0)
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

// counts returns how many users each shard has, from one on.
func (r *Registry) counts(ctx context.Context, namespace string, from int) ([]int, error) {
	c := r.cfg.Client
	var cmds []rueidis.Completed
	for shard := from; shard < shards; shard++ {
		cmds = append(cmds, c.B().Zcard().Key(r.keys.online(shard, namespace)).Build())
	}
	counts := make([]int, len(cmds))
	for i, result := range r.do(ctx, cmds...) {
		n, err := result.AsInt64()
		if err != nil {
			return nil, unavailable(ctx, err)
		}
		counts[i] = int(n)
	}
	return counts, nil
}

// PresenceSet attaches a value to a user.
func (r *Registry) PresenceSet(ctx context.Context, namespace, user string, meta json.RawMessage) (bool, error) {
	if len(meta) > r.cfg.MaxMeta || !json.Valid(meta) {
		return false, fmt.Errorf("%w: %d bytes, at most %d", ErrMeta, len(meta), r.cfg.MaxMeta)
	}
	done, err := r.question()
	if err != nil {
		return false, err
	}
	defer done()
	key := r.keys.user(whoOf(namespace, user))
	n, err := r.one(ctx, call{attachScript, []string{key}, []string{string(meta)}}).AsInt64()
	if err != nil {
		return false, unavailable(ctx, err)
	}
	return n == 1, nil
}

// cursor is where a page begins: after a user of a shard.
type cursor struct {
	shard int
	after string // "" at the begin of the shard
}

func (c cursor) String() string {
	return strconv.FormatInt(int64(c.shard), 16) + base64.RawURLEncoding.EncodeToString([]byte(c.after))
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	shard, err := strconv.ParseUint(text[:1], 16, 8)
	if err != nil {
		return cursor{}, fmt.Errorf("%w: %.40q", ErrCursor, text)
	}
	after, err := base64.RawURLEncoding.Strict().DecodeString(text[1:])
	if err != nil || len(after) > maxName {
		return cursor{}, fmt.Errorf("%w: %.40q", ErrCursor, text)
	}
	return cursor{int(shard), string(after)}, nil
}
