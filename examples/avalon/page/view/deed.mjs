// The buttons under the thumb: what can be done now, and one line that says so.

import { $, attr, text } from "../dom.mjs";
import { icon } from "../art.mjs";
import { deed, mySeat, nameAt, picked, task, teamSize } from "../facts.mjs";

export function deedView(actions) {
  const rows = Array.from(document.querySelectorAll("[data-deed]"));
  const on = (id, action) => $(id).addEventListener("click", action);
  on("fill", actions.fill);
  on("start", actions.start);
  on("propose", actions.propose);
  on("approve", () => actions.vote(true));
  on("reject", () => actions.vote(false));
  on("card-success", () => actions.pickCard(true));
  on("card-fail", () => actions.pickCard(false));
  on("lay", actions.lay);
  on("guess", actions.guess);
  on("again", actions.again);
  on("back", actions.leave);
  $("approve").prepend(icon("check"));
  $("reject").prepend(icon("cross"));
  $("card-success").prepend(icon("crown"));
  $("card-fail").prepend(icon("minion"));
  $("guess").prepend(icon("assassin"));

  return (state) => {
    const now = deed(state);
    const { table } = state;
    $("deed").dataset.now = now || "wait";
    const focused = rows.find((row) => row.contains(document.activeElement));
    rows.forEach((row) => { row.hidden = row.dataset.deed !== now || hiddenRow(row.dataset.deed, state); });
    if (focused && focused.hidden) $("deed").focus({ preventScroll: true }); // the keyboard stays where the next thing to do appears
    text($("task"), task(state));
    text($("problem"), state.problem);
    const pick = picked(state);
    const host = table.host === mySeat(state);
    const full = table.players.length === table.size;
    $("fill").hidden = full;
    enable({
      fill: host && !full,
      start: host && full,
      propose: pick.seats.length === teamSize(table),
      lay: pick.card !== null,
      guess: pick.seats.length === 1,
    }, state.busy);
    for (const id of ["approve", "reject", "again", "back"]) $(id).disabled = state.busy !== "";
    attr($("card-success"), "aria-pressed", String(pick.card === true));
    attr($("card-fail"), "aria-pressed", String(pick.card === false));
    text($("guess").lastChild, pick.seats.length === 1 && now === "guess" ? " Strike " + nameAt(table, pick.seats[0]) : " Strike");
  };
}

/** Only the host has something to press in the lobby. */
function hiddenRow(name, state) {
  return name === "lobby" && state.table.host !== mySeat(state);
}

function enable(buttons, busy) {
  for (const [id, can] of Object.entries(buttons)) $(id).disabled = !can || busy !== "";
}
