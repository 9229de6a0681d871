// The server that the conversation tests talk to: the official one of Node, in this process, or the one whose address is in
// SERVER_URL (the Go library, started by client_test.go). Both serve the same handlers, listed in `serve` below.

import { createServer } from "node:http";
import { once } from "node:events";
import { Server } from "socket.io";

/**
 * Starts the server unless SERVER_URL names one.
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startServer(options) {
  if (process.env.SERVER_URL) return { url: process.env.SERVER_URL, close: async () => {} };
  return startNode(options);
}

export async function startNode(options, port = 0) {
  const http = createServer();
  const io = new Server(http, options);
  serve(io);
  http.listen(port, "127.0.0.1");
  await once(http, "listening");
  return {
    io,
    port: http.address().port,
    url: "http://127.0.0.1:" + http.address().port,
    close: () => new Promise((resolve) => io.close(() => resolve())),
  };
}

function serve(io) {
  handle(io.of("/"));
  handle(io.of("/game"));
  io.of("/closed").use((socket, next) => {
    next(Object.assign(new Error("not today"), { data: { code: "closed", days: [1, 2] } }));
  });
  // Refuses whoever comes first with a given key and admits the second attempt.
  const seen = new Set();
  io.of("/second").use((socket, next) => {
    const { key } = socket.handshake.auth;
    if (seen.has(key)) return next();
    seen.add(key);
    return next(new Error("come again"));
  });
}

function handle(namespace) {
  namespace.on("connection", (socket) => {
    socket.emit("hello", { auth: socket.handshake.auth, color: socket.handshake.query.color || "", namespace: namespace.name });
    socket.on("echo", (...args) => {
      const ack = typeof args[args.length - 1] === "function" ? args.pop() : undefined;
      if (ack) ack(...args);
      else socket.emit("echo", ...args);
    });
    socket.on("count", (n) => socket.emit("count", n));
    socket.on("silence", () => {}); // takes an ack and never answers
    socket.on("refuse", (arg, ack) => ack({ error: { code: "not_seated", message: "join the table first", data: { room: arg } } }));
    socket.on("ask me", (question, ack) => socket.timeout(5000).emit("question", question, (err, ...answer) => ack(...answer)));
    socket.on("kick me", () => socket.disconnect());
    socket.on("cut me", () => socket.conn.close());
  });
}
