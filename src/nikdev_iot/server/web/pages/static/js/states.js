// Keeps the states of devices going: online, silent since …, never seen. As server/accounts/states.py says it.
import { freshen } from "./page.js";

export function showState(mark, nowUs = Date.now() * 1000) {
  const pushedUs = Number(mark.dataset.lastPushUs);
  const word = !mark.dataset.lastPushUs ? "never" : nowUs - pushedUs < Number(mark.dataset.silentAfterS) * 1e6 ? "online" : "silent";
  const isNew = !mark.classList.contains(word);
  if (!isNew && word !== "silent") return;
  const time = mark.querySelector("time");
  if (!isNew && time?.dataset.us === mark.dataset.lastPushUs) return;
  mark.classList.remove("online", "silent", "never");
  mark.classList.add(word);
  if (word !== "silent") { mark.textContent = word === "online" ? "online" : "never seen"; return; }
  const since = document.createElement("time");
  since.dataset.us = mark.dataset.lastPushUs;
  since.dataset.age = "";
  mark.replaceChildren("silent since ", since);
  freshen(mark);
}

/** A push of this device was just received. */
export function pushed(mark, receivedUs) {
  mark.dataset.lastPushUs = String(receivedUs);
  showState(mark);
}

setInterval(() => { for (const mark of document.querySelectorAll("[data-state]")) showState(mark); }, 5000);
