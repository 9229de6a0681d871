// What stands around the gateway's handlers: middleware, guard, pipe, interceptor, filter.

import { Catch } from "@nestjs/common";
import { WsException } from "@nestjs/websockets";
import jwt from "jsonwebtoken";
import { map } from "rxjs";

import { decorate } from "./decorate.mjs";
import { node, secret } from "./settings.mjs";

/** Lets in who has a token, as middleware of the namespace: a guard would be too late to refuse a connection. */
export function authenticate(socket, next) {
  const { auth, query, headers } = socket.handshake;
  const token = auth.token ?? query.token ?? headers.authorization?.replace(/^Bearer /, "");
  try {
    const { sub, roles = [] } = jwt.verify(token, secret, { algorithms: ["HS256"] });
    socket.data = { user: sub, roles, node };
    next();
  } catch {
    next(new Error("Unauthorized"));
  }
}

/** Guard: for hosts only. */
export class HostGuard {
  canActivate(context) {
    return context.switchToWs().getClient().data.roles.includes("host");
  }
}

/** Pipe: something has to be said. */
export class SayPipe {
  transform(say) {
    if (typeof say?.text !== "string" || say.text.trim() === "") throw new WsException("there is nothing to say");
    return say;
  }
}

/** Interceptor: tells with every result which node it is from. */
export class AtInterceptor {
  intercept(_context, next) {
    return next.handle().pipe(map((result) => (result === undefined || result.event ? result : { data: result, at: node })));
  }
}

/** An error of the chat, which knows nothing of sockets. */
export class TooLong extends Error {
  constructor(limit) {
    super("too long");
    this.limit = limit;
  }
}

/** Exception filter: gives that error a code that clients know. */
export class TooLongFilter {
  catch(err, host) {
    host.switchToWs().getClient().emit("exception", { code: "too_long", limit: err.limit });
  }
}

decorate(TooLongFilter, Catch(TooLong));
