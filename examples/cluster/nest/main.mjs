// The NestJS node: starts, says "listening PORT", and ends when its input does or a signal comes.

import "reflect-metadata";

import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

import { ChatGateway } from "./chat.gateway.mjs";
import { decorate } from "./decorate.mjs";
import { RedisIoAdapter } from "./redis-io.adapter.mjs";
import { port } from "./settings.mjs";

class AppModule {}
decorate(AppModule, Module({ providers: [ChatGateway] }));

const app = await NestFactory.create(AppModule, { logger: ["error", "fatal"] });
const adapter = new RedisIoAdapter(app);
await adapter.connect();
app.useWebSocketAdapter(adapter);
await app.listen(port, "127.0.0.1");
await adapter.listening();
console.log("listening", app.getHttpServer().address().port);

async function end() {
  await app.close();
  process.exit(0);
}
process.stdin.on("end", end).resume(); // whoever started this has gone, or wants it to go
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
