// What follows from the server's words: who may do what, and what just happened. Nothing here touches the document, and nothing
// here decides: the server does, the page only knows beforehand what it will say.

import { count, names, REASONS, ROMAN, SIDES } from "./words.mjs";

/** @returns {number} our seat, or -1 */
export function mySeat({ secret }) {
  return secret ? secret.seat : -1;
}

export function nameAt(table, seat) {
  const player = table.players.find((one) => one.seat === seat);
  return player ? player.name : "nobody";
}

/** A name, or "you" in our own case. */
export function whoAt(state, seat) {
  return seat === mySeat(state) ? "you" : nameAt(state.table, seat);
}

export function teamSize(table) {
  const quest = table.quests[table.quest];
  return quest ? quest.size : 0;
}

/** A step of the game. What was chosen for one step is worth nothing in the next. */
export function stageOf(table) {
  return [table.id, table.phase, table.quest, table.rejected].join("/");
}

/** What we can do now: the name of a row of buttons, or "" when we wait. */
export function deed(state) {
  const { table, secret } = state;
  const seat = mySeat(state);
  if (table.phase === "lobby" || table.phase === "over") return table.phase;
  if (seat < 0) return "";
  const acted = table.acted.includes(seat);
  if (table.phase === "proposal") return table.leader === seat ? "propose" : "";
  if (table.phase === "vote") return acted || secret.vote !== null ? "" : "vote";
  if (table.phase === "quest") return table.team.includes(seat) && !acted && secret.card === null ? "quest" : "";
  return secret.role === "assassin" ? "guess" : "";
}

/** Whether a tap on a seat chooses it. */
export function selectable(state, seat) {
  const now = deed(state);
  const { seats } = picked(state);
  if (now === "propose") return seats.includes(seat) || seats.length < teamSize(state.table);
  return now === "guess" && seat !== mySeat(state);
}

/** What is chosen in this step. */
export function picked(state) {
  return state.pick.stage === stageOf(state.table) ? state.pick : { stage: stageOf(state.table), seats: [], card: null };
}

/** The choice after a tap on a seat. */
export function toggled(state, seat) {
  const pick = picked(state);
  if (deed(state) === "guess") return { ...pick, seats: [seat] };
  const seats = pick.seats.includes(seat) ? pick.seats.filter((one) => one !== seat) : pick.seats.concat(seat);
  return { ...pick, seats };
}

/** The vote that the table looks at while nothing newer is there: for each seat true, false or undefined. */
export function shownVotes(table) {
  const last = table.votes[table.votes.length - 1];
  const fresh = last && (table.phase === "quest" || (table.phase === "proposal" && !last.passed));
  return fresh ? last.approve : [];
}

/** Who has yet to act. */
export function awaited(table) {
  const seats = table.phase === "quest" ? table.team : table.players.map((player) => player.seat);
  return seats.filter((seat) => !table.acted.includes(seat));
}

/** One line for whoever looks at the buttons: what to do, or what is waited for. */
export function task(state) {
  const { table } = state;
  const now = deed(state);
  const pick = picked(state);
  const size = teamSize(table);
  switch (now || table.phase) {
    case "lobby":
      return lobbyTask(state);
    case "propose":
      return pick.seats.length === size ? "Your team is complete." : `Choose ${count(size, "player")}: tap them at the table. ${pick.seats.length} of ${size} chosen.`;
    case "proposal":
      return `${nameAt(table, table.leader)} chooses ${count(size, "player")}.`;
    case "vote":
      return now ? `Shall ${party(state)} go on the quest?` : "Your vote is cast. " + waiting(state);
    case "quest":
      if (now) return pick.card === null ? "Choose your card. Nobody learns which one you lay." : "Lay it face down, or take the other.";
      return table.team.includes(mySeat(state)) ? "Your card lies face down. " + waiting(state) : `${sentence(party(state))} are on the quest.`;
    case "guess":
      return pick.seats.length ? `Strike ${nameAt(table, pick.seats[0])}? There is only one blow.` : "One blow can still win: tap whom you take for Merlin.";
    case "assassination":
      return "Good has won three quests. The Assassin looks for Merlin.";
    default:
      return "All roles lie open.";
  }
}

/** The team by name, or by number where the names would not fit. */
function party(state) {
  const list = names(state.table.team.map((seat) => whoAt(state, seat)));
  return list.length <= 48 ? list : `this team of ${state.table.team.length}`;
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function lobbyTask(state) {
  const { table } = state;
  const free = table.size - table.players.length;
  const mine = table.host === mySeat(state);
  if (free > 0) return `${count(free, "seat")} free. ${mine ? "Invite friends, or let bots play." : "Waiting for more players."}`;
  return mine ? "Everybody is here." : `Waiting for ${nameAt(table, table.host)} to start the game.`;
}

function waiting(state) {
  const left = awaited(state.table);
  return left.length === 1 ? `Waiting for ${nameAt(state.table, left[0])}.` : `Waiting for ${count(left.length, "more", "more")}.`;
}

/** What to announce when one state of a table follows another: sentences, newest last. */
export function heralds(before, after) {
  const said = [];
  if (!before || before.id !== after.id) return said;
  for (const vote of after.votes.slice(before.votes.length)) {
    const yes = vote.approve.filter(Boolean).length;
    said.push(`The team was ${vote.passed ? "approved" : "rejected"}, ${yes} to ${vote.approve.length - yes}.`);
  }
  after.quests.forEach((quest, i) => {
    const old = before.quests[i];
    if (quest.result && !(old && old.result)) said.push(questWords(quest, i));
  });
  if (after.phase === "over" && before.phase !== "over") said.push(`${SIDES[after.winner]} wins. ${REASONS[after.reason] || ""}`);
  if (before.phase === "lobby" && after.phase !== "lobby") said.push("The game begins. Look at your role.");
  if (after.phase === "assassination" && before.phase !== "assassination") said.push("The Assassin may strike.");
  return said;
}

export function questWords(quest, i) {
  return `Quest ${ROMAN[i]} ${quest.result === "success" ? "succeeded" : "failed"}, with ${quest.fails === 0 ? "no fail" : count(quest.fails, "fail")}.`;
}

/** The cards of a quest that ended between two states, shuffled by nothing but their kind: who laid which stays unknown. */
export function opened(before, after) {
  if (!before || before.id !== after.id) return null;
  const i = after.quests.findIndex((quest, n) => quest.result && !(before.quests[n] && before.quests[n].result));
  if (i < 0) return null;
  const { team, fails } = after.quests[i];
  return { quest: i, cards: team.map((seat, n) => n < team.length - fails) };
}
