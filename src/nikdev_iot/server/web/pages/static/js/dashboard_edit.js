// Arranging a dashboard: by pointer, by keyboard, and saved as one goes, unless somebody else was faster.
import { csrf, tell } from "./page.js";
import { moved, placeOf, resized, same, setPlace, stepped } from "./grid.js";

const SAVE_AFTER_MS = 500;
const board = document.querySelector(".board.editing");
const saved = document.getElementById("saved");
const note = document.getElementById("changed");
const mine = document.getElementById("mine");
let places = new Map();
let version = Number(board?.dataset.version);
let isSaving = false;
let isDirty = false;
let isStopped = false;
let timer = 0;

const tileOf = (id) => board.querySelector(`[data-tile="${id}"]`);

function show(next) {
  places = next;
  for (const [id, place] of places) setPlace(tileOf(id), place);
}

function put(next) {
  if (same(places, next)) return;
  show(next);
  isDirty = true;
  saved.textContent = "";
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_AFTER_MS);
}

async function save() {
  if (isSaving || !isDirty || isStopped) return;
  isSaving = true;
  isDirty = false;
  try {
    const answer = await fetch(board.dataset.layout, {
      method: "POST",
      headers: { accept: "application/json", "x-csrf-token": csrf(), "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ version, places: JSON.stringify(Object.fromEntries(places)) }),
    });
    const said = await answer.json();
    if (answer.ok) {
      setVersion(said.version);
      saved.textContent = isDirty ? "" : "Saved";
    } else if (answer.status === 409 && said.version) {
      isDirty = isStopped = true;
      note.hidden = false;
      mine.hidden = false;
      mine.onclick = () => {
        setVersion(said.version);
        isStopped = false;
        note.hidden = true;
        save();
      };
      note.scrollIntoView({ block: "nearest" });
    } else throw new Error(said.message);
  } catch (error) {
    isDirty = true;
    saved.textContent = "Not saved yet";
    tell(`${error.message ?? "The server cannot be reached."} What you arranged is still here, and is saved with your next move.`);
  } finally {
    isSaving = false;
    if (isDirty && !isStopped && saved.textContent === "") save();
  }
}

function setVersion(number) {
  version = number;
  for (const field of document.querySelectorAll("input[data-version]")) field.value = number;
}

/** How large a step is, in px: a column and a row with their gaps. */
function cell() {
  const style = getComputedStyle(board);
  const gap = parseFloat(style.columnGap);
  return { width: (board.clientWidth + gap) / 12, height: parseFloat(style.gridAutoRows) + parseFloat(style.rowGap) };
}

function drag(event, id, isResize) {
  if (event.button !== 0) return;
  event.preventDefault();
  const tile = tileOf(id);
  const handle = event.currentTarget;
  const begin = places;
  const from = begin.get(id);
  const { width, height } = cell();
  const [startX, startY] = [event.pageX, event.pageY];
  handle.setPointerCapture(event.pointerId);
  tile.classList.add("taken");
  let next = begin;
  const move = ({ pageX, pageY }) => {
    const [dx, dy] = [Math.round((pageX - startX) / width), Math.round((pageY - startY) / height)];
    next = isResize
      ? resized(begin, id, { w: from.w + dx, h: from.h + dy })
      : moved(begin, id, { x: from.x + dx, y: from.y + dy });
    show(next);
    tile.classList.add("taken");
  };
  const end = ({ type }) => {
    handle.removeEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) handle.removeEventListener(name, end);
    tile.classList.remove("taken");
    show(begin);
    if (type === "pointerup") put(next);
  };
  handle.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, end);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function step(event, id) {
  const arrow = ARROWS[event.key];
  if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const [dx, dy] = arrow;
  const { w, h } = places.get(id);
  put(event.shiftKey ? resized(places, id, { w: w + dx, h: h + dy }) : stepped(places, id, dx, dy));
  const now = places.get(id);
  saved.textContent = `Column ${now.x + 1}, row ${now.y + 1}, ${now.w} by ${now.h}`;
  event.currentTarget.focus();
}

if (board) {
  document.getElementById("how").hidden = false;
  for (const tile of board.querySelectorAll(".tile")) {
    const id = tile.dataset.tile;
    places.set(id, placeOf(tile));
    const [handle, tools, corner] = [tile.querySelector(".move"), tile.querySelector(".tools"), tile.querySelector(".corner")];
    handle.hidden = corner.hidden = false;
    handle.addEventListener("keydown", (event) => step(event, id));
    tools.addEventListener("pointerdown", (event) => { if (!event.target.closest("a, details")) drag(event, id, false); });
    corner.addEventListener("pointerdown", (event) => drag(event, id, true));
  }
  addEventListener("beforeunload", (event) => { if (isDirty || isSaving) event.preventDefault(); });
}
