// The round table. Our own seat is always nearest to the thumb, the others follow clockwise.

import { $, attr, each, el, text } from "../dom.mjs";
import { arms, icon } from "../art.mjs";
import { deed, mySeat, picked, selectable, shownVotes } from "../facts.mjs";
import { MARKS, ROLES, roleWord } from "../words.mjs";

/** The phases in which somebody leads. */
const LED = ["proposal", "vote", "quest"];

export function seatsView(actions) {
  return (state) => {
    const { table } = state;
    const seats = Array.from({ length: table.size }, (_, seat) => seat);
    each($("seats"), seats, (seat) => table.id + "/" + seat, (seat) => makeSeat(seat, actions), (item, seat) => {
      place(item, seat, Math.max(0, mySeat(state)), table.size);
      showSeat(item, seat, state);
    });
  };
}

/** A circle drawn a little towards its corners, which leaves more room between the seats at the sides. */
const ROUNDNESS = 0.85;

function place(item, seat, first, size) {
  const angle = Math.PI / 2 + (2 * Math.PI * (seat - first)) / size;
  const out = (part) => (Math.sign(part) * Math.abs(part) ** ROUNDNESS).toFixed(4);
  item.style.setProperty("--x", out(Math.cos(angle)));
  item.style.setProperty("--y", out(Math.sin(angle)));
}

function makeSeat(seat, actions) {
  const button = el("button", { type: "button", className: "seat" },
    el("span", { className: "shield" }),
    el("span", { className: "leads" }, icon("crown")),
    el("span", { className: "token" }),
    el("span", { className: "who" }),
    el("span", { className: "note" }));
  button.addEventListener("click", () => actions.tap(seat));
  return el("li", { data: { seat } }, button);
}

function showSeat(item, seat, state) {
  const { table } = state;
  const player = table.players.find((one) => one.seat === seat);
  const facts = factsOf(seat, player, state);
  const button = item.firstElementChild;
  const [shield, , token, who, note] = button.children;
  const coat = player ? String(seat) : "free";
  if (shield.dataset.coat !== coat) {
    shield.dataset.coat = coat;
    shield.replaceChildren(arms(player ? seat : -1));
  }
  Object.assign(item.dataset, {
    taken: Boolean(player), me: facts.me, leader: facts.leader, team: facts.team, acted: facts.acted, vote: facts.vote,
    online: !player || player.online, bot: Boolean(player && player.bot), side: facts.side, knows: facts.knows, role: facts.role,
  });
  const glyph = facts.vote === "approve" ? "check" : facts.vote === "reject" ? "cross" : facts.acted ? "seal" : "";
  if (token.dataset.glyph !== glyph) {
    token.dataset.glyph = glyph;
    token.replaceChildren(...(glyph === "check" || glyph === "cross" ? [icon(glyph)] : []));
  }
  text(who, player ? player.name : "Free");
  text(note, facts.note);
  note.dataset.plain = !facts.role && !facts.knows && Boolean(player) && player.online;
  const can = selectable(state, seat);
  const choosing = deed(state) === "propose" || deed(state) === "guess";
  attr(button, "aria-disabled", can ? null : "true");
  attr(button, "aria-pressed", choosing ? String(facts.chosen) : null);
  attr(button, "aria-label", spoken(player, facts));
}

/** What can be seen of a seat now. */
function factsOf(seat, player, state) {
  const { table, secret } = state;
  const me = seat === mySeat(state);
  const chosen = picked(state).seats.includes(seat);
  const vote = shownVotes(table)[seat];
  const known = state.revealed && secret ? secret.knows.find((one) => one.seat === seat) : null;
  const out = (table.revealed || []).find((one) => one.seat === seat);
  const facts = {
    me, chosen,
    leader: LED.includes(table.phase) && table.leader === seat,
    team: chosen || (table.team || []).includes(seat),
    acted: (table.acted || []).includes(seat),
    vote: vote === undefined ? "" : vote ? "approve" : "reject",
    knows: known ? known.as : "",
    role: out ? out.role : "",
    side: out && ROLES[out.role] ? ROLES[out.role].side : "",
  };
  return { ...facts, note: noteOf(player, facts, table) };
}

function noteOf(player, facts, table) {
  if (!player) return "seat";
  if (facts.role) return roleWord(facts.role);
  if (facts.knows) return MARKS[facts.knows] ? MARKS[facts.knows].short : facts.knows;
  if (!player.online) return "away";
  if (facts.me) return "you";
  if (player.bot) return "bot";
  return table.phase === "lobby" && table.host === player.seat ? "host" : "";
}

function spoken(player, { note, leader, team, acted, vote }) {
  if (!player) return "Free seat";
  const words = [player.name, note, leader && "leader", team && "in the team"];
  words.push(vote === "approve" && "approved", vote === "reject" && "rejected", !vote && acted && "has acted");
  return words.filter(Boolean).join(", ");
}
