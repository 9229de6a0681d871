// Package e2e joins servers of this library with Socket.IO servers on Node.js in one
// cluster, with the official adapter and emitter, and official clients on all of them. Its
// tests start Redis and Node.js themselves; npm installs the packages when the lock file
// has changed.
//
// peer.mjs is a Node.js process that runs what a test tells it: snippets of JavaScript, for
// which io is a server of the cluster, and connect makes clients of any.
package e2e
