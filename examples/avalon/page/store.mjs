// The state of the page: one object, changed in one place, and told to the views once for all changes of a moment.

/** @returns {{ state: object, set: (patch: object) => void, watch: (view: (state: object) => void) => void }} */
export function createStore(initial) {
  const views = [];
  let due = false;
  const store = { state: initial, set, watch };
  return store;

  function set(patch) {
    store.state = { ...store.state, ...patch };
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      views.forEach((view) => view(store.state));
    });
  }

  function watch(view) {
    views.push(view);
    view(store.state);
  }
}

/** What the page knows before anything happened, and again after the table was left. */
export const AWAY = {
  table: null, // Table, as the server says it
  secret: null, // Secret: only ours
  chat: [],
  pick: { stage: "", seats: [], card: null }, // what is chosen here and not sent yet
  reveal: null, // { quest, cards }: the cards of a quest that just ended, for some seconds
  clock: { until: 0, total: 0 },
  herald: "",
  revealed: false, // whether the role is shown
  seen: false, // whether it ever was
  panel: "", // the open sheet on a phone
  unread: 0,
};

export const START = {
  session: null, // { token, user, name, expires }
  link: { state: "closed", retryAt: 0 },
  tables: null, // Tables; null until the first answer
  problem: "",
  busy: "", // the event that waits for its answer
  ...AWAY,
};
