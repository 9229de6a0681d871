// The page of Avalon: state in store.mjs, words from the server in net.mjs, and one view for each part of the screen. A view builds
// its nodes once and then writes into them what changed.

import { $ } from "./dom.mjs";
import { createActions } from "./actions.mjs";
import { createNet } from "./net.mjs";
import { recall } from "./session.mjs";
import { createStore, START } from "./store.mjs";
import { boardView } from "./view/board.mjs";
import { chatView } from "./view/chat.mjs";
import { chronicleView } from "./view/chronicle.mjs";
import { deedView } from "./view/deed.mjs";
import { hallView } from "./view/hall.mjs";
import { linkView } from "./view/link.mjs";
import { loginView } from "./view/login.mjs";
import { panelsView } from "./view/panels.mjs";
import { roleView } from "./view/role.mjs";
import { seatsView } from "./view/seats.mjs";

const store = createStore({ ...START, session: recall() });
const net = createNet(store);
const actions = createActions(store, net);

store.watch(({ session, table, tables }) => {
  const screen = !session ? "login" : table ? "game" : tables ? "hall" : "none";
  if (document.body.dataset.screen === screen) return;
  document.body.dataset.screen = screen;
  for (const name of ["login", "hall", "game"]) $(name).hidden = name !== screen;
  scrollTo(0, 0);
});
const whileAt = (view) => (state) => state.table && view(state);

store.watch(linkView(actions));
store.watch(loginView(actions));
store.watch(hallView(actions));
for (const view of [boardView, seatsView, deedView, roleView, chronicleView, chatView, panelsView]) store.watch(whileAt(view(actions)));

addEventListener("hashchange", actions.followAddress);
// Nobody reads over a shoulder what lies open on a table while its owner looks elsewhere.
document.addEventListener("visibilitychange", () => document.hidden && actions.reveal(false));

if (store.state.session) net.socket.connect();
