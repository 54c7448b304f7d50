// Every page of a device: its state goes on, and a push turns it at once.
import { pushed } from "./states.js";
import { subscribe } from "./live.js";

const head = document.querySelector(".device-head[data-device]");
if (head) {
  subscribe([head.dataset.device], (event) => pushed(head.querySelector("[data-state]"), event.received_us));
}
