// Every word of the game that the page says in more than one place.

export const ROLES = {
  merlin: { name: "Merlin", side: "good", tale: "You see who serves evil. Guide the good, and let nobody guess who you are." },
  percival: { name: "Percival", side: "good", tale: "You see Merlin. If Morgana plays, you see two and do not know which is which." },
  servant: { name: "Loyal servant", side: "good", tale: "You know nobody. Watch the votes, and trust with care." },
  assassin: { name: "Assassin", side: "evil", tale: "If good wins three quests, you may still find Merlin and win." },
  morgana: { name: "Morgana", side: "evil", tale: "To Percival you look like Merlin." },
  mordred: { name: "Mordred", side: "evil", tale: "Merlin does not see you." },
  oberon: { name: "Oberon", side: "evil", tale: "You and the others of evil do not know each other." },
  minion: { name: "Minion of Mordred", side: "evil", tale: "Let the quests fail, and do not be found out." },
};

/** The roles that a table may add. */
export const CHOICES = ["percival", "morgana", "mordred", "oberon"];

export const SIDES = { good: "Good", evil: "Evil" };

/** What one knows of another, as a short mark and as a sentence. */
export const MARKS = {
  evil: { short: "evil", long: "serves evil" },
  merlin_or_morgana: { short: "Merlin?", long: "is Merlin or Morgana" },
};

export const REASONS = {
  three_quests: "Three quests failed.",
  five_rejections: "Five teams in a row were rejected.",
  merlin_found: "The Assassin found Merlin.",
  merlin_safe: "Three quests succeeded, and Merlin stayed hidden.",
};

const PHASES = { lobby: "Gathering", proposal: "Choosing a team", vote: "Voting", quest: "On a quest", assassination: "The last blow", over: "Over" };

export function phaseName(phase) {
  return PHASES[phase] || phase;
}

export function roleName(role) {
  return ROLES[role] ? ROLES[role].name : role;
}

/** The name of a role where there is room for one word. */
export function roleWord(role) {
  return roleName(role).replace("Loyal s", "S").replace(" of Mordred", "");
}

/** The number of evil players by the number of all. */
export const EVIL = { 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 4 };

export const ROMAN = ["I", "II", "III", "IV", "V"];

export function count(n, one, many = one + "s") {
  return n + " " + (n === 1 ? one : many);
}

/** "Ann", "Ann and Bob", "Ann, Bob and Cid". */
export function names(list) {
  if (list.length < 2) return list.join("");
  return list.slice(0, -1).join(", ") + " and " + list[list.length - 1];
}
