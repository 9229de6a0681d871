// Package redistest starts real Redis servers for tests: one alone, a cluster, or one
// behind Sentinel. They listen on free ports of this machine, keep nothing, and end with
// the test, and also when the process of the test dies. Without a redis-server the test
// fails and says how to get one.
//
// It works on systems with signals.
package redistest
