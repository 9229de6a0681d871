import { IoAdapter } from "@nestjs/platform-socket.io";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";

import { origins, redis } from "./settings.mjs";

/** Socket.IO servers that share a Redis: the adapter of NestJS's documentation. */
export class RedisIoAdapter extends IoAdapter {
  async connect() {
    this.pub = createClient(redis);
    this.sub = this.pub.duplicate();
    // Without a listener the first lost connection would end the process.
    for (const client of [this.pub, this.sub]) client.on("error", (err) => console.error("redis:", err.message));
    await Promise.all([this.pub.connect(), this.sub.connect()]);
  }

  createIOServer(port, options) {
    const server = super.createIOServer(port, {
      ...options,
      cors: { origin: origins, credentials: true },
      pingInterval: 25_000,
      pingTimeout: 10_000,
    });
    server.adapter(createAdapter(this.pub, this.sub, { publishOnSpecificResponseChannel: true }));
    return server;
  }

  /** Is done when what was subscribed so far is in force: only then does this node hear the others. */
  async listening() {
    await this.sub.ping();
  }

  /** Comes after the server was closed, so that what it told the other nodes at its end goes out. */
  async dispose() {
    await Promise.all([this.pub.close(), this.sub.close()]);
  }
}
