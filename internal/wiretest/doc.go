// Package wiretest replays the golden transcripts, captured from the published Node packages, against our server.
//
// The three golden files in testdata hold HTTP conversations, websocket conversations and the logs of whole sessions between the official
// client and the official server. Load turns each case into a Script; Replay plays it step by step against a Server with clients
// written from the RFCs, and returns every difference: status, headers, bodies, messages, close codes, and what the server's application saw.
// Random parts (session ids, socket ids) are recognised by their shape, bound when they first appear, and must come back the same.
//
// Where this library differs from Node on purpose, the case stands in exceptions.go with what Node does, what we do and why, and
// with an edit that turns the capture into what we must do. TestGolden fails for a case that differs without being listed there, for one that is
// listed without differing, and for one that differs in another way than the list says. What holds for every answer is in edits.go.
//
// Cases run in testing/synctest bubbles over pipes: heartbeats and timeouts of the captures cost no time, and "the server has
// nothing left to do" is an event instead of a guess.
//
// The replay itself is checked by replaying all cases, without any exception, against the real thing. From this directory, after `npm ci`
// in e2e:
//
//	NODE_PATH=../../e2e/node_modules REALTIME_WIRETEST_REFERENCE='node testdata/reference.js' go test -tags reference -run TestReference .
package wiretest
