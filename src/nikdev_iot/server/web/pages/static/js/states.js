// Keeps the states of devices going: online, silent for …, never seen. As server/accounts/states.py says it.
import { freshen } from "./page.js";

export function showState(mark, nowUs = Date.now() * 1000) {
  const { lastPushUs, silentAfterS } = mark.dataset;
  const word = !lastPushUs ? "never" : nowUs - Number(lastPushUs) < Number(silentAfterS) * 1e6 ? "online" : "silent";
  let time = mark.querySelector("time");
  if (!mark.classList.contains(word)) {
    mark.classList.remove("online", "silent", "never");
    mark.classList.add(word);
    if (word === "never") return mark.replaceChildren("never seen");
    time ??= document.createElement("time");
    time.dataset.age = word === "silent" ? "for" : "";
    mark.replaceChildren(word === "silent" ? "silent for " : "online, pushed ", time);
    freshen(mark);
  }
  if (!time || time.dataset.us === lastPushUs) return;
  time.dataset.us = lastPushUs;
  time.title = "";
  freshen(mark);
}

/** A push of this device was just received; null: there is nothing new to say of when. */
export function pushed(mark, receivedUs) {
  if (!receivedUs || receivedUs < Number(mark.dataset.lastPushUs ?? 0)) return;
  mark.dataset.lastPushUs = String(receivedUs);
  showState(mark);
}

setInterval(() => { for (const mark of document.querySelectorAll("[data-state]")) showState(mark); }, 5000);

/** The age line of a value: `silent for 2 days`, or else `3 s ago`. */
export function showAge(line, isSilent) {
  line.querySelector(".silence").hidden = !isSilent;
  const time = line.querySelector("time");
  const way = isSilent ? "for" : "";
  if (time.dataset.age === way) return;
  time.dataset.age = way;
  freshen(line);
}
