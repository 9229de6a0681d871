// wx.request, wx.connectSocket and its SocketTask, as the platform's documentation describes them, over real sockets. Stricter than need be
// where phones were reported to differ:
//
// - only https and wss, and only what is in the list of domains, to the letter: a port that the list lacks is another domain;
// - a sixth socket fails, through the callback alone, with no task or with one that stays silent;
// - a task that is still connecting cannot be closed: it opens later all the same;
// - a message is a string or an ArrayBuffer;
// - one listener per kind of event and task.
//
// Every name leads to this machine, so the domains of the tests need no name server.

import { request as httpsRequest } from "node:https";
import { WebSocket } from "ws";

const lookup = (host, options, done) => (options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4));

/** The text up to the path, as the list of domains has it. */
function domainOf(url) {
  return /^[a-z]+:\/\/[^/?#]+/.exec(url)?.[0];
}

/** Calls success or fail, and complete, of a call's options: later, and when the phone lets it. */
function answer(phone, api, options, failure, result = {}) {
  phone.later(() => {
    const told = { ...result, errMsg: failure ? `${api}:fail ${failure}` : `${api}:ok` };
    if (failure) options.fail?.(told);
    else options.success?.(told);
    options.complete?.(told);
  });
}

export function request(phone, options) {
  const fail = (failure) => answer(phone, "request", options, failure);
  if (phone.cutOff) return fail("interrupted");
  if (!options.url.startsWith("https://") || !phone.domains.request.includes(domainOf(options.url))) return fail("url not in domain list");
  const body = JSON.stringify(options.data);
  const call = httpsRequest(options.url, { method: options.method, lookup, agent: false, headers: { "Content-Type": "application/json" } });
  call.on("error", (err) => fail(err.message));
  call.on("response", async (response) => {
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    const json = /^application\/json/.test(response.headers["content-type"]);
    answer(phone, "request", options, "", { statusCode: response.statusCode, data: json ? JSON.parse(text) : text });
  });
  call.end(body);
  return undefined;
}

export function connectSocket(phone, options) {
  const fail = (failure) => {
    answer(phone, "connectSocket", options, failure);
    return phone.silentTasks ? new Task(phone) : undefined;
  };
  phone.connects += 1;
  if (phone.cutOff) return fail("interrupted");
  if (!options.url.startsWith("wss://") || !phone.domains.socket.includes(domainOf(options.url))) return fail("url not in domain list");
  if (phone.tasks.filter((task) => !task.over).length >= phone.limit) return fail("exceed max task count");
  const headers = { ...options.header, ...(phone.origin && { Origin: phone.origin }) };
  const url = phone.port ? options.url.replace(/:\d+/, `:${phone.port}`) : options.url; // the way that the network takes
  const task = new Task(phone, new WebSocket(url, options.protocols ?? [], { headers, lookup, perMessageDeflate: false }));
  phone.tasks.push(task);
  answer(phone, "connectSocket", options, "");
  return task;
}

class Task {
  #phone;

  #ws;

  #listeners = {};

  /** Without a socket it is a task that stays silent. */
  constructor(phone, ws) {
    this.#phone = phone;
    this.#ws = ws;
    this.over = !ws;
    if (!ws) return;
    ws.on("open", () => this.#tell("open", { header: {} }));
    ws.on("message", (data) => this.#tell("message", { data: data.toString() }));
    ws.on("error", (err) => this.#tell("error", { errMsg: err.message }));
    this.ended = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        this.over = true;
        this.#tell("close", { code, reason: reason.toString() });
        resolve();
      });
    });
  }

  onOpen(listener) { this.#listeners.open = listener; }

  onMessage(listener) { this.#listeners.message = listener; }

  onError(listener) { this.#listeners.error = listener; }

  onClose(listener) { this.#listeners.close = listener; }

  send(options) {
    if (this.mute || this.stuck) return;
    const { data } = options;
    const legal = typeof data === "string" || Object.prototype.toString.call(data) === "[object ArrayBuffer]";
    if (legal && this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(data);
    answer(this.#phone, "sendSocketMessage", options, legal ? this.#ws?.readyState !== WebSocket.OPEN && "not connected" : "illegal data");
  }

  close(options = {}) {
    if (this.mute) return;
    const open = this.#ws?.readyState === WebSocket.OPEN;
    if (open) this.#ws.close(options.code ?? 1000, options.reason ?? "");
    answer(this.#phone, "closeSocket", options, !open && "closed before the connection is established");
  }

  /** The platform ends it. */
  cut() {
    this.#ws?.terminate();
  }

  #tell(kind, event) {
    this.#phone.tell(() => !this.mute && this.#listeners[kind]?.(event));
  }
}
