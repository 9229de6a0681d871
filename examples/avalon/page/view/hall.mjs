// The hall: a table can be called, and the open ones can be joined.

import { $, each, el, text } from "../dom.mjs";
import { CHOICES, count, EVIL, phaseName, ROLES, roleName } from "../words.mjs";

export function hallView(actions) {
  for (let size = 5; size <= 10; size++) $("sizes").append(chip("radio", "size", String(size), size === 5, size));
  for (const role of CHOICES) $("role-choices").append(chip("checkbox", "role", role, false, roleName(role), ROLES[role].side));
  const form = $("create");
  const chosen = () => {
    const data = new FormData(form);
    return { size: Number(data.get("size")), roles: data.getAll("role") };
  };
  const check = () => {
    const { size, roles } = chosen();
    const evil = EVIL[size];
    const wanted = 1 + roles.filter((role) => ROLES[role].side === "evil").length;
    const fits = wanted <= evil;
    text($("sides"), fits ? `${size - evil} of good against ${evil} of evil` : `${size} players have room for ${count(evil - 1, "evil role")} beside the Assassin`);
    $("sides").classList.toggle("problem", !fits);
    return fits;
  };
  form.addEventListener("change", check);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (check()) actions.create(chosen().size, chosen().roles);
  });
  $("logout").addEventListener("click", actions.logout);
  check();

  return ({ session, tables, table, problem, busy }) => {
    if (!session || !tables || table) return;
    text($("hall-name"), session.name);
    text($("hall-problem"), problem);
    $("create-go").disabled = busy !== "";
    $("no-tables").hidden = tables.tables.length > 0;
    each($("tables"), tables.tables, (one) => one.id, () => row(actions), (item, one) => showRow(item, one, (session.tables || []).includes(one.id)));
  };
}

function chip(type, name, value, checked, label, side) {
  const input = el("input", { type, name, value, checked, className: "sr" });
  return el("label", { className: "chip", data: side ? { side } : {} }, input, el("span", { textContent: label }));
}

function row(actions) {
  const button = el("button", { type: "button" });
  const item = el("li", { className: "table-row" },
    el("span", { className: "table-host" }), el("span", { className: "muted table-state" }), el("span", { className: "pips", ariaHidden: "true" }), button);
  button.addEventListener("click", () => actions.join(item.dataset.table));
  return item;
}

function showRow(item, { id, host, players, size, phase }, seated) {
  item.dataset.table = id;
  item.dataset.phase = phase;
  const [name, state, pips, button] = item.children;
  text(name, host ? host + "’s table" : "A table without a host");
  text(state, phase === "lobby" ? `${players} of ${size} seats taken` : `${count(size, "player")} · ${phaseName(phase).toLowerCase()}`);
  each(pips, Array.from({ length: size }, (_, i) => i), (i) => i, () => el("i"), (pip, i) => pip.classList.toggle("on", i < players));
  const free = phase === "lobby" && players < size;
  text(button, seated ? "Return" : free ? "Join" : phase === "lobby" ? "Full" : "In play");
  button.disabled = !seated && !free;
  button.setAttribute("aria-label", `${button.textContent}: ${name.textContent}`);
}
