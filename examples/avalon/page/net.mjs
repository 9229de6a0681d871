// The connection to the game: its events become state, and `ask` is how the page asks for something. After every
// (re)connection the server knows a new connection that sits nowhere, so the page enters its table again.

import { connect } from "/realtime.mjs";
import { heralds, opened, stageOf } from "./facts.mjs";
import * as sessions from "./session.mjs";
import { AWAY } from "./store.mjs";

/** ms before the end of a token at which a new connection asks for a fresh one first. */
const RENEW_BEFORE = 30_000;

/** ms for which the cards of a finished quest lie open in the middle of the table. */
const REVEAL = 5_000;

/** How many tables a browser remembers to have a seat at. */
const SEATS_KEPT = 20;

/** ms for which a refusal is shown. */
const PROBLEM = 6_000;

/** ms after which the page asks again for its place while the tables are out of the server's reach. */
const AGAIN = 1_000;

export function createNet(store) {
  const socket = connect("", { namespace: "/game", autoConnect: false, ackTimeout: 10_000, auth: async () => ({ token: await token() }) });
  let early = null; // { table, secret } of a table that is being entered: events may overtake the answer
  let entering = "";
  let refusal = ""; // the code of the last one
  let problemTimer;
  let revealTimer;

  socket.on("connect", () => {
    const { table } = store.state;
    const id = tableInAddress() || (table ? table.id : "");
    if (id) enter("table:join", { table: id });
    else openHall();
  });
  socket.on("connect_error", (err) => {
    if (socket.active) return; // the banner tells, and the client tries again
    const code = err.data && err.data.code;
    if (code === "unauthorized" || code === "token_expired" || code === "token_revoked") {
      sessions.forget();
      store.set({ ...AWAY, session: null, tables: null });
      tell("Your sign-in has ended. Say your name again.");
      return;
    }
    tell(err.message);
  });
  socket.onState((state, { delay }) => store.set({ link: { state, retryAt: Date.now() + delay } }));

  socket.on("tables", (tables) => {
    const known = store.state.tables;
    if (!known || tables.rev > known.rev) store.set({ tables });
  });
  socket.on("table", takeTable);
  socket.on("secret", (secret) => {
    if (isEntered(secret.table)) early.secret = newest(early.secret, secret);
    if (isOurs(secret.table)) store.set({ secret: newest(store.state.secret, secret) });
  });
  socket.on("clock", ({ table, phase, left }) => {
    const now = store.state.table;
    if (isOurs(table) && now.phase === phase) store.set({ clock: wound(store.state.clock, left) });
  });
  socket.on("chat", addLine);
  socket.on("auth:expiring", refresh);

  // Whoever comes back to the page should not wait for the next attempt.
  const wake = () => socket.active && socket.connect();
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => document.hidden || wake());

  return { socket, ask, enter, openHall, tell, addLine };

  /** Sends an event and resolves with its answer, or shows the refusal and resolves with null. */
  async function ask(event, payload) {
    store.set({ busy: event, problem: "" });
    try {
      return await (payload === undefined ? socket.call(event) : socket.call(event, payload));
    } catch (err) {
      refusal = err.code || "";
      tell(err.message);
      return null;
    } finally {
      if (store.state.busy === event) store.set({ busy: "" });
    }
  }

  /** Sits down: `table:create` or `table:join`. */
  async function enter(event, payload) {
    entering = payload.table || "new";
    const sooner = { table: null, secret: null };
    early = sooner;
    let entered = await ask(event, payload);
    // A place is not given up because the tables are out of reach. A new table might be a second one.
    while (!entered && refusal === "try_again" && payload.table && early === sooner && socket.connected) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      if (early === sooner && socket.connected) entered = await ask(event, payload);
    }
    if (early !== sooner) return; // another table is being entered, or this one on a new connection
    early = null;
    entering = "";
    if (!entered) {
      if (socket.connected) openHall();
      return;
    }
    const table = newest(sooner.table, entered.table, ({ id }) => id === entered.table.id);
    if (!isOurs(table.id)) store.set({ ...AWAY });
    const { session } = store.state;
    session.tables = [table.id, ...(session.tables || []).filter((id) => id !== table.id)].slice(0, SEATS_KEPT);
    sessions.remember(session);
    setAddress(table.id);
    show(table);
    store.set({ secret: newest(sooner.secret, entered.secret, (secret) => secret.table === table.id), chat: entered.chat || [] });
  }

  /** Leaves for the list of tables. The server need not be told here: `table:leave` does that. */
  async function openHall() {
    early = null;
    entering = "";
    setAddress("");
    store.set({ ...AWAY });
    try {
      const tables = await socket.call("tables");
      if (!store.state.table) store.set({ tables });
    } catch (err) {
      tell(err.message);
    }
  }

  function takeTable(table) {
    if (isEntered(table.id)) early.table = newest(early.table, table);
    if (isOurs(table.id) && table.rev > store.state.table.rev) show(table);
  }

  /** Puts a table in the place of what was shown of it before, and says what changed. */
  function show(table) {
    const before = store.state.table;
    const said = heralds(before, table);
    const cards = opened(before, table);
    const moved = !before || stageOf(before) !== stageOf(table);
    store.set({
      table,
      clock: wound(moved ? { until: 0, total: 0 } : store.state.clock, table.left),
      ...(said.length ? { herald: said.join(" ") } : {}),
      ...(cards ? { reveal: cards } : {}),
    });
    if (!cards) return;
    clearTimeout(revealTimer);
    revealTimer = setTimeout(() => store.set({ reveal: null }), REVEAL);
  }

  function addLine(line) {
    const { chat, panel, unread } = store.state;
    if (chat.some((one) => one.id === line.id)) return;
    const mine = store.state.secret && line.seat === store.state.secret.seat;
    store.set({ chat: chat.concat(line).sort((a, b) => a.id - b.id), unread: mine || panel === "chat" ? unread : unread + 1 });
  }

  function isEntered(id) {
    return early !== null && (entering === id || entering === "new");
  }

  function isOurs(id) {
    return Boolean(store.state.table) && store.state.table.id === id;
  }

  function tell(problem) {
    clearTimeout(problemTimer);
    store.set({ problem });
    problemTimer = setTimeout(() => store.set({ problem: "" }), PROBLEM);
  }

  /** The token for a new connection: a fresh one if ours is about to end. */
  async function token() {
    const { session } = store.state;
    if (session && session.expires - Date.now() < RENEW_BEFORE) {
      try {
        await renew();
      } catch (err) {
        console.info("token not renewed:", err.message); // the server judges the old one
      }
    }
    return store.state.session ? store.state.session.token : "";
  }

  async function renew() {
    const session = { ...store.state.session, ...(await sessions.renew(store.state.session.token)) };
    sessions.remember(session);
    store.set({ session });
    return session.token;
  }

  async function refresh() {
    try {
      await socket.call("auth:refresh", { token: await renew() });
    } catch (err) {
      tell("Your sign-in could not be renewed: " + err.message);
    }
  }
}

/** The later of two states of the same: `old`, which may be missing or of something else, only if its revision is above the other's. */
function newest(old, now, fits = () => true) {
  return old && fits(old) && old.rev > now.rev ? old : now;
}

/** A clock that runs down from `left` seconds; `total` is the most it had, for the length of the fuse. */
function wound(clock, left) {
  if (!(left > 0)) return { until: 0, total: 0 };
  return { until: Date.now() + left * 1000, total: Math.max(clock.total, left) };
}

/** The address of the page names the table, so that it can be passed on and survives a reload. */
export function tableInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("table") || "";
}

function setAddress(id) {
  if (id === tableInAddress()) return;
  history.replaceState(null, "", id ? "#" + new URLSearchParams({ table: id }) : location.pathname);
}
