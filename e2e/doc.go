// Package e2e proves that official Socket.IO clients work with the library: it is an application written with the public
// API, a control service that starts and stops servers with it, and a test that lets the clients of clients/ play their
// scenarios against them. README.md holds the application's contract as a table.
//
// The same application stands in reference/ on the official Node server, where the scenarios are proven first.
package e2e
