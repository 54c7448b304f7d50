// Fields: another colour is chosen by picking it; the order is changed by dragging, by arrow keys and by buttons.
import { csrf, tell } from "./page.js";
import "./refusals.js";

const list = document.querySelector(".fields");
const said = document.getElementById("moved");
const offset = Number(list?.dataset.start ?? 0);

document.addEventListener("input", (event) => {
  if (event.target.name === "own_color") event.target.form.querySelector("[name=color][value=own]").checked = true;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.color[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

function settle() {
  const rows = [...list.children];
  rows.forEach((row, at) => {
    const [up, down] = row.querySelectorAll("button[name=direction]");
    if (!up) return;
    up.disabled = at === 0 && offset === 0;
    down.disabled = at === rows.length - 1 && !list.dataset.behind;
    row.querySelector(".handle").hidden = false;
  });
}

function placeOf(row) {
  return offset + [...list.children].indexOf(row) + 1;
}

function say(row) {
  said.textContent = `${row.dataset.name} is now ${placeOf(row)} of ${list.dataset.count}.`;
}

/** Put a row before another one, or at the end, here and on the server; where that refuses, it goes back. */
async function put(row, before, back = row.nextElementSibling) {
  const focused = document.activeElement;
  list.insertBefore(row, before);
  settle();
  if (row.contains(focused)) (focused.disabled ? row.querySelector(".handle") : focused).focus();
  say(row);
  await send(row, before, back);
}

async function send(row, before, back) {
  let told = "";
  try {
    const answer = await fetch(list.dataset.move, {
      method: "POST",
      keepalive: true, // also where the page is left at once
      headers: { "x-csrf-token": csrf(), accept: "application/json", "hx-request": "true" },
      body: new URLSearchParams({ field: row.dataset.field, before: before?.dataset.field ?? list.dataset.behind }),
    });
    if (!answer.ok) told = (await answer.json()).message;
  } catch {
    told = "The server cannot be reached at the moment.";
  }
  if (!told) return;
  list.insertBefore(row, back?.parentNode === list ? back : null);
  settle();
  tell(`${told} The order is as it was.`);
}

function step(row, up) {
  const before = up ? row.previousElementSibling : row.nextElementSibling?.nextElementSibling ?? null;
  const isHere = Boolean(up ? row.previousElementSibling : row.nextElementSibling);
  if (isHere) put(row, before);
  return isHere;
}

function drag(event) {
  const handle = event.target.closest(".handle");
  if (!handle || event.button) return;
  const row = handle.closest("li");
  const back = row.nextElementSibling;
  handle.setPointerCapture(event.pointerId);
  row.classList.add("moving");
  const over = (moved) => {
    const edge = moved.clientY < 48 ? -12 : moved.clientY > innerHeight - 48 ? 12 : 0;
    if (edge) scrollBy(0, edge);
    const previous = row.previousElementSibling;
    const next = row.nextElementSibling;
    // The neighbours move, not the row: taken out of the page, it would lose the pointer.
    if (previous && moved.clientY < middle(previous)) list.insertBefore(previous, next);
    else if (next && moved.clientY > middle(next)) list.insertBefore(next, row);
  };
  const end = () => {
    handle.removeEventListener("pointermove", over);
    row.classList.remove("moving");
    settle();
    handle.focus();
    if (row.nextElementSibling === back) return;
    say(row);
    send(row, row.nextElementSibling, back);
  };
  handle.addEventListener("pointermove", over);
  handle.addEventListener("lostpointercapture", end, { once: true });
}

function middle(row) {
  const box = row.getBoundingClientRect();
  return box.top + box.height / 2;
}

if (list?.querySelector(".handle")) {
  settle();
  list.addEventListener("pointerdown", drag);
  list.addEventListener("keydown", (event) => {
    if (!event.target.closest(".handle") || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    step(event.target.closest("li"), event.key === "ArrowUp");
  });
  list.addEventListener("submit", (event) => {
    if (!event.target.matches(".move") || !event.submitter) return;
    // To another page the server moves it, and shows it there.
    if (step(event.target.closest("li"), event.submitter.value === "up")) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", settle);
}
