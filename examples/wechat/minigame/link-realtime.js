// The link to the server over this library's own client, realtime.js. link-weapp.js offers the same over weapp.socket.io.

import { isTokenError } from "./errors.js";
import { connect } from "./realtime.js";

/**
 * @typedef {object} Options
 * @property {string} server like "https://host" or "https://host:port"
 * @property {string} namespace
 * @property {{ token: () => Promise<string>, forget: () => void }} login
 * @property {() => void} joined the namespace is joined; the server knows a new connection each time
 * @property {(why: string) => void} lost the link, or an attempt to make one, is over
 * @property {Record<string, (payload: any) => void>} events what the server tells
 *
 * @param {Options} options
 */
export function openLink({ server, namespace, login, joined, lost, events }) {
  const socket = connect(server, {
    namespace,
    timeout: 10000,
    ackTimeout: 3000,
    autoConnect: false,
    auth: () => login.token().then((token) => ({ token })), // asked in every attempt
  });
  let asleep = false;
  let refusals = 0; // in a row

  Object.keys(events).forEach((event) => socket.on(event, events[event]));
  socket.on("connect", () => {
    refusals = 0;
    joined();
  });
  socket.on("disconnect", (reason) => {
    lost(reason);
    rest();
  });
  socket.on("connect_error", (err) => {
    lost((err.cause && err.cause.errMsg) || err.message);
    // A refusal by the server is final for the client. One for the token is worth a fresh login, once.
    if (!socket.active && isTokenError(err) && refusals++ === 0) {
      login.forget();
      socket.connect();
    }
    rest();
  });

  /** In the background an attempt can only fail, or hang until the player is back. */
  function rest() {
    if (asleep && !socket.connected) socket.disconnect();
  }

  return {
    /** Asks the server. Rejects after 3 s, when the link is lost, and with the server's error. */
    call: (event, payload) => socket.call(event, payload),
    connected: () => socket.connected,
    /** For onHide: the link stays, until the platform cuts it, and nothing new is tried. */
    sleep() {
      asleep = true;
      rest();
    },
    /** For onShow: connects at once, whatever the back-off says. A link whose heartbeat is overdue is dropped first. */
    wake() {
      asleep = false;
      socket.connect();
    },
    /** Drops a link that does not answer, and makes a new one at once. */
    again() {
      if (asleep) return;
      socket.disconnect();
      socket.connect();
    },
  };
}
