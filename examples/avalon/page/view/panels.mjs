// Role, chronicle and talk: sheets over the table on a phone, columns beside it on a wide screen.

import { $, attr } from "../dom.mjs";
import { icon } from "../art.mjs";

const WIDE = matchMedia("(min-width: 60rem)");
const ICONS = { role: "mask", votes: "scroll", chat: "chat" };

export function panelsView(actions) {
  const tabs = Array.from(document.querySelectorAll("[data-tab]"));
  const panels = Array.from(document.querySelectorAll("[data-panel]"));
  let open = "";
  for (const tab of tabs) {
    tab.prepend(icon(ICONS[tab.dataset.tab]));
    tab.addEventListener("click", () => actions.open(open === tab.dataset.tab ? "" : tab.dataset.tab));
  }
  $("shade").addEventListener("click", () => actions.open(""));
  addEventListener("keydown", (event) => event.key === "Escape" && open && actions.open(""));
  WIDE.addEventListener("change", () => actions.open(""));
  followKeyboard();

  return (state) => {
    const before = open;
    open = WIDE.matches ? "" : state.panel;
    for (const tab of tabs) attr(tab, "aria-expanded", String(tab.dataset.tab === open));
    for (const panel of panels) {
      panel.classList.toggle("open", panel.dataset.panel === open);
      panel.inert = !WIDE.matches && panel.dataset.panel !== open;
    }
    tabs[0].classList.toggle("news", !state.seen && Boolean(state.secret && state.secret.role));
    $("shade").hidden = open === "";
    $("board").inert = open !== "";
    if (open && open !== before && open === "chat") $("lines").scrollTop = $("lines").scrollHeight;
    if (!open && before) tabs.find((tab) => tab.dataset.tab === before).focus({ preventScroll: true });
  };
}

/** Some phones lay their keyboard over the page instead of making it smaller. */
function followKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  view.addEventListener("resize", () => {
    const covered = Math.max(0, innerHeight - view.height - view.offsetTop);
    document.documentElement.style.setProperty("--keyboard", covered.toFixed(0) + "px");
  });
}
