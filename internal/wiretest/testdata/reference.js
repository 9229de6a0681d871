"use strict";

// The reference servers of TestReference: socket.io as published, with the application of each captured case.
//
// Commands come as one JSON object per line ({"id","op":"start"|"shutdown"|"restart"|"stop",...}), answers and observations go back
// the same way (see reference.go). Needs the package socket.io 4.8.4, e.g. by NODE_PATH.

const http = require("http");
const readline = require("readline");
const { Server } = require("socket.io");

const servers = new Map();
const print = (line) => process.stdout.write(JSON.stringify(line) + "\n");

// plain writes values as the captures do.
function plain(value) {
	if (Buffer.isBuffer(value)) return { $binary: value.toString("hex") };
	if (typeof value === "function") return { $function: true };
	if (Array.isArray(value)) return value.map(plain);
	return value;
}

// The options of the captures describe functions and regular expressions in words.
function optionsOf(captured) {
	const options = { ...captured };
	if (options.allowRequest) {
		const [, message, success] = /\((.*),(true|false)\)/.exec(options.allowRequest);
		options.allowRequest = (req, cb) => cb(JSON.parse(message), success === "true");
	}
	if (typeof options.cors === "string") {
		options.cors = (req, cb) => cb(null, { origin: "http://dyn.example" });
	} else if (options.cors && typeof options.cors.origin === "string") {
		options.cors = { ...options.cors, origin: originOf(options.cors.origin) };
	}
	return options;
}

function originOf(text) {
	if (text.startsWith("/")) return new RegExp(text.slice(1, -1));
	if (!text.startsWith("function")) return text;
	if (text.includes("new Error")) return (origin, cb) => cb(new Error("Not allowed by CORS"));
	if (text.includes("cb(null,false)")) return (origin, cb) => cb(null, false);
	return (origin, cb) => cb(null, origin === "http://example.com");
}

// The application of http.json and ws.json.
function sharedApp(io, log, name) {
	io.use((socket, next) => {
		const refused = new Error("not authorized");
		switch (socket.handshake.auth.mode) {
			case "err":
				return next(refused);
			case "data":
				refused.data = { content: "Please retry later", code: 7 };
				return next(refused);
		}
		next();
	});
	io.on("connection", (socket) => {
		log({ ev: "sio_connection" });
		socket.on("disconnect", (reason) => log({ ev: "sio_disconnect", reason }));
		socket.on("error", (err) => log({ ev: "sio_error", message: err && err.message }));
		socket.on("echo", (...args) => {
			if (typeof args.at(-1) === "function") args.pop()(...args);
			else socket.emit("echo", ...args);
		});
		socket.on("three", () => {
			socket.emit("a", 1);
			socket.emit("b", Buffer.from([1, 2, 3]));
			socket.emit("c", "é");
		});
		socket.on("leave", () => socket.disconnect());
		socket.on("kick", () => socket.disconnect(true));
		socket.on("big", (n) => socket.emit("big", "x".repeat(n)));
		socket.on("nocompress", (n) => socket.compress(false).emit("big", "x".repeat(n)));
	});
	io.of("/custom").on("connection", (socket) => {
		socket.on("hi", (ack) => ack("from custom", Buffer.from([9])));
	});
	const special = engineApps[name];
	if (special) special(io.engine);
}

const engineApps = {
	"error-id-generation": (engine) => {
		engine.generateId = () => {
			throw new Error("nope");
		};
	},
	"initial-headers": (engine) => {
		engine.on("initial_headers", (headers) => (headers["x-initial"] = "1"));
		engine.on("headers", (headers, req) => (headers["x-each"] = req.method));
	},
	"ws-initial-headers": (engine) => {
		engine.on("initial_headers", (headers) => (headers["x-initial"] = "1"));
		engine.on("headers", (headers) => (headers["x-each"] = "1"));
	},
	"engine-middleware": (engine) => {
		engine.use((req, res, next) => {
			res.setHeader("x-mw", "1");
			if (req.url.includes("fail=1")) return next(new Error("nope"));
			if (req.url.includes("stop=1")) return res.writeHead(503).end("stop");
			next();
		});
	},
};

const logEnd = (log, socket, more) =>
	socket.on("disconnect", (reason) => log({ ...more, ev: "disconnect", reason }));
const onlyEnds = (io, log) => io.on("connection", (socket) => logEnd(log, socket));
const endAtOnce = (end) => (io, log) =>
	io.on("connection", (socket) => {
		logEnd(log, socket);
		end(socket);
	});
const idle = () => {};

// The applications of socketio-sessions.json.
const sessionApps = {
	"client-default-connect": (io) => io.on("connection", (socket) => socket.on("hi", (n, ack) => ack("yo"))),
	"client-polling-disconnect": onlyEnds,
	"client-auth-query-namespace": (io, log) =>
		io.of("/my/ns").on("connection", (socket) => {
			const { auth, query, url, xdomain, secure } = socket.handshake;
			log({ nsp: socket.nsp.name, auth, query, url, xdomain, secure });
		}),
	"client-query-in-url-only": (io, log) =>
		io.on("connection", (socket) => log({ query: socket.handshake.query })),
	"invalid-namespace": idle,
	"reason-client-disconnect": onlyEnds,
	"reason-client-disconnect-one-of-two-namespaces": (io, log) => {
		for (const nsp of ["/a", "/b"]) io.of(nsp).on("connection", (socket) => logEnd(log, socket, { nsp }));
	},
	"reason-server-disconnect": endAtOnce((socket) => socket.disconnect()),
	"reason-server-disconnect-close": endAtOnce((socket) => socket.disconnect(true)),
	"reason-server-shutdown": onlyEnds,
	"reason-conn-close": endAtOnce((socket) => socket.conn.close()),
	"reason-ping-timeout-server": onlyEnds,
	"reason-ping-timeout-client": endAtOnce((socket) => clearTimeout(socket.conn.pingIntervalTimer)),
	"reason-network-cut": onlyEnds,
	"reason-parse-error-client": endAtOnce((socket) => socket.conn.write("2{bad")),
	"reason-parse-error-engine": onlyEnds,
	"reason-server-polling-lost": idle,
	"ack-server-to-client": (io, log) =>
		io.on("connection", (socket) => {
			socket.emit("q", 1, (...args) => log({ ack: plain(args) }));
			socket.emit("q", Buffer.from([1, 2]), (...args) => log({ ack: plain(args) }));
			socket.timeout(400).emit("noreply", (err, ...args) => log({ err: err && err.message, ack: plain(args) }));
			socket.emitWithAck("q", 2).then((answer) => log({ emitWithAck: answer }));
		}),
	"ack-client-to-server": (io) =>
		io.on("connection", (socket) =>
			socket.on("q", (value, ack) => {
				ack("one");
				ack("two");
			}),
		),
	"ack-broadcast": (io, log) => {
		let sockets = 0;
		const ask = (target, event) =>
			new Promise((done) => target.emit(event, (err, responses) => done([err && err.message, responses])));
		io.on("connection", async () => {
			if (++sockets < 2) return;
			await new Promise((done) => setTimeout(done, 10));
			let [err, responses] = await ask(io.timeout(1000), "q");
			log({ err, responses });
			[err, responses] = await ask(io.timeout(150), "half");
			log({ err, responses });
			[err, responses] = await ask(io, "q");
			log({ without_timeout_err: err, responses });
			[err, responses] = await ask(io.to("nobody").timeout(100), "q");
			log({ empty_room: true, err, responses });
		});
	},
	"client-retries": (io) =>
		io.on("connection", (socket) => {
			let asked = 0;
			socket.on("q", (value, ack) => ++asked === 3 && ack("ok"));
		}),
	"client-buffering": idle,
	"middleware-and-packet-middleware": (io, log) => {
		io.use((socket, next) =>
			socket.handshake.auth.ok ? next() : next(Object.assign(new Error("nope"), { data: { code: 1 } })),
		);
		io.on("connection", (socket) => {
			socket.onAny((...args) => log({ any: plain(args) }));
			socket.on("error", (err) => log({ ev: "error", message: err.message }));
			socket.use(([event], next) => (event === "bad" ? next(new Error("refused")) : next()));
			socket.on("good", (ack) => ack("fine"));
		});
	},
	"dynamic-namespace": (io, log) =>
		io.of(/^\/dyn-\d+$/).on("connection", (socket) => {
			log({ nsp: socket.nsp.name });
			socket.emit("welcome", socket.nsp.name);
			log({ namespaces: [...io._nsps.keys()] });
			socket.on("disconnect", () => setTimeout(() => log({ namespaces_after: [...io._nsps.keys()] }), 20));
		}),
	"emit-values": (io) =>
		io.on("connection", (socket) => {
			socket.emit("v", undefined, null, NaN, Infinity, -0, 1e21, 1e-7, 0.1, 123456789012345680000);
			socket.emit("v", { d: new Date(0), n: null, nested: {}, f() {} }, [undefined, () => {}]);
			socket.emit("v", new Set(), new Map(), /x/, new Error("x"));
			socket.emit("v", '\u2028\u2029\u0000\u001e"\\/</script>', "\ud800", "é😀");
			socket.emit("empty");
			socket.emit("", 1);
			socket.emit("v", new Uint8Array([1, 2]), Buffer.from("0000c03f", "hex"), Buffer.from("x"));
			socket.emit("v", { b: { c: [Buffer.from([1]), { d: Buffer.from([2]) }] } });
			socket.emit("v", Buffer.from([3]), { _placeholder: true, num: 0 });
			socket.emit("v", { toJSON: () => ({ x: 1 }) });
			socket.compress(false).emit("v", "nc");
			socket.send("hello");
		}),
	"recovery-real-client": (io, log) => {
		let calls = 0;
		let missed = false;
		io.use((socket, next) => {
			log({ middleware_call: ++calls });
			next();
		});
		io.on("connection", (socket) => {
			const { id, recovered, rooms } = socket;
			if (!recovered) socket.data = { user: "joe" };
			log({ ev: "connection", id, recovered, rooms: [...rooms], data: socket.data });
			socket.on("disconnect", (reason) => {
				log({ ev: "disconnect", reason });
				if (missed) return;
				missed = true;
				setTimeout(() => {
					io.emit("to-all", 1);
					io.to("room1").emit("to-room", Buffer.from([1, 2, 3]));
					io.to(id).emit("to-sid", "x");
					io.emit("no-args");
				}, 1);
			});
			if (recovered) return setTimeout(() => socket.emit("after", 1), 10);
			socket.join("room1");
			socket.emit("hello", "world");
		});
	},
	"recovery-raw": (io, log) => {
		let missed = false;
		io.on("connection", (socket) => {
			log({ ev: "connection", id: socket.id, recovered: socket.recovered });
			socket.on("disconnect", (reason) => {
				log({ ev: "disconnect", reason });
				if (missed) return;
				missed = true;
				setTimeout(() => {
					io.emit("missed", "bin", Buffer.from([5]));
					io.emit("missed2");
				}, 1);
			});
			if (!socket.recovered) socket.emit("first", 1);
		});
	},
	"recovery-not-recoverable-reasons": (io, log) =>
		io.on("connection", (socket) => {
			log({ ev: "connection", recovered: socket.recovered });
			logEnd(log, socket);
			socket.emit("first", 1);
		}),
	"recovery-ack-and-volatile": (io) =>
		io.on("connection", (socket) => {
			socket.emit("plain");
			socket.emit("with-ack", 1, () => {});
			socket.emit("str", "last is a string");
			io.emit("all", { a: 1 });
			socket.volatile.emit("vol", "x");
		}),
};

// open starts a server for a case; port 0 picks one.
function open(srv, port, opened) {
	const generation = ++srv.generation;
	const log = (observe) => generation === srv.generation && print({ id: srv.id, observe });
	srv.http = http.createServer((req, res) => res.writeHead(404).end());
	srv.sockets = new Set();
	srv.http.on("connection", (socket) => {
		srv.sockets.add(socket);
		socket.on("close", () => srv.sockets.delete(socket));
	});
	srv.io = new Server(srv.http, optionsOf(srv.options));
	srv.io.engine.on("connection_error", ({ code, message }) => log({ ev: "connection_error", code, message }));
	srv.io.engine.on("connection", (conn) => {
		conn.on("close", (reason) => log({ ev: "engine_close", reason }));
		conn.on("upgrade", (transport) => log({ ev: "upgrade", transport: transport.name }));
	});
	if (srv.file === "socketio-sessions.json") sessionApps[srv.name](srv.io, log);
	else sharedApp(srv.io, log, srv.name);
	srv.http.listen(port, "127.0.0.1", opened);
}

// end cuts everything; what it causes is not reported.
function end(srv) {
	srv.generation++;
	for (const socket of srv.sockets) socket.destroy();
	srv.io.close();
	srv.http.close();
}

const commands = {
	start({ id, file, name, options }) {
		const srv = { id, file, name, options, generation: 0 };
		servers.set(id, srv);
		open(srv, 0, () => print({ id, port: srv.http.address().port }));
	},
	shutdown({ id }) {
		servers.get(id).io.close(() => {});
		setTimeout(() => print({ id, done: true }), 10);
	},
	restart({ id }) {
		const srv = servers.get(id);
		const { port } = srv.http.address();
		end(srv);
		setTimeout(() => open(srv, port, () => print({ id, done: true })), 30);
	},
	stop({ id }) {
		end(servers.get(id));
		servers.delete(id);
		print({ id, done: true });
	},
};

readline
	.createInterface({ input: process.stdin })
	.on("line", (line) => {
		const command = JSON.parse(line);
		commands[command.op](command);
	})
	.on("close", () => process.exit(0));
