// Values as they come: one stream for a page, however many parts of it look on.
//
// subscribe(["device id", …] or "*", callback) returns a function that ends it. The callback gets
//   { device, received_us, latest: { field: [time_us, value] }, points: { field: [[time_us, value], …] } }
//   { device, latest, reload: true }   too much came to be told one by one, or some was missed: load the data again
//                                      (`latest` may be empty then, and `device` is "*" for whoever subscribed to that)
//   { …, preview: [field, …] }         of these, `latest` is shown ahead of history, and `points` are empty until it comes
//   { device, gone: true }             the device was deleted, or may no longer be seen
// While the page is hidden nothing comes; when it is shown again, `reload` does.

import { tell } from "./page.js";

const HIDDEN_FOR_MS = 5000;
const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 60000;

const subscribers = new Set(); // of { devices: Set or "*", callback }
let source = null;
let sourceDevices = "";
let connected = new Set(); // devices (or "*") that were told of at some time: after a break they miss something
let changing = 0;
let hiding = 0;
let retrying = 0;
let retryMs = FIRST_RETRY_MS;
let isOver = false;

export function subscribe(devices, callback) {
  const subscriber = { devices: devices === "*" ? "*" : new Set(devices), callback };
  subscribers.add(subscriber);
  change();
  return () => {
    subscribers.delete(subscriber);
    change();
  };
}

function wanted() {
  const all = new Set();
  for (const { devices } of subscribers) {
    if (devices === "*") return ["*"];
    for (const device of devices) all.add(device);
  }
  return [...all].sort();
}

/** Follow the subscribers, once for all that change at a time. */
function change() {
  if (changing) return;
  changing = setTimeout(() => {
    changing = 0;
    if (!document.hidden) connect();
  }, 100);
}

function connect() {
  const devices = wanted();
  if (isOver || (source && devices.join() === sourceDevices)) return;
  disconnect();
  if (!devices.length) return;
  sourceDevices = devices.join();
  const opened = new EventSource(`/admin/live?devices=${encodeURIComponent(sourceDevices)}`);
  source = opened;
  opened.addEventListener("open", () => {
    retryMs = FIRST_RETRY_MS;
    for (const device of devices) {
      if (connected.has(device)) give({ device, received_us: null, latest: {}, reload: true });
      connected.add(device);
    }
  });
  opened.addEventListener("values", (event) => give(JSON.parse(event.data)));
  opened.addEventListener("gone", (event) => gone(JSON.parse(event.data)));
  opened.addEventListener("error", () => {
    // While it is connecting, the browser tries again by itself; what was refused is tried by us, now and then.
    if (opened !== source || opened.readyState !== EventSource.CLOSED) return;
    disconnect();
    retrying = setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
    retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
  });
}

function disconnect() {
  clearTimeout(retrying);
  source?.close();
  source = null;
  sourceDevices = "";
}

function give(event) {
  for (const { devices, callback } of [...subscribers]) {
    if (devices !== "*" && event.device !== "*" && !devices.has(event.device)) continue;
    try {
      callback(event);
    } catch (error) {
      console.error(error);
    }
  }
}

function gone({ device }) {
  disconnect();
  if (!device) {
    isOver = true;
    tell("You are no longer signed in: values stand still. Load the page again to sign in.");
    return;
  }
  give({ device, latest: {}, gone: true });
  connected.delete(device);
  for (const { devices } of subscribers) if (devices !== "*") devices.delete(device);
  change();
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(disconnect, HIDDEN_FOR_MS);
  else connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => {
  if (event.persisted) connect();
});
