// The Socket.IO node of the benchmarks, here and in /benchmarks: says one line of JSON when it listens, collects garbage for
// every line of its input, if node was started with --expose-gc, and ends when its input does.

import { createRequire } from "node:module";
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { redis: url, prefix: key } = JSON.parse(process.env.REALTIME_BENCH_NODE);

const http = createServer();
const io = new Server(http);
if (url) {
  const pub = createClient({ url: `redis://${url}` });
  const sub = pub.duplicate();
  for (const client of [pub, sub]) client.on("error", (err) => console.error("redis:", err.message));
  await Promise.all([pub.connect(), sub.connect()]);
  io.adapter(createAdapter(pub, sub, { key, publishOnSpecificResponseChannel: true }));
  await sub.ping(); // what was subscribed so far is in force
}
io.on("connection", (socket) => {
  socket.on("join", (room, done) => {
    socket.join(room);
    done();
  });
  socket.on("say", (room, data) => socket.to(room).emit("msg", data)); // who publishes is no member, or wants no copy
  socket.on("echo", (data, done) => done(data));
});

http.listen(0, "127.0.0.1", () => {
  const require = createRequire(import.meta.url);
  const version = (name) => require(`./node_modules/${name}/package.json`).version;
  const versions = ["socket.io", "@socket.io/redis-adapter", "redis", "ws"].map((name) => `${name} ${version(name)}`);
  const { pingInterval, maxHttpBufferSize, perMessageDeflate } = io.engine.opts;
  console.log(
    JSON.stringify({
      addr: `127.0.0.1:${http.address().port}`,
      versions: [`Node.js ${process.versions.node}`, ...versions].join(", "),
      config: `NODE_ENV ${process.env.NODE_ENV}, pingInterval ${pingInterval}, maxHttpBufferSize ${maxHttpBufferSize}, perMessageDeflate ${Boolean(perMessageDeflate)}${url ? ", publishOnSpecificResponseChannel true" : ""}`,
    }),
  );
});

process.stdin.on("data", () => {
  globalThis.gc?.();
  console.log(JSON.stringify("collected"));
});
process.stdin.on("end", () => process.exit(0)); // whoever started this has gone, or wants it to go
