// The Socket.IO node of the benchmark: says one line of JSON when it listens, and ends when its input does.

import { createRequire } from "node:module";
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { redis: url, prefix: key } = JSON.parse(process.env.REALTIME_BENCH_NODE);

const pub = createClient({ url: `redis://${url}` });
const sub = pub.duplicate();
for (const client of [pub, sub]) client.on("error", (err) => console.error("redis:", err.message));
await Promise.all([pub.connect(), sub.connect()]);

const http = createServer();
const io = new Server(http, { adapter: createAdapter(pub, sub, { key, publishOnSpecificResponseChannel: true }) });
io.on("connection", (socket) => {
  socket.on("join", (room, done) => {
    socket.join(room);
    done();
  });
  socket.on("say", (room, text) => io.to(room).emit("msg", text));
});

await sub.ping(); // what was subscribed so far is in force
http.listen(0, "127.0.0.1", () => {
  const require = createRequire(import.meta.url);
  const version = (name) => require(`./node_modules/${name}/package.json`).version;
  const versions = ["socket.io", "@socket.io/redis-adapter", "redis", "ws"].map((name) => `${name} ${version(name)}`);
  const { pingInterval, maxHttpBufferSize, perMessageDeflate } = io.engine.opts;
  console.log(
    JSON.stringify({
      addr: `127.0.0.1:${http.address().port}`,
      versions: [`Node.js ${process.versions.node}`, ...versions].join(", "),
      config: `NODE_ENV ${process.env.NODE_ENV}, pingInterval ${pingInterval}, maxHttpBufferSize ${maxHttpBufferSize}, perMessageDeflate ${Boolean(perMessageDeflate)}, publishOnSpecificResponseChannel true`,
    }),
  );
});

process.stdin.on("end", () => process.exit(0)).resume(); // whoever started this has gone, or wants it to go
