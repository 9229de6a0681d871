// The page of the chat. Whatever people wrote reaches the document as text only (textContent), never as markup.

import { connect } from "./realtime.mjs";

const $ = (id) => document.getElementById(id);

/** What the page knows. ids are all ids this page has had: messages from before a reconnection are still ours. */
const state = { name: "", room: "", ids: new Set(), members: new Map(), membersRev: 0, roomsRev: 0, rooms: [] };

const socket = connect("", { autoConnect: false, ackTimeout: 15000, auth: () => ({ name: state.name }) });

// ---- signing in ----

$("name").value = recall("name");
$("room").value = new URLSearchParams(location.hash.slice(1)).get("room") || recall("room") || "lobby";
$(recall("name") ? "room" : "name").focus();

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  state.name = $("name").value.trim();
  state.room = $("room").value.trim();
  tell("refusal", "");
  socket.connect();
});

$("leave").addEventListener("click", () => {
  socket.disconnect();
  showWelcome("");
});

function showWelcome(refusal) {
  $("chat").hidden = true;
  $("welcome").hidden = false;
  tell("refusal", refusal);
}

// ---- the connection ----

// Runs after every reconnection too: the server knows a new connection, which is in no room yet.
socket.on("connect", () => {
  state.ids.add(socket.id);
  state.membersRev = 0;
  state.roomsRev = 0;
  enter(state.room);
});

socket.on("connect_error", (err) => {
  if (!socket.active) showWelcome(err.message); // refused by the server: its words, and no further attempt
  else if ($("chat").hidden) tell("refusal", "The server cannot be reached. Trying again…");
});

socket.on("disconnect", (reason) => {
  if (reason === "io server disconnect") showWelcome("The server ended the conversation.");
});

const STATUS = { closed: "offline", connecting: "connecting…", connected: "online", waiting: "offline" };
let countdown;

socket.onState((now, { delay }) => {
  clearInterval(countdown);
  $("status").dataset.state = now;
  $("status").textContent = STATUS[now];
  if (now !== "waiting") return;
  let left = Math.ceil(delay / 1000);
  const show = () => {
    $("status").textContent = "offline · retry in " + Math.max(left--, 0) + " s";
  };
  show();
  countdown = setInterval(show, 1000);
});

// Whoever comes back to the page should not wait for the next attempt.
const retry = () => socket.active && socket.connect();
$("status").addEventListener("click", retry);
addEventListener("online", retry);
document.addEventListener("visibilitychange", () => document.hidden || retry());

// ---- rooms and people ----

/** What arrives while a room is being entered waits, because the answer replaces all that is shown. */
let held = null;
const orHold = (handle) => (event) => (held ? held.push(() => handle(event)) : handle(event));

function release() {
  const events = held || [];
  held = null;
  events.forEach((handle) => handle());
}

function enter(room) {
  held = held || [];
  socket.call("enter", { room }).then(({ here, history }) => {
    const moved = state.room !== here.room || $("chat").hidden;
    state.room = here.room;
    state.members.clear();
    state.membersRev = 0;
    $("messages").replaceChildren(...(moved ? [] : unsent()));
    history.forEach(addMessage);
    showHere(here);
    release();
    showRooms();
    tell("problem", "");
    remember("name", state.name);
    remember("room", state.room);
    location.replace("#" + new URLSearchParams({ room: state.room })); // an address that can be passed on
    document.title = state.room + " · Chat";
    $("title").textContent = "# " + state.room;
    $("self").textContent = state.name;
    $("welcome").hidden = true;
    $("chat").hidden = false;
    toggleSide(false);
    scrollDown();
    if (moved && matchMedia("(hover: hover)").matches) $("text").focus(); // no keyboard over half a phone
  }).catch((err) => {
    release();
    if ($("chat").hidden) {
      socket.disconnect();
      showWelcome(err.message);
    } else {
      tell("problem", err.message);
    }
  });
}

// The whole list with a revision instead of "came" and "went": it cannot get out of step, whatever arrives first.
socket.on("here", orHold(showHere));

function showHere({ room, rev, members }) {
  if (room !== state.room || rev <= state.membersRev) return;
  const first = state.membersRev === 0;
  const now = new Map(members.map((member) => [member.id, member]));
  if (!first) {
    for (const [id, member] of now) if (!state.members.has(id)) addNotice(member.name + " came in");
    for (const [id, member] of state.members) if (!now.has(id)) addNotice(member.name + " left");
  }
  state.members = now;
  state.membersRev = rev;
  $("people").textContent = members.length;
  $("members").replaceChildren(...members.map((member) => {
    const name = member.name + (member.id === socket.id ? " (you)" : "");
    return element("li", {}, face(member.name), element("span", { textContent: name }));
  }));
}

socket.on("rooms", ({ rev, rooms }) => {
  if (rev <= state.roomsRev) return;
  state.roomsRev = rev;
  state.rooms = rooms;
  showRooms();
});

function showRooms() {
  $("rooms").replaceChildren(...state.rooms.map((room) => {
    const button = element("button", { onclick: () => enter(room.name) },
      element("span", { className: "name", textContent: "# " + room.name }),
      element("span", { className: "count", textContent: room.people }));
    button.setAttribute("aria-current", String(room.name === state.room));
    return element("li", {}, button);
  }));
}

$("open-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const room = $("new-room").value.trim();
  $("new-room").value = "";
  if (room) enter(room);
});

function toggleSide(open) {
  $("side").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
}
$("menu").addEventListener("click", () => toggleSide(true));
$("shade").addEventListener("click", () => toggleSide(false));
addEventListener("keydown", (event) => event.key === "Escape" && toggleSide(false));

// ---- messages ----

socket.on("message", orHold((message) => message.room === state.room && addMessage(message)));

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  say(text);
});

/** Shows the message at once, pale, until the server has acknowledged it; offline it waits in the client's buffer. */
function say(text) {
  tell("problem", "");
  const pending = bubble({ from: socket.id, name: state.name, text, at: Date.now() }, "message mine pending");
  $("messages").append(pending);
  scrollDown();
  socket.call("say", { text }).then((message) => {
    pending.remove();
    addMessage(message);
  }).catch((err) => {
    pending.className = "message mine failed";
    const again = element("button", { className: "again", textContent: "Not sent. Try again" });
    again.onclick = () => {
      pending.remove();
      say(text);
    };
    pending.append(again);
    tell("problem", err.message);
  });
}

function unsent() {
  return $("messages").querySelectorAll(".pending, .failed");
}

/** Adds a message in the order of its id, once. */
function addMessage(message) {
  const list = $("messages");
  const known = Array.from(list.querySelectorAll("[data-id]"));
  const after = known.filter((item) => Number(item.dataset.id) <= message.id).pop();
  if (after && Number(after.dataset.id) === message.id) return;
  const down = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const item = bubble(message, state.ids.has(message.from) ? "message mine" : "message");
  item.dataset.id = message.id;
  item.dataset.from = message.from;
  const next = after ? known[known.indexOf(after) + 1] : known[0];
  list.insertBefore(item, next || unsent()[0] || null);
  const previous = item.previousElementSibling;
  if (previous && previous.dataset.from === message.from) item.classList.add("follows");
  if (down) scrollDown();
}

function bubble(message, className) {
  const at = new Date(message.at);
  return element("li", { className }, face(message.name), element("span", { className: "from", textContent: message.name }),
    element("div", { className: "bubble" },
      element("span", { className: "text", textContent: message.text }),
      element("time", { dateTime: at.toISOString(), textContent: at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) })));
}

function addNotice(text) {
  $("messages").insertBefore(element("li", { className: "notice", textContent: text }), unsent()[0] || null);
  scrollDown();
}

function scrollDown() {
  $("messages").scrollTop = $("messages").scrollHeight;
}

// ---- small things ----

function face(name) {
  const hue = Array.from(name).reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 360, 7);
  const circle = element("span", { className: "face", textContent: Array.from(name)[0].toUpperCase(), ariaHidden: "true" });
  circle.style.setProperty("--hue", hue);
  return circle;
}

function element(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function tell(id, text) {
  $(id).textContent = text;
  $(id).hidden = text === "";
}

/** Storage can be forbidden; then nothing is remembered. */
function remember(key, value) {
  try {
    localStorage.setItem("chat." + key, value);
  } catch (err) {
    console.info("not remembered:", err.message);
  }
}

function recall(key) {
  try {
    return localStorage.getItem("chat." + key) || "";
  } catch (err) {
    return "";
  }
}
