// Package browser holds the proof that the official page of the Socket.IO Admin UI works with package adminui: its test serves the page
// of the npm package beside a server, and drives it in Chromium through playwright-core while official clients come and go.
package browser
