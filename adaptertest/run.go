package adaptertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// Factory says how to make the adapter under test, and what it cannot do. Its functions are called from the
// tests' own goroutines, one at a time.
type Factory struct {
	// NewBus returns a bus of its own for one subtest: nothing that other subtests send may cross it (a key
	// prefix does that, for instance). What it starts has to end by t.Cleanup; the kit closes the nodes
	// before that.
	NewBus func(t testing.TB) Bus

	// Lacks says what the adapter cannot do, and why. Rules that need it do not run, or look away from
	// the part that is missing.
	Lacks map[Ability]string

	// Watchdog is how long the kit waits for what must happen before it fails a subtest, 30 s if it is 0.
	// Where dead nodes are found by a timeout it must be a multiple of that.
	Watchdog time.Duration

	// Sizes are the numbers of nodes, 1, 2, 3 and 5 if there are none.
	Sizes []int
}

// Bus is what joins the nodes of one subtest. It also implements [Crasher] and [Severer], or declares that it
// lacks [Crash] and [Sever].
type Bus interface {
	// Node returns the adapter for one more node, not started yet.
	Node() realtime.Adapter
}

// Crasher lets a node die.
type Crasher interface {
	// Crash makes an adapter that Node has returned stop without a word to the others, as if its process had
	// been killed. From its return on the node sends nothing. Close is called later, its result is not
	// looked at.
	Crash(a realtime.Adapter)
}

// Severer cuts a node's link to the bus.
type Severer interface {
	// Sever lets nothing pass between an adapter that Node has returned and the others; both ends live.
	Sever(a realtime.Adapter)
	// Mend ends it.
	Mend(a realtime.Adapter)
}

// Ability is something that not every adapter can do.
type Ability string

// The abilities.
const (
	// Crash means that the bus implements Crasher.
	Crash Ability = "Crash"
	// Sever means that the bus implements Severer.
	Sever Ability = "Sever"
	// NodeList means that Nodes lists the other nodes and OnNode tells of them. Without it silent nodes have
	// no names either.
	NodeList Ability = "NodeList"
	// AnswerConn means that an answer to OpBroadcastAck names its connection.
	AnswerConn Ability = "AnswerConn"
	// NodeNames means that messages, answers, and the connections in answers, name their node by its id.
	NodeNames Ability = "NodeNames"
	// ConnDetails means that a connection in an answer has all of its fields, and not only id, rooms and
	// public data.
	ConnDetails Ability = "ConnDetails"
	// CountMembers means that OpCountMembers is a question of its own, and not asked as OpFetch.
	CountMembers Ability = "CountMembers"
	// CloseAll means that OpDisconnect keeps its Close.
	CloseAll Ability = "CloseAll"
	// ReconnectAll means that there is an OpReconnect.
	ReconnectAll Ability = "ReconnectAll"
	// Replace and Revoke mean that there is an OpReplace and an OpRevoke.
	Replace Ability = "Replace"
	Revoke  Ability = "Revoke"
	// Presence and Revocations mean that the adapter is a realtime.PresenceStore and a realtime.RevocationStore.
	Presence    Ability = "Presence"
	Revocations Ability = "Revocations"
	// JoinOrder means that the order of one room holds between an OpJoin or OpLeave that names the room and
	// the messages to it.
	JoinOrder Ability = "JoinOrder"
	// ServerSideBinary means that OpServerSide and its answers have attachments.
	ServerSideBinary Ability = "ServerSideBinary"
	// Compress, Meta and Reason mean that a message keeps the field of that name.
	Compress Ability = "Compress"
	Meta     Ability = "Meta"
	Reason   Ability = "Reason"
)

var abilities = []Ability{
	Crash, Sever, NodeList, AnswerConn, NodeNames, ConnDetails, CountMembers, CloseAll, ReconnectAll, Replace, Revoke, Presence,
	Revocations, JoinOrder,
	ServerSideBinary, Compress, Meta, Reason,
}

// rule is one sentence of the contract.
type rule struct {
	name  string
	nodes int // the least number that it makes sense with
	needs []Ability
	run   func(c *cluster)
}

// rules returns all of them.
func rules() []rule {
	return slices.Concat(
		lifeRules, messageRules, askRules, // against the adapter itself
		broadcastRules, ackRules, questionRules, bulkRules, serverSideRules, namespaceRules, // through servers
		nodeRules, faultRules, raceRules, presenceRules, revocationRules,
	)
}

// Run checks an adapter against the contract. It fails t's subtests where it finds a rule broken.
func Run(t *testing.T, f Factory) {
	t.Helper()
	f = f.withDefaults()
	t.Run("Abilities", func(t *testing.T) { f.checkLacks(t) })
	for _, size := range f.Sizes {
		t.Run(fmt.Sprintf("nodes=%d", size), func(t *testing.T) {
			for _, r := range rules() {
				if size >= r.nodes && f.missing(r) == "" {
					t.Run(r.name, func(t *testing.T) { r.run(newCluster(t, &f, size)) })
				}
			}
		})
	}
}

func (f Factory) withDefaults() Factory {
	if f.NewBus == nil {
		panic("adaptertest: Factory.NewBus is nil")
	}
	if f.Watchdog <= 0 {
		f.Watchdog = 30 * time.Second
	}
	if len(f.Sizes) == 0 {
		f.Sizes = []int{1, 2, 3, 5}
	}
	return f
}

// lacks reports whether the adapter declares that it cannot do something.
func (f *Factory) lacks(a Ability) bool {
	_, lacks := f.Lacks[a]
	return lacks
}

// missing returns the ability that keeps a rule from being run, or "".
func (f *Factory) missing(r rule) Ability {
	for _, a := range r.needs {
		if f.lacks(a) {
			return a
		}
	}
	return ""
}

// checkLacks prints the list and compares it with what the bus has.
func (f *Factory) checkLacks(t testing.TB) {
	for _, a := range abilities {
		reason, lacks := f.Lacks[a]
		if !lacks {
			continue
		}
		if reason == "" {
			t.Errorf("Lacks[%s] has no reason", a)
		}
		var left []string
		for _, r := range rules() {
			if slices.Contains(r.needs, a) {
				left = append(left, r.name)
			}
		}
		t.Logf("lacks %s (%s); not run: %s", a, reason, strings.Join(left, ", "))
	}
	for a := range f.Lacks {
		if !slices.Contains(abilities, a) {
			t.Errorf("Lacks names %q, which is no ability", a)
		}
	}
	bus := f.NewBus(t)
	_, crashes := bus.(Crasher)
	_, severs := bus.(Severer)
	node := bus.Node()
	_, presence := node.(realtime.PresenceStore)
	_, revocations := node.(realtime.RevocationStore)
	for a, has := range map[Ability]bool{Crash: crashes, Sever: severs, Presence: presence, Revocations: revocations} {
		if has == f.lacks(a) {
			t.Errorf("%s: the bus implements it: %t; Lacks names it: %t", a, has, f.lacks(a))
		}
	}
}
