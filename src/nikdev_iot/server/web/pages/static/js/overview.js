// The overview of a device: its tiles, live, and the first value, which takes the place of "waiting for the first value…".
import { figure } from "./figures.js";
import { subscribe } from "./live.js";
import { freshen } from "./page.js";
import { time } from "./range.js";
import { showAge } from "./states.js";
import "./spark.js";

const POINTS = 120;
let asking = 0;
let asked = 0;
const REFRESH_MS = 60_000;
const device = document.querySelector(".device-head[data-device]").dataset.device;
const place = `/admin/devices/${device}`;

function take({ latest, points, preview, reload }) {
  if (!latest) return;
  if (reload) askTiles();
  if (document.querySelector("[data-first]")) showFirst();
  for (const [field, [timeUs, value]] of Object.entries(latest)) {
    const tile = document.querySelector(`.tile[data-field="${CSS.escape(field)}"]`);
    if (tile) {
      markAhead(tile, timeUs, preview?.includes(field), points?.[field]);
      renew(tile, timeUs, value, points?.[field]);
    }
  }
}

/** Say that a value is shown ahead of its history; no more so once it, or a newer one, has come with it. */
function markAhead(tile, timeUs, isAhead, points) {
  const knownUs = Number(tile.dataset.timeUs);
  const mark = tile.querySelector(".ahead");
  if (isAhead && timeUs >= knownUs) {
    if (mark.hidden) mark.textContent = "ahead of waiting commits";
    mark.hidden = false;
  } else if (timeUs > knownUs || points?.some(([us]) => us >= knownUs)) mark.hidden = true;
}

function renew(tile, timeUs, value, points) {
  const decimals = tile.dataset.decimals === undefined ? null : Number(tile.dataset.decimals);
  const show = (number) => figure(number, decimals, "float" in tile.dataset);
  const knownUs = Number(tile.dataset.timeUs);
  if (timeUs > knownUs) {
    tile.dataset.timeUs = timeUs;
    const text = tile.querySelector(".figure");
    text.textContent = show(value).slice(0, 200);
    text.classList.toggle("long", text.textContent.length > 8);
    text.title = String(value).slice(0, 500);
    const when = tile.querySelector("time");
    when.dataset.us = timeUs;
    when.title = "";
    freshen(tile);
    showSilence();
  }
  const spark = tile.querySelector("nikdev-spark");
  if (!spark || !time.live) return;
  const fresh = (points ?? [[timeUs, value]]).filter(([us, number]) => us > knownUs && typeof number === "number");
  if (!fresh.length) return;
  const from = time.startUs / 1e6;
  const values = [...JSON.parse(spark.getAttribute("values") ?? "[]"), ...fresh.map(([us, number]) => [us / 1e6, number])];
  spark.values = values.filter(([at]) => at >= from).slice(-POINTS);
  const [low, high] = [tile.querySelector(".low"), tile.querySelector(".high")];
  if (!low) return;
  for (const [, number] of fresh) {
    if (number < shown(low)) write(low, show(number), "lowest");
    if (number > shown(high)) write(high, show(number), "highest");
  }
}

const shown = (place) => Number(place.textContent.replace("−", "-"));

function write(place, text, word) {
  place.textContent = text;
  place.title = `${text}, the ${word} of the range shown`;
}

function showSilence() {
  const tiles = document.getElementById("tiles");
  if (!tiles) return;
  const oldest = Date.now() * 1000 - Number(tiles.dataset.silentAfterS) * 1e6;
  for (const tile of tiles.querySelectorAll(".tile")) showAge(tile.querySelector(".age"), Number(tile.dataset.timeUs) <= oldest);
}

// Lowest, highest and sparkline are those of the range that the charts show.
function askTiles() {
  if (!document.getElementById("tiles") || !location.pathname.endsWith(device)) return;
  asked = performance.now();
  window.htmx?.ajax("GET", place + location.search, { target: "#tiles", swap: "outerHTML" });
}
time.addEventListener("range", ({ detail: { by } }) => {
  if (by === "address" || by === "extent") return;
  if (by === "tick") {
    if (performance.now() - asked > REFRESH_MS && !document.hidden) askTiles();
    return;
  }
  clearTimeout(asking);
  asking = setTimeout(askTiles, 500); // when the address has it
});

let isShowing = false;
async function showFirst() {
  if (isShowing) return;
  isShowing = true;
  try {
    const answer = await fetch(place);
    if (!answer.ok) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#overview");
    if (!found?.querySelector("#tiles")) return;
    const made = document.adoptNode(found);
    const here = document.getElementById("overview");
    if (here) here.replaceWith(made);
    else {
      const home = document.querySelector(".first-place");
      home.replaceChildren(made);
      home.closest(".connect").classList.add("connected");
      home.scrollIntoView({ block: "start" });
    }
    window.htmx?.process(made);
    freshen();
    showSilence();
  } finally {
    isShowing = false;
  }
}

subscribe([device], take);
setInterval(showSilence, 5000);
