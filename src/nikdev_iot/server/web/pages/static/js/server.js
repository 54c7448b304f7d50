// The operator's page: its figures every few seconds, and how far a backup is.
import { freshen } from "./page.js";

const EVERY_MS = 5_000;
const COPYING_EVERY_MS = 500;
const form = document.getElementById("backup-form");
const state = document.getElementById("backup-state");
let isCopying = false;
let timer = 0;

async function renew() {
  clearTimeout(timer);
  try {
    if (!document.hidden) {
      const answer = await fetch("/admin/server/now");
      if (answer.redirected || answer.status === 401) return location.reload();
      if (answer.ok) show(await answer.text());
    }
  } catch {
    // The server may be starting again: what is shown is from before.
  }
  timer = setTimeout(renew, isCopying ? COPYING_EVERY_MS : EVERY_MS);
}

function show(text) {
  const next = new DOMParser().parseFromString(text, "text/html").getElementById("now");
  if (!next) return;
  const said = next.querySelector("#copying").textContent;
  if (isCopying && !said && state.textContent.startsWith("Copying")) {
    isCopying = false;
    state.textContent = "Copied; the browser is downloading it.";
  } else if (said) {
    isCopying = true;
    state.textContent = said;
  }
  document.getElementById("now").replaceWith(document.adoptNode(next));
  freshen();
}

form.addEventListener("submit", () => {
  isCopying = true;
  state.textContent = "Copying…";
  clearTimeout(timer);
  timer = setTimeout(renew, COPYING_EVERY_MS);
});
timer = setTimeout(renew, EVERY_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
