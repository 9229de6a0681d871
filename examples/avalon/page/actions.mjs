// What a person can do. Each action is a question to the server or a change of what only this page knows.

import { picked, selectable, toggled } from "./facts.mjs";
import { tableInAddress } from "./net.mjs";
import * as sessions from "./session.mjs";
import { AWAY } from "./store.mjs";

export function createActions(store, net) {
  const at = () => store.state.table.id;
  const ask = (event, payload) => net.ask(event, { table: at(), ...payload });

  return {
    // -- coming and going --
    async login(name) {
      store.set({ busy: "login", problem: "" });
      try {
        const session = await sessions.login(name);
        sessions.remember(session);
        store.set({ session, tables: null });
        net.socket.connect();
      } catch (err) {
        net.tell(err.message);
      } finally {
        store.set({ busy: "" });
      }
    },
    logout() {
      sessions.forget();
      net.socket.disconnect();
      store.set({ ...AWAY, session: null, tables: null, problem: "" });
    },
    retry: () => net.socket.connect(),
    followAddress() {
      const id = tableInAddress();
      const now = store.state.table ? store.state.table.id : "";
      if (!store.state.session || id === now) return;
      if (id) net.enter("table:join", { table: id });
      else leave();
    },
    create: (size, roles) => net.enter("table:create", { size, roles }),
    join: (table) => net.enter("table:join", { table }),
    leave,
    async again() {
      const { table, secret } = store.state;
      const wanted = table.roles.filter((role) => ["percival", "morgana", "mordred", "oberon"].includes(role));
      const friends = table.players.some((player) => !player.bot && player.online && player.seat !== secret.seat);
      if (friends) await ask("chat:say", { text: "Another game? I call a new table: look for it in the hall." });
      await ask("table:leave");
      await net.enter("table:create", { size: table.size, roles: wanted });
    },
    async invite() {
      const link = { title: "Avalon", url: location.href };
      try {
        if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share(link);
        else await navigator.clipboard.writeText(link.url);
        store.set({ herald: "The invitation is ready to be passed on." });
      } catch (err) {
        if (err.name !== "AbortError") store.set({ herald: "Pass on this address: " + link.url });
      }
    },

    // -- the game --
    fill: () => ask("table:bots"),
    start: () => ask("table:start"),
    tap(seat) {
      if (selectable(store.state, seat)) store.set({ pick: toggled(store.state, seat) });
    },
    propose: () => ask("team:propose", { team: picked(store.state).seats.slice().sort((a, b) => a - b) }),
    vote: (approve) => ask("team:vote", { approve }),
    pickCard: (card) => store.set({ pick: { ...picked(store.state), card } }),
    lay() {
      const success = picked(store.state).card;
      // Both cards look alike for everybody, or a glance at the screen would tell who is good.
      if (!success && store.state.secret.side === "good") net.tell("The good can only lay success.");
      else ask("quest:play", { success });
    },
    guess: () => ask("merlin:guess", { seat: picked(store.state).seats[0] }),

    // -- this page only --
    reveal(revealed) {
      if (store.state.revealed === revealed) return;
      store.set({ revealed, seen: store.state.seen || revealed });
    },
    open(panel) {
      store.set({ panel, unread: panel === "chat" ? 0 : store.state.unread, revealed: false });
    },
    readChat: () => store.state.unread && store.set({ unread: 0 }),
    async say(text) {
      const line = await ask("chat:say", { text });
      if (line) net.addLine(line);
      return Boolean(line);
    },
  };

  async function leave() {
    await ask("table:leave");
    await net.openHall();
  }
}
