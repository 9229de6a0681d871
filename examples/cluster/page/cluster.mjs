// The page of the example: a person chooses a node and talks to whoever is in the room, on whatever node. What people wrote
// reaches the document as text only (textContent), never as markup.

import { connect } from "./realtime.mjs";

const $ = (id) => document.getElementById(id);

let socket; // while a person is in
let name = "";
let room = "";

// ---- choosing ----

const ANY = { name: "any", url: location.origin, hint: "the first one that is there" };
const nodes = [ANY, ...(await (await fetch("nodes")).json())];
$("nodes").append(...nodes.map((node, i) => {
  const radio = element("input", { type: "radio", name: "node", value: String(i), checked: i === 0 });
  return element("label", {}, radio, " " + node.name, element("small", { textContent: node.hint || node.url }));
}));

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  name = $("name").value.trim();
  room = $("room").value.trim();
  tell("");
  open(nodes[Number(document.querySelector("[name=node]:checked").value)]);
});

$("leave").addEventListener("click", () => show(""));

/** A fresh token for every attempt: one that has expired meanwhile would be refused. */
async function auth() {
  const answer = await fetch("token", { method: "POST", body: new URLSearchParams({ user: name }) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// ---- the connection ----

function open(node) {
  show("talk");
  $("messages").replaceChildren();
  socket = connect(node.url, { namespace: "/chat", auth, ackTimeout: 15000 });
  const mine = socket; // listeners of a connection that was left are of no interest
  const on = (event, listener) => mine.on(event, (...args) => mine === socket && listener(...args));

  // Runs after every reconnection too: the node knows a new connection, which is in no room yet.
  on("connect", async () => {
    const answer = await ask("enter", { room });
    if (answer) notice("You are in, at " + answer.at + ".");
  });
  on("connect_error", (err) => mine.active || show("", err.message));
  on("disconnect", (reason) => {
    if (reason === "io server disconnect") show("", "You were sent away.");
    else notice("The connection is lost. Trying again…");
  });
  on("said", (message) => say(message.from, message.text, message.from === name));
  on("announced", (message) => say(message.from + ", to everyone", message.text));
  on("entered", ({ user }) => seen(user + " came in."));
  on("left", ({ user }) => seen(user + " left."));
  on("exception", (exception) => notice(exception.message || exception.code)); // how a NestJS gateway tells of errors
  mine.onState((state) => {
    if (mine === socket) $("status").textContent = state;
  });
}

/** Asks the node, shows who is in the room if that is the answer, and returns the answer. Without one the event exception tells. */
async function ask(event, payload) {
  try {
    const answer = await socket.emitWithAck(event, payload);
    if (Array.isArray(answer.data)) $("people").replaceChildren(...answer.data.map((text) => element("li", { textContent: text })));
    return answer;
  } catch {
    return undefined; // the link has gone, or there is no answer
  }
}

function seen(text) {
  notice(text);
  ask("people", { room });
}

// ---- the page ----

function show(id, problem = "") {
  if (socket && id === "") {
    const old = socket;
    socket = undefined;
    old.disconnect();
  }
  $("title").textContent = "Room " + room;
  $("enter").hidden = id !== "";
  $("talk").hidden = id !== "talk";
  tell(problem);
}

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  $("text").value = "";
  socket.emit("say", { room, text });
});

function say(from, text, mine = false) {
  add(element("li", { className: mine ? "mine" : "" }, element("span", { className: "from", textContent: from + ": " }), text));
}

function notice(text) {
  add(element("li", { className: "notice", textContent: text }));
}

function add(item) {
  $("messages").append(item);
  $("messages").scrollTop = $("messages").scrollHeight;
}

function tell(text) {
  $("problem").textContent = text;
  $("problem").hidden = text === "";
}

function element(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
