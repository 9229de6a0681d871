package wiretest

// Exception is a captured case in which this library differs from Node on purpose.
type Exception struct {
	File, Case string
	// Step is the position in the golden file of the first step that differs; 0 if only what the server reports does.
	Step int
	// Node and Ours say what each of them does, Why names the reason: a decision (D), a requirement (R), or what is not built.
	Node, Ours, Why string
	// Edit turns the captured case into what this library must do instead. The replay asserts it.
	Edit func(s *Script)
}

// Why texts that several exceptions share.
const (
	whyOrigin   = "D14: a foreign origin is refused with code 4 on every transport; Node serves the request and leaves it to the browser"
	whyWaiting  = "D12: an event before the CONNECT reply waits, inside the limits that hold before CONNECT"
	whyEIO3     = "D20: Engine.IO 3 is refused with code 5 (there is no allowEIO3)"
	whyNoOption = "not built: no such option"
	whyRecovery = "not built yet: connection state recovery; a client that asks for it gets a new connection"
	whyAnswered = "D51: every acknowledgement that a client asks for is answered, also for an unknown or refused event"
	whyInOrder  = "packets of one body are handled in their order"
)

// Exceptions is the complete list. A case that differs and is not here fails, and so does one that is here and does not differ.
var Exceptions = []Exception{
	{
		File: HTTPFile, Case: "handshake-no-upgrades", Step: 1,
		Node: "allowUpgrades:false empties the list of upgrades",
		Ours: "the list names what the server serves",
		Why:  whyNoOption,
		Edit: func(s *Script) { answerOpen(s, 1) },
	},
	{
		File: HTTPFile, Case: "error-bad-request", Step: 4,
		Node: "illegal bytes in a header are answered 400 without a body",
		Ours: "net/http answers them 400 with a line of text, before the library sees the request",
		Why:  "not ours: the HTTP server's own parser",
		Edit: badHeaders,
	},
	{
		File: HTTPFile, Case: "error-id-generation", Step: 1,
		Node: "generateId may fail, code 3",
		Ours: "ids come from crypto/rand, which does not fail",
		Why:  whyNoOption,
		Edit: func(s *Script) {
			answerOpen(s, 1)
			observed(s, `{"ev":"engine_close","reason":"forced close"}`)
		},
	},
	{
		File: HTTPFile, Case: "polling-connect-and-event-in-one-post", Step: 3,
		Node: "the session is closed",
		Ours: "the event is handled after the CONNECT reply",
		Why:  whyWaiting,
		Edit: func(s *Script) {
			answerBody(s, 3, connectReply+"\x1e"+`42["echo",1]`)
			observed(s, connection, disconnect("server shutting down"), engineClose("forced close"))
		},
	},
	{
		File: HTTPFile, Case: "polling-bad-good-then-bad", Step: 3,
		Node: "the event before the CONNECT reply closes the session before the bad packet is met",
		Ours: "the bad packet does, with its own reason",
		Why:  whyWaiting,
		Edit: func(s *Script) {
			answer(s, 3, unknownSID)
			observed(s, connection, disconnect("parse error"), engineClose("parse error"), refused(1, "Session ID unknown"))
		},
	},
	{
		File: HTTPFile, Case: "polling-bad-trailing-separator", Step: 0,
		Node: "the CONNECT before the bad packet is not finished when that ends the session",
		Ours: "it is: a namespace without authentication and middleware admits at once",
		Why:  whyInOrder,
		Edit: func(s *Script) {
			observed(s, connection, disconnect("parse error"), engineClose("parse error"), refused(1, "Session ID unknown"))
		},
	},
	{
		File: HTTPFile, Case: "polling-disconnect-and-close-in-one-post", Step: 0,
		Node: "the close packet overtakes the DISCONNECT before it: transport close",
		Ours: "client namespace disconnect",
		Why:  whyInOrder,
		Edit: func(s *Script) {
			observed(s, connection, disconnect("client namespace disconnect"), engineClose("transport close"))
		},
	},
	{
		File: HTTPFile, Case: "polling-connect-twice-no-get", Step: 0,
		Node: "reason \"forced server close\" when no GET is held",
		Ours: "reason \"forced close\"",
		Why:  "D10: a packet out of place is \"forced close\", whatever the transport is doing",
		Edit: func(s *Script) {
			observed(s, connection, disconnect("forced close"), engineClose("forced close"), refused(1, "Session ID unknown"))
		},
	},
	{
		File: HTTPFile, Case: "polling-compression", Step: 5,
		Node: "answers of 1024 bytes or more are compressed",
		Ours: "answers are not compressed",
		Why:  "not built yet: compression (Config.Compression)",
		Edit: plainBodies,
	},
	{
		File: HTTPFile, Case: "jsonp", Step: 1,
		Node: "the parameter j selects JSONP",
		Ours: "j is ignored, and a form is not a packet",
		Why:  "not built: no client since Socket.IO 3 uses JSONP",
		Edit: func(s *Script) {
			answerOpen(s, 1)
			for _, at := range []int{3, 4, 5} {
				answer(s, at, unknownSID)
			}
			unknown := refused(1, "Session ID unknown")
			observed(s, engineClose("parse error"), unknown, unknown, unknown)
		},
	},
	{File: HTTPFile, Case: "eio3-allowed", Step: 1, Node: "allowEIO3 admits Engine.IO 3", Ours: "code 5", Why: whyEIO3, Edit: refuseVersion},
	{File: HTTPFile, Case: "eio3-allowed-binary", Step: 1, Node: "allowEIO3 admits Engine.IO 3", Ours: "code 5", Why: whyEIO3, Edit: refuseVersion},

	{
		File: HTTPFile, Case: "cors-none", Step: 1,
		Node: "without CORS rules foreign origins are served", Ours: "403 code 4",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-origin-false", Step: 1,
		Node: "origin:false serves foreign origins without CORS headers", Ours: "403 code 4",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-list-miss", Step: 1,
		Node: "an origin that is not in the list is served", Ours: "403 code 4",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-regexp-miss", Step: 1,
		Node: "an origin that does not match is served", Ours: "403 code 4",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-function-false", Step: 1,
		Node: "a function refuses the origin, and the request is served", Ours: "403 code 4",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-function-error", Step: 1,
		Node: "a function that fails: code 3 for every request", Ours: "403 code 4 for a foreign origin (there are no functions)",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-string-other", Step: 1,
		Node: "the configured origin is sent to everyone", Ours: "403 code 4 for another origin",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-delegate", Step: 1,
		Node: "the origin of the function's answer is sent to everyone", Ours: "403 code 4 for another origin",
		Why: whyOrigin, Edit: refuseOrigin,
	},
	{
		File: HTTPFile, Case: "cors-true", Step: 1,
		Node: "origin:true reflects the origin",
		Ours: "\"*\" is the way to admit everyone",
		Why:  "D14: exact origins, wildcards at a label boundary, or \"*\"",
		Edit: func(s *Script) {
			for i := range s.Steps {
				s.Steps[i].Want.Header["Access-Control-Allow-Origin"] = "*"
			}
		},
	},
	{
		File: HTTPFile, Case: "cors-string", Step: 2,
		Node: "a single origin is sent to everyone",
		Ours: "it is sent to requests that come from it",
		Why:  "D14: a request without Origin comes from no page and needs no CORS headers",
		Edit: func(s *Script) { withoutHeader(s, 2, "Access-Control-Allow-Origin") },
	},
	{
		File: HTTPFile, Case: "cors-credentials", Step: 2,
		Node: "a single origin is sent to everyone",
		Ours: "it is sent to requests that come from it",
		Why:  "D14: a request without Origin comes from no page and needs no CORS headers",
		Edit: func(s *Script) { withoutHeader(s, 2, "Access-Control-Allow-Origin") },
	},
	{
		File: HTTPFile, Case: "cors-star-credentials", Step: 0,
		Node: "\"*\" with credentials is accepted",
		Ours: "New refuses it",
		Why:  "R48: \"*\" together with credentials is a start error",
		Edit: func(s *Script) { s.StartError = `"*" together with Credentials` },
	},
	{
		File: HTTPFile, Case: "cors-full", Step: 3,
		Node: "optionsSuccessStatus sets the status of a preflight",
		Ours: "204",
		Why:  whyNoOption,
		Edit: func(s *Script) { answerStatus(s, 204, 3, 4) },
	},
	{
		File: HTTPFile, Case: "cors-preflight-continue", Step: 3,
		Node: "preflightContinue hands a preflight on, which ends as code 2",
		Ours: "preflights are answered 204",
		Why:  whyNoOption,
		Edit: func(s *Script) {
			answerStatus(s, 204, 3, 4)
			observed(s, refused(0, "Transport unknown"), engineClose("forced close"), engineClose("forced close"))
		},
	},
	{
		File: HTTPFile, Case: "serve-client", Step: 1,
		Node: "the client's JavaScript is served below the path",
		Ours: "code 0, as for every file",
		Why:  "not built: serving the client is the program's business",
		Edit: func(s *Script) {
			unknown := refused(0, "Transport unknown")
			for at := 1; at <= 4; at++ {
				answer(s, at, unknownTransport)
			}
			observed(s, unknown, unknown, unknown, unknown, unknown)
		},
	},
	{
		File: HTTPFile, Case: "initial-headers", Step: 1,
		Node: "events of the engine add headers",
		Ours: "an http.Handler around the server does that",
		Why:  whyNoOption,
		Edit: func(s *Script) { withoutHeader(s, 0, "x-initial", "x-each") },
	},
	{
		File: HTTPFile, Case: "engine-middleware", Step: 1,
		Node: "middleware of the engine sees every request",
		Ours: "an http.Handler around the server does that",
		Why:  whyNoOption,
		Edit: func(s *Script) {
			withoutHeader(s, 0, "x-mw")
			answerOpen(s, 2)
			answerOpen(s, 3)
			closed := engineClose("forced close")
			observed(s, closed, closed, closed)
		},
	},

	{
		File: WSFile, Case: "ws-connect-and-event-back-to-back", Step: 5,
		Node: "the session is closed",
		Ours: "the event is handled after the CONNECT reply",
		Why:  whyWaiting,
		Edit: func(s *Script) {
			replaceFrom(s, 5, recvText(connectReply), recvText(`42["echo",1]`), clientCloses)
			observed(s, connection, disconnect("transport close"), engineClose("transport close"))
		},
	},
	{
		File: WSFile, Case: "ws-heartbeat-unsolicited-pong", Step: 5,
		Node: "a pong that nobody asked for postpones the next ping",
		Ours: "it changes nothing",
		Why:  "D3: only a pong to a ping counts",
		Edit: func(s *Script) { replaceFrom(s, 5, recvText("2"), clientCloses) },
	},
	{
		File: WSFile, Case: "ws-sio-large-ack-ids", Step: 12,
		Node: "ids above 2^53 are rounded",
		Ours: "they are a parse error",
		Why:  "R29: at most 16 digits and 2^53-1",
		Edit: func(s *Script) {
			replaceFrom(s, 12, serverCloses)
			observed(s, connection, disconnect("forced close"), engineClose("forced close"))
		},
	},
	{
		File: WSFile, Case: "ws-sio-space-before-payload", Step: 6,
		Node: "a space is an acknowledgement id of 0",
		Ours: "it is a parse error",
		Why:  "R29: an id is digits",
		Edit: func(s *Script) {
			replaceFrom(s, 6, serverCloses)
			observed(s, connection, disconnect("forced close"), engineClose("forced close"))
		},
	},
	{
		File: WSFile, Case: "upgrade-on-ws-session", Step: 5,
		Node: "the probe of a second websocket is answered",
		Ours: "the second websocket is closed",
		Why:  "R9: a session on websocket has nothing to upgrade to",
		Edit: func(s *Script) { replaceFrom(s, 5, on("b", serverCloses), on("a", clientCloses)) },
	},
	{
		File: WSFile, Case: "ws-error-version", Step: 1,
		Node: "the refusal is written into a websocket that was just accepted",
		Ours: "the same, and the 101 names the rule",
		Why:  "D6: X-Realtime-Refused on every refusal",
		Edit: func(s *Script) { s.Steps[0].Want.Header["X-Realtime-Refused"] = "version" },
	},
	{
		File: WSFile, Case: "ws-allow-upgrades-false", Step: 1,
		Node: "allowUpgrades:false empties the list of upgrades",
		Ours: "the list names what the server serves",
		Why:  whyNoOption,
		Edit: func(s *Script) { answerOpen(s, 1) },
	},
	{
		File: WSFile, Case: "ws-other-path", Step: 1,
		Node: "an upgrade request outside the path is cut after a second",
		Ours: "it does not reach the library; the program around it answers, here with 404",
		Why:  "not ours: the library serves its own path only",
		Edit: func(s *Script) { s.Steps[0].Want = &Response{Status: 404, Outer: true} },
	},
	{
		File: WSFile, Case: "ws-initial-headers", Step: 1,
		Node: "events of the engine add headers",
		Ours: "an http.Handler around the server does that",
		Why:  whyNoOption,
		Edit: func(s *Script) { withoutHeader(s, 0, "x-initial", "x-each") },
	},
	{
		File: WSFile, Case: "ws-deflate-on", Step: 1,
		Node: "permessage-deflate is negotiated",
		Ours: "it is not",
		Why:  "not built yet: compression (Config.Compression)",
		Edit: func(s *Script) { withoutHeader(s, 0, "sec-websocket-extensions") },
	},
	{
		File: WSFile, Case: "ws-eio3", Step: 1,
		Node: "allowEIO3 admits Engine.IO 3",
		Ours: "refused as ws-error-version",
		Why:  whyEIO3,
		Edit: func(s *Script) {
			s.Steps[0].Want.Header = map[string]string{"X-Realtime-Refused": "version"}
			replaceFrom(s, 2, Step{Op: OpClosed, Code: closeAbnormal})
			observed(s, refused(5, "Unsupported protocol version"))
		},
	},

	{
		File: SessionsFile, Case: "reason-ping-timeout-client", Step: 6,
		Node: "a server that stops pinging loses its clients",
		Ours: "the server goes on pinging",
		Why:  "not built: a server cannot be made to stop",
		Edit: func(s *Script) { replaceAt(s, 6, on("conn1", recvText("2"))) },
	},
	{
		File: SessionsFile, Case: "reason-parse-error-client", Step: 5,
		Node: "the application sends an undecodable packet",
		Ours: "it cannot",
		Why:  "not built: no way to write raw packets",
		Edit: func(s *Script) { replaceAt(s, 5) },
	},
	{
		File: SessionsFile, Case: "ack-client-to-server", Step: 11,
		Node: "an event without a handler is never answered",
		Ours: "its acknowledgement is an error",
		Why:  whyAnswered,
		Edit: unknownEventsAnswered,
	},
	{
		File: SessionsFile, Case: "middleware-and-packet-middleware", Step: 15,
		Node: "a refused event is not answered; onAny sees all events of a read before the first is handled",
		Ours: "it is answered with the error; each event is seen and handled in turn",
		Why:  whyAnswered,
		Edit: refusedEventsAnswered,
	},
	{
		File: SessionsFile, Case: "emit-values", Step: 10,
		Node: "the empty string is an event name; data that looks like a placeholder is sent beside attachments (which is what it then becomes)",
		Ours: "Emit returns an error for both",
		Why:  "both are mistakes that no receiver can undo: R26 for the placeholder",
		Edit: func(s *Script) { replaceAt(s, 10); replaceAt(s, 18); replaceAt(s, 19) },
	},
	{
		File: SessionsFile, Case: "recovery-real-client", Step: 5,
		Node: "the session is resumed", Ours: "a new connection",
		Why: whyRecovery, Edit: withLog(notRecoveredReal),
	},
	{
		File: SessionsFile, Case: "recovery-raw", Step: 4,
		Node: "the session is resumed", Ours: "a new connection",
		Why: whyRecovery, Edit: withLog(notRecoveredRaw),
	},
	{
		File: SessionsFile, Case: "recovery-not-recoverable-reasons", Step: 4,
		Node: "recovery ids and offsets are sent", Ours: "they are not",
		Why: whyRecovery, Edit: withLog(notRecoveredReasons),
	},
	{
		File: SessionsFile, Case: "recovery-ack-and-volatile", Step: 4,
		Node: "recovery ids and offsets are sent", Ours: "they are not",
		Why: whyRecovery, Edit: withLog(notRecoveredFlags),
	},
}
