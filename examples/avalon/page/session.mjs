// Who this browser is. A tab keeps its own person (sessionStorage), and a new tab continues as the last one (localStorage), so
// that whoever closes the page and returns has the same seat, and two tabs can still be two people.

import { storage } from "./dom.mjs";

const KEY = "avalon.session";

/** @returns {{ token: string, user: string, name: string, expires: number } | null} */
export function recall() {
  for (const kind of ["sessionStorage", "localStorage"]) {
    try {
      const session = JSON.parse(storage(kind).getItem(KEY));
      if (session && session.token && session.expires > Date.now()) return session;
    } catch (err) {
      // nothing there, or nothing of ours
    }
  }
  return null;
}

export function remember(session) {
  for (const kind of ["sessionStorage", "localStorage"]) {
    try {
      storage(kind).setItem(KEY, JSON.stringify(session));
    } catch (err) {
      console.info("not remembered:", err.message);
    }
  }
}

/** Forgets this tab's person, and the browser's if it is the same one. */
export function forget() {
  const mine = read("sessionStorage");
  if (!mine || mine === read("localStorage")) drop("localStorage");
  drop("sessionStorage");
}

export function login(name) {
  return post("/login", {}, JSON.stringify({ name }));
}

/** A fresh token for the same person. */
export function renew(token) {
  return post("/token", { Authorization: "Bearer " + token });
}

async function post(path, headers, body) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = answer.error || { code: "http_" + response.status, message: "The server answered " + response.status + "." };
    throw Object.assign(new Error(error.message), { code: error.code });
  }
  return answer;
}

function read(kind) {
  try {
    return storage(kind).getItem(KEY);
  } catch (err) {
    return null;
  }
}

function drop(kind) {
  try {
    storage(kind).removeItem(KEY);
  } catch (err) {
    // it was never kept
  }
}
