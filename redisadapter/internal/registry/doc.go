// Package registry keeps who is where for all nodes of a cluster, in Redis: the nodes that are alive, and the users
// of each namespace with their connections. It is the realtime.PresenceStore of the Redis adapter, which brings its
// announcements to the other nodes.
//
// # What holds it together
//
// A node has a lease, which a heartbeat renews. A lease that was not renewed in time is ended by another node, and
// its rows are cleared away. Only the clock of Redis decides ages: what a node's own clock says is never compared
// with anything but itself.
//
// Users are spread over 16 shards by a hash. All keys of a shard have one hash tag, so a script decides atomically
// who came first and who went last. It writes the decision into the log of the shard, a stream, in the same step.
// Every node follows the 16 logs in order, so every node tells of the same changes in the same order. Announcements
// make that quick, and are nothing but a hint: what they lose is read from the log. The node whose call decided is
// named in the log, and is the one that tells it as decided.
//
// What a node has to say of its own connections is its ledger. What Redis has may be lost at any time: the ledger is
// compared with it by a count of writes at each heartbeat, row by row every 30 s, and after errors, and said again
// where it differs.
//
// # Keys
//
// PREFIX is the adapter's, N the number of a shard as one hexadecimal digit, NS and USER are escaped names. The
// heads of the scripts say what the keys hold.
//
//	PREFIX:{n}:nodes, meta, dead, plan              leases, what they belong to, those that ended, when to look at shards
//	PREFIX:{sN}:user:NS:USER, seen:NS:USER          a user, and when it was seen last
//	PREFIX:{sN}:online:NS                           the users of a namespace
//	PREFIX:{sN}:index:LEASE, leases                 whom a lease has rows of
//	PREFIX:{sN}:grace, log, birth, gone             graces that run, changes, and what tells that the data was lost
//
// Every key has an expiry of some minutes, which is renewed while a node has a use for it.
//
// # Locks
//
// lease.mu, ledger.mu, roster.mu, house.mu, teller.mu and errand.mu are short and held across neither I/O nor the
// handler. None is taken under another, but for those of workq.
package registry
