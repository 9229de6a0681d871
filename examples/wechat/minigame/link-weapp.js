// The link to the server over weapp.socket.io 3.0.0. link-realtime.js offers the same over this library's own client.
//
// That package reconnects by itself, but not in every case that happens on a phone: an attempt that times out while its socket is
// still opening ends in an exception, after which it is silent for ever; and it does not hear that WeChat refused a socket. So here
// each attempt has a client of its own, without its time-out and its reconnecting, and the attempts are this file's business.

import { isTokenError, unwrap } from "./errors.js";

// The package is a script, not a module, and begins with the name `window`, which a mini game does not have by itself.
if (typeof window === "undefined") GameGlobal.window = GameGlobal;
const io = require("./weapp.socket.io.js");

const ATTEMPT_TIME = 10000; // ms
const CALL_TIME = 3000;
const END_WAIT = 1000; // for the end of the last socket, so that there are never two
const BACK_OFF = [1000, 2000, 4000, 5000]; // before the jitter

/** @param {import("./link-realtime.js").Options} options */
export function openLink({ server, namespace, login, joined, lost, events }) {
  let current = null; // the attempt, or the link that came of it; what any other one says is ignored
  let timer; // of the attempt, or of the back-off
  let failures = 0; // in a row
  let refusals = 0; // in a row
  let asleep = false;
  let ended = Promise.resolve(); // the last socket has ended

  function open() {
    clearTimeout(timer);
    const attempt = { socket: null, joined: false, calls: new Set() };
    current = attempt;
    timer = setTimeout(() => end(attempt, "timeout"), ATTEMPT_TIME);
    Promise.all([login.token(), ended]).then(([token]) => current === attempt && start(attempt, token))
      .catch((err) => end(attempt, err.message));
  }

  function start(attempt, token) {
    const socket = io(server + namespace, {
      transports: ["websocket"], forceNew: true, reconnection: false, timeout: false, auth: { token },
    });
    attempt.socket = socket;
    const whileCurrent = (handler) => (payload) => current === attempt && handler(payload);
    Object.keys(events).forEach((event) => socket.on(event, whileCurrent(events[event])));
    socket.on("connect", whileCurrent(() => {
      clearTimeout(timer);
      failures = 0;
      refusals = 0;
      attempt.joined = true;
      joined();
    }));
    socket.on("disconnect", (reason) => end(attempt, reason, reason !== "io server disconnect"));
    socket.on("connect_error", (err) => refuse(attempt, err));
  }

  function refuse(attempt, err) {
    if (current !== attempt) return;
    const byServer = err.data !== undefined || err.message === "Invalid namespace";
    end(attempt, err.message, !byServer);
    // A refusal by the server is final. One for the token is worth a fresh login, once.
    if (byServer && isTokenError(err) && refusals++ === 0) {
      login.forget();
      if (!asleep) open();
    }
  }

  /** The attempt, or the link, is over. */
  function end(attempt, why, again = true) {
    if (current !== attempt) return;
    current = null;
    clearTimeout(timer);
    if (attempt.socket) ended = close(attempt.socket);
    attempt.calls.forEach((reject) => reject(new Error(why)));
    lost(why);
    if (again && !asleep && !current) timer = setTimeout(open, backOff(failures++));
  }

  return {
    /** Asks the server. Rejects after 3 s, when the link is lost, and with the server's error. */
    call(event, payload) {
      const link = current;
      if (!link || !link.joined) return Promise.reject(new Error("offline"));
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("no answer")), CALL_TIME);
        const done = (settle) => (value) => {
          clearTimeout(late);
          link.calls.delete(fail);
          settle(value);
        };
        const fail = done(reject);
        link.calls.add(fail);
        link.socket.emit(event, payload, done(resolve));
      }).then(unwrap);
    },
    connected: () => Boolean(current && current.joined),
    /** For onHide: the link stays, until the platform cuts it, and nothing new is tried. */
    sleep() {
      asleep = true;
      clearTimeout(timer);
      if (current && !current.joined) end(current, "hidden");
    },
    /** For onShow: connects at once, whatever the back-off says. */
    wake() {
      asleep = false;
      if (!current) open();
    },
    /** Drops a link that does not answer, and makes a new one at once. */
    again() {
      if (asleep) return;
      if (current) end(current, "no answer", false);
      open();
    },
  };
}

/** Closes a client for good, and tells when WeChat has let go of its socket, though not later than END_WAIT. */
function close(socket) {
  const ws = socket.io.engine.transport && socket.io.engine.transport.ws; // weapp.socket.io's WebSocket, undefined if WeChat gave none
  try {
    socket.disconnect();
  } catch (err) {
    ws.on("open", () => ws.close()); // it cannot close what is still opening
  }
  return new Promise((resolve) => {
    if (!ws || ws.readyState === ws.CLOSED) return resolve();
    ws.on("close", resolve);
    return setTimeout(resolve, END_WAIT);
  });
}

function backOff(failures) {
  return BACK_OFF[Math.min(failures, BACK_OFF.length - 1)] * (0.5 + Math.random());
}
