// A device's own pages: its state, the tiles of the overview, and the first value, all live.
import { freshen } from "./page.js";
import { figure } from "./figures.js";
import { pushed } from "./states.js";

const head = document.querySelector(".device-head[data-device]");
const device = head?.dataset.device;
const POINTS = 120;

function take({ received_us, latest, points }) {
  pushed(head.querySelector("[data-state]"), received_us);
  if (document.querySelector("[data-first]")) showFirst();
  for (const [field, [timeUs, value]] of Object.entries(latest ?? {})) {
    const tile = document.querySelector(`.tile[data-field="${CSS.escape(field)}"]`);
    if (tile) renew(tile, timeUs, value, points?.[field]);
  }
}

function renew(tile, timeUs, value, points) {
  const decimals = tile.dataset.decimals === undefined ? null : Number(tile.dataset.decimals);
  const show = (number) => figure(number, decimals, "float" in tile.dataset);
  if (Number(tile.dataset.timeUs) <= timeUs) {
    tile.dataset.timeUs = timeUs;
    const text = tile.querySelector(".figure");
    text.textContent = show(value).slice(0, 200);
    text.title = String(value).slice(0, 500);
    const time = tile.querySelector("time");
    time.dataset.us = timeUs;
    time.title = "";
    freshen(tile);
    showSilence();
  }
  const spark = tile.querySelector("nikdev-spark");
  if (!spark) return;
  const fresh = (points ?? [[timeUs, value]]).map((point) => point[1]).filter((number) => typeof number === "number");
  const values = [...JSON.parse(spark.getAttribute("values") ?? "[]"), ...fresh].slice(-POINTS);
  if (fresh.length && values.length > 1) spark.setAttribute("values", JSON.stringify(values));
  const [low, high] = [tile.querySelector(".low"), tile.querySelector(".high")];
  if (!low) return;
  for (const number of fresh) {
    if (number < Number(low.textContent)) low.textContent = show(number);
    if (number > Number(high.textContent)) high.textContent = show(number);
  }
}

function showSilence() {
  const tiles = document.getElementById("tiles");
  if (!tiles) return;
  const oldest = Date.now() * 1000 - Number(tiles.dataset.silentAfterS) * 1e6;
  for (const tile of tiles.querySelectorAll(".tile")) tile.querySelector(".silence").hidden = Number(tile.dataset.timeUs) > oldest;
}

let showing = false;
/** Put the overview, with tiles and charts, where "waiting for the first value…" stands. */
async function showFirst() {
  if (showing) return;
  showing = true;
  try {
    const answer = await fetch(`/admin/devices/${device}`);
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#overview");
    if (!found?.querySelector("#tiles")) return;
    const here = document.getElementById("overview") ?? document.querySelector(".first-place");
    if (here.id === "overview") here.replaceWith(document.adoptNode(found));
    else {
      here.replaceChildren(document.adoptNode(found));
      here.closest(".connect").classList.add("connected");
    }
    window.htmx?.process(document.getElementById("overview"));
    freshen();
    showSilence();
  } finally {
    showing = false;
  }
}

if (device) {
  void take;
  setInterval(showSilence, 5000);
}
