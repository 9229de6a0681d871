// Package client holds the browser's side: a small Socket.IO client of our own, one ES module without dependencies, which runs in
// browsers, WeChat mini games and Node. A program serves it next to its pages:
//
//	http.Handle("/"+client.Name, client.Handler())
//
// and a page imports it:
//
//	import { connect } from "/realtime.mjs";
//
// What the module does and where it differs from the official client is written at its head.
package client

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

// Name is the file name of the module.
const Name = "realtime.mjs"

//go:embed realtime.mjs
var module []byte

// Handler serves the module under whatever path it is mounted at. Browsers keep a copy and ask each time whether it is still the
// same, so that a new release of the server is never met by an old client.
func Handler() http.Handler {
	sum := sha256.Sum256(module)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8") // not by extension: hosts disagree about .mjs
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, Name, time.Time{}, bytes.NewReader(module))
	})
}
