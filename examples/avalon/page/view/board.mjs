// What lies above and in the middle of the table: title, quests, rejected teams, news, the stage of the game and its clock.

import { $, attr, each, el, text } from "../dom.mjs";
import { icon } from "../art.mjs";
import { nameAt, questWords, stageOf, teamSize, whoAt } from "../facts.mjs";
import { count, phaseName, REASONS, ROMAN, SIDES } from "../words.mjs";

const REJECTIONS = 5;

export function boardView(actions) {
  $("leave").append(icon("back"));
  $("invite").append(icon("share"));
  $("leave").addEventListener("click", actions.leave);
  $("invite").addEventListener("click", actions.invite);
  for (let i = 0; i < REJECTIONS; i++) $("rejects").append(el("i"));
  let clock = { until: 0, total: 0 };
  const tick = () => showClock(clock);
  setInterval(tick, 250);

  return (state) => {
    const { table } = state;
    clock = state.clock;
    const board = $("board");
    board.dataset.phase = table.phase;
    board.dataset.stage = stageOf(table);
    board.dataset.winner = table.winner;
    board.dataset.size = table.size;
    $("game").dataset.table = table.id;
    text($("title"), titleOf(table));
    text($("herald"), state.herald);
    showQuests(table);
    showRejected(table);
    showStage(state);
    tick();
  };
}

function titleOf(table) {
  if (table.phase === "lobby") return nameAt(table, table.host) + "’s table";
  return table.phase === "over" ? "The end" : `Quest ${ROMAN[table.quest]}`;
}

function showQuests(table) {
  each($("quests"), table.quests.map((quest, i) => ({ ...quest, i })), ({ i }) => i, makeQuest, (item, quest) => {
    const { i } = quest;
    const current = i === table.quest && table.phase !== "lobby" && !quest.result;
    item.dataset.result = quest.result;
    attr(item, "aria-current", current ? "step" : null);
    const [, size, mark, words] = item.firstElementChild.children;
    text(size, quest.size);
    const glyph = quest.result === "success" ? "check" : quest.result ? "cross" : "";
    if (mark.dataset.glyph !== glyph) {
      mark.dataset.glyph = glyph;
      mark.replaceChildren(...(glyph ? [icon(glyph)] : []));
    }
    item.classList.toggle("two", quest.fails_needed === 2);
    const needs = quest.fails_needed === 2 ? ", two fails needed to lose it" : "";
    text(words, quest.result ? questWords(quest, i) : `Quest ${ROMAN[i]}: ${count(quest.size, "player")}${needs}`);
  });
}

function makeQuest({ i }) {
  return el("li", { className: "quest", data: { quest: i } },
    el("div", { className: "pennon" },
      el("span", { className: "roman", textContent: ROMAN[i], ariaHidden: "true" }),
      el("span", { className: "team-size", ariaHidden: "true" }),
      el("span", { className: "mark", ariaHidden: "true" }),
      el("span", { className: "sr" })));
}

function showRejected({ rejected }) {
  const track = $("rejects");
  track.dataset.rejected = rejected;
  track.setAttribute("aria-label", `Rejected teams in a row: ${rejected} of ${REJECTIONS}`);
  Array.from(track.children).forEach((pip, i) => pip.classList.toggle("on", i < rejected));
}

function showStage(state) {
  const { table, reveal } = state;
  const shown = Boolean(reveal) && table.phase !== "over";
  $("reveal").hidden = !shown;
  if (shown) {
    const cards = reveal.cards.map((success, i) => ({ success, key: reveal.quest + "/" + i }));
    each($("reveal"), cards, ({ key }) => key, makeCard, (item, { success }) => { item.dataset.card = success ? "success" : "fail"; });
  }
  const centre = $("reveal").parentElement;
  centre.classList.toggle("revealing", shown);
  if (shown) {
    const quest = table.quests[reveal.quest];
    text($("stage"), `Quest ${ROMAN[reveal.quest]} ${quest.result === "success" ? "succeeded" : "failed"}`);
    text($("stage-line"), quest.fails ? count(quest.fails, "fail card") : "no fail card");
    return;
  }
  text($("stage"), table.phase === "over" ? `${SIDES[table.winner] || "Nobody"} wins` : phaseName(table.phase));
  text($("stage-line"), stageLine(state));
}

function makeCard({ success }) {
  return el("li", {}, icon(success ? "crown" : "cross"));
}

function stageLine(state) {
  const { table } = state;
  switch (table.phase) {
    case "lobby":
      return `${table.players.length} of ${table.size} are here`;
    case "proposal":
      return `${table.leader === (state.secret && state.secret.seat) ? "You lead" : whoAt(state, table.leader) + " leads"} · team of ${teamSize(table)}`;
    case "vote":
      return `${table.acted.length} of ${table.size} voted`;
    case "quest":
      return `${table.acted.length} of ${table.team.length} cards laid`;
    case "assassination":
      return "Who is Merlin?";
    default:
      return REASONS[table.reason] || "";
  }
}

function showClock({ until, total }) {
  const left = until ? Math.max(0, Math.ceil((until - Date.now()) / 1000)) : 0;
  const timer = $("timer");
  timer.dataset.left = left;
  text(timer, until ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "");
  timer.classList.toggle("short", until > 0 && left <= 10);
  $("fuse").style.setProperty("--left", until ? Math.max(0, Math.min(1, (until - Date.now()) / 1000 / total)).toFixed(3) : "0");
}
