// A person of the demonstration: an official client, and what it heard.

import jwt from "jsonwebtoken";
import { io } from "socket.io-client";

import { secret } from "./settings.mjs";

const WATCHDOG = 60_000; // ms; nothing takes that long

/** Waits for a promise, and says what it waited for if nothing comes. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WATCHDOG);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Person {
  constructor(name, url, { roles = [], ...options } = {}) {
    this.name = name;
    this.url = url;
    this.heard = []; // lines since the last print
    this.fences = new Set();
    this.waiting = new Set();
    this.socket = io(`${url}/chat`, {
      auth: (use) => use({ token: jwt.sign({ sub: name, roles }, secret, { expiresIn: "1h" }) }),
      forceNew: true,
      reconnectionDelay: 500, // late enough for a node that ends to tell the others first, soon enough for whoever watches
      reconnectionDelayMax: 1000,
      transports: ["websocket"],
      ...options,
    });
    this.socket.on("connect", () => this.note("connected"));
    this.socket.on("disconnect", (reason) => this.note("disconnected", reason));
    this.socket.on("connect_error", (err) => this.socket.active || this.note("refused", { message: err.message, data: err.data }));
    this.socket.onAny((event, ...args) => this.hear(event, args));
  }

  hear(event, args) {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    if (event === "announced" && args[0].text.startsWith("fence")) {
      this.fences.add(`${args[0].text} of ${args[0].from}`);
      this.wake();
      return;
    }
    this.note(event, ...args);
    if (ack) ack(`${this.name} says yes`);
  }

  note(what, ...values) {
    this.heard.push([what, ...values.map(show)].join(" "));
    this.wake();
  }

  wake() {
    for (const look of this.waiting) look();
  }

  /** Waits until something holds that only what this person hears can change. */
  until(holds, what) {
    return within(new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    }), `${what} at ${this.name}, who heard ${JSON.stringify(this.heard)}`);
  }

  /** Waits until this person has heard something that begins so. */
  hears(beginning) {
    return this.until(() => this.heard.some((line) => line.startsWith(beginning)), beginning);
  }

  /** Sends an event and awaits the acknowledgement. */
  async ask(event, payload) {
    const answer = await within(this.socket.emitWithAck(event, payload), `the answer to ${event} of ${this.name}`);
    this.note(`answer to ${event}:`, answer);
  }

  /** Sends an event with an acknowledgement that need not come: fence() tells when it would have. */
  send(event, payload) {
    const answer = (value) => {
      this.note(`answer to ${event}:`, value);
      this.open.delete(event);
    };
    this.open = (this.open ?? new Set()).add(event);
    this.socket.emit(event, payload, answer);
  }

  /** Notes which acknowledgements did not come. */
  unanswered() {
    for (const event of this.open ?? []) this.note(`no answer to ${event}`);
    this.open = undefined;
  }

  close() {
    this.socket.disconnect();
  }
}

let fences = 0;

/** Is done when everything that nodes sent to these people before has arrived: each node tells everyone something behind it. */
export async function fence(people) {
  const text = `fence ${++fences}`;
  await within(Promise.all(people.map((person) => person.socket.emitWithAck("announce", { text }))), text);
  const all = people.map((person) => `${text} of ${person.name}`);
  await Promise.all(people.map((person) => person.until(() => all.every((one) => person.fences.has(one)), text)));
}

/** A value as the transcript has it: bytes in hex; a time, which is another one each time, only if it has the form of a Date. */
function show(value) {
  if (value === undefined) return "";
  const text = JSON.stringify(value, (_, inner) => {
    if (inner?.type === "Buffer") return `<bytes ${Buffer.from(inner.data).toString("hex")}>`;
    return typeof inner === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(inner) ? "<date>" : inner;
  });
  return text.replaceAll(/"(<[^"]*>)"/g, "$1");
}
