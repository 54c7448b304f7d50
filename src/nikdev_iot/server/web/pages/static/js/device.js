// Every page of a device: its state goes on, and a push turns it at once.
import { tell } from "./page.js";
import { pushed } from "./states.js";
import { subscribe } from "./live.js";

const head = document.querySelector(".device-head[data-device]");
// On a phone the tabs scroll sideways; the one shown is to be seen.
const tabs = document.querySelector(".tabs");
const tab = tabs?.querySelector("[aria-current]");
if (tab && tabs.scrollWidth > tabs.clientWidth) tabs.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - tabs.clientWidth / 2;

if (head) {
  subscribe([head.dataset.device], (event) => {
    if (event.gone) tell("This device was deleted, or you may no longer see it.");
    pushed(head.querySelector("[data-state]"), event.received_us);
  });
}
