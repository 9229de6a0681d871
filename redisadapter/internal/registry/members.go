package registry

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

// member is a user of a page.
type member struct {
	shard int
	name  string
}

// PresenceMembers returns a page of the users who are online. It takes three reads: how many there are in each shard,
// the names of as many shards as fill a page, and what is known of them.
func (r *Registry) PresenceMembers(ctx context.Context, namespace, from string) (page []realtime.UserPresence, next string, err error) {
	at, err := parseCursor(from)
	if err != nil {
		return nil, "", err
	}
	done, err := r.question()
	if err != nil {
		return nil, "", err
	}
	defer done()
	for { // a page of names may have nobody left on it
		members, rest, err := r.names(ctx, namespace, at)
		if err != nil {
			return nil, "", err
		}
		if page, err = r.users(ctx, namespace, members); err != nil {
			return nil, "", err
		}
		if rest == nil {
			return page, "", nil
		}
		if len(page) > 0 {
			return page, rest.String(), nil
		}
		at = *rest
	}
}

// names returns the names of a page, and where the next one begins, nil if there is none.
func (r *Registry) names(ctx context.Context, namespace string, at cursor) (members []member, rest *cursor, err error) {
	counts, err := r.counts(ctx, namespace, at.shard)
	if err != nil {
		return nil, nil, err
	}
	c := r.cfg.Client
	var cmds []rueidis.Completed
	var of []int
	sum := 0
	last := shards // the first shard that is not asked
	for i, n := range counts {
		if sum >= membersPage {
			last = at.shard + i
			break
		}
		if n == 0 {
			continue
		}
		begin := "-"
		if i == 0 {
			begin = "(" + at.after
			if at.after == "" {
				begin = "-"
			}
		}
		sum += n
		of = append(of, at.shard+i)
		cmds = append(cmds, c.B().Zrangebylex().Key(r.keys.online(at.shard+i, namespace)).Min(begin).Max("+").
			Limit(0, membersPage).Build())
	}
	if len(cmds) == 0 {
		return nil, nil, nil
	}
	for i, result := range r.do(ctx, cmds...) {
		list, err := result.AsStrSlice()
		if err != nil {
			return nil, nil, unavailable(ctx, err)
		}
		for _, name := range list {
			members = append(members, member{of[i], name})
			if len(members) == membersPage {
				return members, &cursor{of[i], name}, nil
			}
		}
	}
	if last < shards {
		return members, &cursor{shard: last}, nil
	}
	return members, nil, nil
}

// users returns what is known of members who are online yet.
func (r *Registry) users(ctx context.Context, namespace string, members []member) (page []realtime.UserPresence, err error) {
	if len(members) == 0 {
		return nil, nil
	}
	c := r.cfg.Client
	cmds := make([]rueidis.Completed, len(members))
	for i, m := range members {
		cmds[i] = c.B().Hgetall().Key(r.keys.user(whoOf(namespace, m.name))).Build()
	}
	for i, result := range r.do(ctx, cmds...) {
		fields, err := result.AsStrMap()
		if err != nil {
			return nil, unavailable(ctx, err)
		}
		if u, _ := decodeUser(members[i].name, fields); u.Online {
			page = append(page, u)
		}
	}
	return page, nil
}
