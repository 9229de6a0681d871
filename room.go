package realtime

import (
	"context"
	"errors"
)

// Room is a view of one room of a namespace. A room exists while it has members; a view of one that does
// not is empty.
type Room interface {
	Broadcaster
	// Name returns the name as it was given to Namespace.Room.
	Name() string
	// Len returns the number of members on all nodes, and a *PartialError if some did not answer.
	Len(ctx context.Context) (int, error)
	// Members returns the members on all nodes, and a *PartialError if some nodes did not answer.
	Members(ctx context.Context) ([]Member, error)
}

// User is a view of every connection of one user in a namespace, on every node.
type User interface {
	Broadcaster
	// ID returns the user id.
	ID() string
	// Online reports whether the user has a connection on any node, or had one less than PresenceConfig.Grace
	// ago. False with a *PartialError means only that none is known.
	Online(ctx context.Context) (bool, error)
	// Revoke refuses, for ExpiryPolicy.Remember, every identity of the user that was issued before now, in all
	// namespaces that have their authenticator in common, and sends its connections a DISCONNECT packet. The
	// reason is for the log and [Disconnected]. An identity without IssuedAt counts as issued before, and so
	// does a token of this very second. It returns ErrTooManyRevocations, or the adapter's error when the
	// other nodes were not told.
	Revoke(ctx context.Context, reason string) error
}

type room struct {
	broadcaster
	name string
}

type user struct {
	broadcaster
	id string
}

// Room returns a view of a room.
func (ns *namespace) Room(id string) Room {
	return room{ns.broadcaster.with([]string{ns.srv.roomName(id)}), id}
}

// User returns a view of a user.
func (ns *namespace) User(id string) User {
	return user{ns.broadcaster.with([]string{userPrefix + id}), id}
}

func (r room) Name() string { return r.name }

func (r room) Len(ctx context.Context) (int, error) { return r.count(ctx) }

func (r room) Members(ctx context.Context) ([]Member, error) {
	var members []Member
	for info, err := range r.Conns(ctx) {
		if err != nil {
			return members, err
		}
		members = append(members, info)
	}
	return members, nil
}

func (u user) ID() string { return u.id }

func (u user) Online(ctx context.Context) (bool, error) {
	srv := u.ns.srv
	if srv.cfg.Presence.Off || srv.presenceIsLocal { // nobody knows: ask
		n, err := u.count(ctx)
		return certain(n > 0, err)
	}
	online, err := u.ns.Presence().Online(ctx, u.id)
	return certain(len(online) > 0, err)
}

// certain leaves out what is not known where what is known suffices.
func certain(online bool, err error) (bool, error) {
	if online && errors.Is(err, ErrPartial) {
		err = nil
	}
	return online, err
}
