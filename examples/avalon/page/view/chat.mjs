// The talk at the table.

import { $, attr, each, el, text } from "../dom.mjs";
import { arms, icon } from "../art.mjs";
import { mySeat } from "../facts.mjs";

export function chatView(actions) {
  const lines = $("lines");
  const input = $("say-text");
  $("say-go").append(icon("send"));
  $("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = input.value.trim();
    if (!words) return;
    input.value = "";
    if (!(await actions.say(words)) && !input.value) input.value = words; // refused: nothing typed is lost
  });
  input.addEventListener("focus", actions.readChat);
  let last = 0;

  return (state) => {
    const down = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    each(lines, state.chat, (line) => state.table.id + "/" + line.id, makeLine, (item, line) => {
      item.dataset.mine = line.seat === mySeat(state);
    });
    lines.dataset.empty = state.chat.length === 0;
    const newest = state.chat.length ? state.chat[state.chat.length - 1].id : 0;
    if (newest !== last && down) lines.scrollTop = lines.scrollHeight;
    last = newest;
    const badge = $("unread");
    badge.hidden = state.unread === 0;
    text(badge, state.unread);
    attr(badge, "aria-label", state.unread + " unread");
  };
}

function makeLine({ id, seat, name, text: words, at }) {
  const when = new Date(at);
  return el("div", { className: "line", data: { line: id } }, arms(seat),
    el("span", { className: "line-who", textContent: name }),
    el("time", { dateTime: when.toISOString(), textContent: when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) }),
    el("span", { className: "line-text", textContent: words }));
}
