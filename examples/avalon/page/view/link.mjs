// The banner that lies over everything while there is no connection.

import { $, attr, text } from "../dom.mjs";

/** ms without a connection after which it is news. */
const PATIENCE = 600;

export function linkView(actions) {
  let timer;
  let since = 0;
  $("link-retry").addEventListener("click", actions.retry);

  return ({ session, link }) => {
    const banner = $("link");
    banner.dataset.link = link.state;
    clearInterval(timer);
    if (!session || link.state === "connected") {
      since = 0;
      banner.hidden = true;
      return;
    }
    since = since || Date.now();
    attr($("link-retry"), "hidden", link.state === "connecting" ? "" : null);
    const show = () => {
      text($("link-text"), words(link));
      banner.hidden = Date.now() - since < PATIENCE;
    };
    show();
    timer = setInterval(show, 200);
  };
}

function words({ state, retryAt }) {
  if (state === "connecting") return "Connecting…";
  if (state === "closed") return "You are not connected.";
  return `Connection lost. Next try in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s.`;
}
