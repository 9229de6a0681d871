// The own role: a card that lies face down. A tap turns it, holding it shows it for as long as the finger stays. While it lies face
// down nothing of it is in the document.

import { $, attr, el, text } from "../dom.mjs";
import { arms, icon } from "../art.mjs";
import { nameAt } from "../facts.mjs";
import { MARKS, names, ROLES, roleName, SIDES } from "../words.mjs";

/** ms after which a press is a look and no tap. */
const HOLD = 350;

export function roleView(actions) {
  const card = $("role-card");
  $("role-hint").before(icon("mask"));
  let pressedAt = 0;
  let wasOpen = false;
  const isOpen = () => card.dataset.shown === "true";
  card.addEventListener("pointerdown", () => {
    wasOpen = isOpen();
    pressedAt = Date.now();
    actions.reveal(true);
  });
  card.addEventListener("pointerup", () => {
    if (pressedAt && (wasOpen || Date.now() - pressedAt > HOLD)) actions.reveal(false);
  });
  card.addEventListener("pointercancel", () => actions.reveal(false));
  card.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is a look
  card.addEventListener("click", (event) => {
    if (!pressedAt || event.detail === 0) actions.reveal(!isOpen()); // the keyboard's way
    pressedAt = 0;
  });
  let face = "";

  return (state) => {
    const { secret, table, revealed } = state;
    const dealt = Boolean(secret && secret.role);
    const shown = dealt && revealed;
    card.disabled = !dealt;
    card.dataset.shown = String(shown);
    attr(card, "aria-expanded", String(shown));
    text($("role-hint"), dealt ? "Tap to turn, or hold to look" : "Dealt when the game starts");
    const now = shown ? JSON.stringify([secret, table.players.map((player) => player.name)]) : "";
    if (now !== face) {
      face = now;
      $("role-face").replaceChildren(...(shown ? faceOf(secret, table) : []));
    }
    text($("in-play"), table.roles && table.roles.length ? "In this game: " + names(table.roles.map(roleName)) + "." : "");
  };
}

function faceOf({ role, side, knows }, table) {
  const known = ROLES[role] || { name: role, tale: "" };
  const marks = (knows || []).map(({ seat, as }) => el("span", { className: "known", data: { known: seat, as } },
    arms(seat), el("b", { textContent: nameAt(table, seat) }), " " + (MARKS[as] ? MARKS[as].long : as)));
  return [
    el("span", { className: "role-art", data: { side } }, icon(role)),
    el("span", { className: "role-side", data: { side }, textContent: SIDES[side] || side }),
    el("b", { id: "role-name", className: "role-name", data: { role }, textContent: known.name }),
    el("span", { className: "role-tale", textContent: known.tale }),
    ...(marks.length ? [el("span", { className: "knows" }, ...marks)] : []),
  ];
}
