// The table as this phone knows it. Everything that lasts is the server's: the seat belongs to the user, so whoever comes back sits
// down and gets the whole state.

import { createLogin } from "./login.js";

/**
 * @param {(options: object) => any} openLink of link-realtime.js or link-weapp.js
 * @param {string} server
 * @param {(view: { status: string, seat: number, state: any }) => void} draw is called after every change; seat is -1 without one
 */
export function openTable(openLink, server, draw) {
  const view = { status: "connecting", seat: -1, state: null };
  const login = createLogin(server);
  let rev = -1; // of the state that is shown, as far as it came over the connection of now
  let expiring = false; // the server wants a fresh token, and has not got it yet
  const link = openLink({
    server,
    namespace: "/table",
    login,
    joined: sit,
    lost: (why) => change({ status: "offline: " + why }),
    events: {
      state: take,
      "auth:expiring": () => {
        expiring = true;
        refresh();
      },
    },
  });

  function change(what) {
    Object.assign(view, what);
    draw(view);
  }

  /** States may overtake each other, and the answers in which they come too. */
  function take(state) {
    if (state.rev <= rev) return;
    rev = state.rev;
    change({ state });
  }

  /** On every new connection. The answer holds whatever was missed. The count begins anew, because the server may have been restarted. */
  function sit() {
    rev = -1;
    link.call("sit", {}).then(({ seat, state }) => {
      take(state);
      change({ status: "online", seat });
    })
      .catch((err) => {
        if (err.code) change({ status: "refused: " + err.message, seat: -1 });
        else if (link.connected()) link.again(); // no answer
      });
  }

  /** A connection outlives its token if a fresh one is sent in time. If not, the server closes it, and the next one logs in. */
  function refresh() {
    login.renew().then((token) => link.call("auth:refresh", { token })).then(() => {
      expiring = false;
    }).catch((err) => console.warn("token not refreshed:", err.message));
  }

  return {
    start: () => link.wake(),

    hide: () => link.sleep(),

    /** The platform may have cut the connection without a word, so one that seems to be there is asked for the state. */
    show() {
      link.wake();
      if (!link.connected()) return;
      link.call("state", {}).then(take).catch(() => link.again());
      if (expiring) refresh();
    },

    roll() {
      link.call("roll", {}).catch((err) => change({ status: "not rolled: " + err.message }));
    },
  };
}
