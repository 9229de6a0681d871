// The gate: a name is all that is asked.

import { $, storage, text } from "../dom.mjs";

const KEY = "avalon.name";

export function loginView(actions) {
  const name = $("name");
  name.value = lastName();
  $("login-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) return;
    keepName(wanted);
    actions.login(wanted);
  });
  let shown = false;

  return ({ session, problem, busy }) => {
    const before = shown;
    shown = !session;
    if (!shown) return;
    text($("login-problem"), problem);
    $("login-go").disabled = busy === "login";
    if (!before && matchMedia("(hover: hover)").matches) queueMicrotask(() => name.focus()); // no keyboard over half a phone
  };
}

function lastName() {
  try {
    return storage("localStorage").getItem(KEY) || "";
  } catch (err) {
    return "";
  }
}

function keepName(name) {
  try {
    storage("localStorage").setItem(KEY, name);
  } catch (err) {
    // the next time it is asked again
  }
}
