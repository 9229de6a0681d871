// The chat as a NestJS gateway. gateway.go beside this folder is the same chat in Go, in the same order.

import { UseFilters, UseGuards, UseInterceptors } from "@nestjs/common";
import {
  ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer, WsException,
} from "@nestjs/websockets";
import { map, range } from "rxjs";

import { AtInterceptor, authenticate, HostGuard, SayPipe, TooLong, TooLongFilter } from "./around.mjs";
import { decorate, parameter } from "./decorate.mjs";
import { node } from "./settings.mjs";

const LIMIT = 40; // characters that can be said at once

const socket = (index) => parameter(index, ConnectedSocket());
const body = (index, ...pipes) => parameter(index, MessageBody(...pipes));

export class ChatGateway {
  static server = [WebSocketServer()];

  afterInit(server) {
    server.use(authenticate);
    server.on("where", (answer) => answer(node)); // serverSideEmit of the other nodes
  }

  handleConnection(socket) {
    const { user } = socket.data;
    socket.join(`user:${user}`);
    socket.on("disconnecting", () => { // handleDisconnect would be too late: the rooms are gone then
      for (const name of socket.rooms) {
        const [kind, room] = name.split(/:(.*)/);
        if (kind === "room") socket.to(name).emit("left", { room, user });
      }
    });
  }

  // ---- rooms ----

  static enter = [SubscribeMessage("enter"), socket(0), body(1)];
  async enter(socket, { room }) {
    await socket.join(`room:${room}`);
    socket.to(`room:${room}`).emit("entered", { room, user: socket.data.user });
    return this.peopleIn(room);
  }

  static leave = [SubscribeMessage("leave"), socket(0), body(1)];
  async leave(socket, { room }) {
    await socket.leave(`room:${room}`);
    this.server.to(`room:${room}`).emit("left", { room, user: socket.data.user });
    return true;
  }

  static people = [SubscribeMessage("people"), body(0)];
  people({ room }) {
    return this.peopleIn(room);
  }

  async peopleIn(room) {
    const sockets = await this.server.in(`room:${room}`).fetchSockets();
    return sockets.map(({ data }) => `${data.user} at ${data.node}`).sort();
  }

  // ---- talking ----

  static say = [SubscribeMessage("say"), UseFilters(new TooLongFilter()), socket(0), body(1, new SayPipe())];
  say(socket, { room, text }) {
    if (!socket.rooms.has(`room:${room}`)) throw new WsException("enter the room first");
    if (text.length > LIMIT) throw new TooLong(LIMIT);
    this.server.to(`room:${room}`).emit("said", { room, from: socket.data.user, text, at: new Date() });
    return true;
  }

  static photo = [SubscribeMessage("photo"), socket(0), body(1)];
  photo(socket, { room, title, data }) {
    socket.to(`room:${room}`).emit("photo", { room, from: socket.data.user, title, data });
    return { title, thumbnail: data.subarray(0, 2) };
  }

  static whisper = [SubscribeMessage("whisper"), socket(0), body(1)];
  whisper(socket, { to, text }) {
    this.server.to(`user:${to}`).emit("whispered", { from: socket.data.user, text });
  }

  static announce = [SubscribeMessage("announce"), socket(0), body(1)];
  announce(socket, { text }) {
    this.server.emit("announced", { from: socket.data.user, text });
    return true;
  }

  // ---- answers ----

  static greet = [SubscribeMessage("greet"), socket(0)];
  greet(socket) {
    return { event: "greeted", data: `hello ${socket.data.user}` };
  }

  static count = [SubscribeMessage("count"), body(0)];
  count({ to }) {
    return range(1, Math.min(to, 10)).pipe(map((n) => ({ event: "counted", data: n })));
  }

  static ask = [SubscribeMessage("ask"), body(0)];
  async ask({ room, question }) {
    const answers = await this.server.to(`room:${room}`).timeout(5000).emitWithAck("asked", question);
    return answers.sort();
  }

  static where = [SubscribeMessage("where")];
  async where() {
    const others = await this.server.serverSideEmitWithAck("where");
    return [node, ...others].sort();
  }

  static crash = [SubscribeMessage("crash")];
  crash() {
    throw new Error("a secret of the server");
  }

  // ---- for hosts ----

  static invite = [SubscribeMessage("invite"), UseGuards(new HostGuard()), body(0)];
  invite({ user, room }) {
    this.server.in(`user:${user}`).socketsJoin(`room:${room}`);
    return true;
  }

  static close = [SubscribeMessage("close"), UseGuards(new HostGuard()), body(0)];
  close({ room }) {
    this.server.to(`room:${room}`).emit("closed", { room });
    this.server.in(`room:${room}`).socketsLeave(`room:${room}`);
    return true;
  }

  static kick = [SubscribeMessage("kick"), UseGuards(new HostGuard()), body(0)];
  kick({ user }) {
    this.server.in(`user:${user}`).disconnectSockets();
    return true;
  }
}

decorate(ChatGateway, WebSocketGateway({ namespace: "/chat" }), UseInterceptors(new AtInterceptor()));
