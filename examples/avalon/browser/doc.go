// Package browser holds the proof that the page of the Avalon example works where it matters: in a real browser. Its test builds and
// starts the example with bots, and plays it in Chromium through playwright-core, at the size of a phone and of a desktop.
//
//	go test -v ./examples/avalon/browser
//
// leaves a picture of every stage in the folder shots.
package browser
