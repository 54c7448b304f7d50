// What every page does: copy buttons, ages that go on, times in the viewer's zone, errors of htmx as a note.

export function csrf() {
  return document.body.dataset.csrf ?? "";
}

/** Show a line at the edge of the page for a moment. */
export function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("notes").append(line);
  setTimeout(() => line.remove(), 6000);
}

/** An age in words, as the server says it: `3 s ago`. */
export function age(us) {
  return us < 0 ? `in ${howLong(-us)}` : `${howLong(us)} ago`;
}

/** How long something took, as the server says it: `3 s`, `2 days`. */
export function howLong(us) {
  const seconds = Math.max(0, Math.floor(us / 1e6));
  for (const [unit, length] of [["years", 31557600], ["days", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

const local = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

// <time data-us="…">: the viewer's zone, exact UTC on hover. <time data-us="…" data-age>: an age that goes
// on; with data-age="for", how long ago without the "ago".
export function freshen(root = document) {
  const nowUs = Date.now() * 1000;
  for (const item of root.querySelectorAll("time[data-us]")) {
    const us = Number(item.dataset.us);
    const text = "age" in item.dataset ? (item.dataset.age === "for" ? howLong : age)(nowUs - us) : local.format(new Date(us / 1000));
    if (item.textContent !== text) item.textContent = text;
    if (!item.title) item.title = new Date(us / 1000).toISOString();
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = button.dataset.copy.startsWith("#") ? document.querySelector(button.dataset.copy)?.textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText((source ?? "").trim());
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  } catch {
    tell("The browser did not allow copying; select the text and copy it by hand.");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable]")) {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("htmx:afterSwap", (event) => freshen(event.detail.target ?? document));
document.addEventListener("htmx:responseError", (event) => {
  const part = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  tell(part.body.textContent.trim() || "The server refused that.");
});
document.addEventListener("htmx:sendError", () => tell("The server cannot be reached at the moment."));
// What can wait until all else of the page is there.
addEventListener("load", () => {
  const { late } = document.body.dataset;
  if (late) document.head.append(Object.assign(document.createElement("script"), { src: late }));
});
freshen();
setInterval(freshen, 1000);
