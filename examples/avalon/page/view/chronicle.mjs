// The chronicle: every vote so far, by quest, as a table of seats.

import { $, el } from "../dom.mjs";
import { arms, icon } from "../art.mjs";
import { nameAt, questWords } from "../facts.mjs";
import { ROMAN } from "../words.mjs";

export function chronicleView() {
  let shown = "";

  return ({ table }) => {
    // Votes and results only grow, so their number says whether there is anything new.
    const now = [table.id, table.phase === "lobby", table.votes.length, table.quests.map((quest) => quest.result), table.players.map((one) => one.name)].join();
    if (now === shown) return;
    shown = now;
    const parts = table.quests.map((quest, i) => questPart(table, quest, i)).filter(Boolean).reverse();
    $("votes").replaceChildren(...(parts.length ? parts : [el("p", { className: "muted empty", textContent: "Votes are written down here." })]));
  };
}

function questPart(table, quest, i) {
  const votes = table.votes.filter((vote) => vote.quest === i);
  if (votes.length === 0) return null;
  return el("section", { className: "saga", data: { saga: i, result: quest.result } },
    el("h3", { textContent: quest.result ? questWords(quest, i) : `Quest ${ROMAN[i]}` }),
    el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col", className: "sr", textContent: "Outcome" }), ...table.players.map(headOf))),
      el("tbody", {}, ...votes.map((vote) => rowOf(table, vote)))));
}

function headOf({ seat, name }) {
  return el("th", { scope: "col", title: name }, arms(seat), el("span", { className: "sr", textContent: name }));
}

function rowOf(table, vote) {
  const outcome = el("th", { scope: "row", textContent: vote.passed ? "Sent" : "Refused", data: { passed: vote.passed } });
  return el("tr", {}, outcome, ...table.players.map(({ seat }) => {
    const approved = vote.approve[seat];
    const words = [approved ? "approved" : "rejected", vote.team.includes(seat) && "in the team", vote.leader === seat && "leader"];
    const marks = [icon(approved ? "check" : "cross"), el("span", { className: "sr", textContent: words.filter(Boolean).join(", ") })];
    if (vote.leader === seat) marks.push(el("span", { className: "crowned", title: nameAt(table, seat) + " led" }, icon("crown")));
    return el("td", { data: { approve: approved, team: vote.team.includes(seat) } }, el("span", { className: "ballot" }, ...marks));
  }));
}
