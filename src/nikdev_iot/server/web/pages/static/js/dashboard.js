// A dashboard as it is looked at: newest values, gauges, sparklines and charts, all live; for those with the link, too.
import { sourceOf } from "./chart_data.js";
import { figure } from "./figures.js";
import { showGauge } from "./gauge.js";
import { freshen } from "./page.js";
import { bindAddress, time } from "./range.js";
import { showAge } from "./states.js";

const POINTS = 120;
const board = document.querySelector(".board");
const src = board?.dataset.src;
const tiles = new Map();

function take({ device, received_us, latest, points, reload }) {
  for (const [field, [timeUs, value]] of Object.entries(latest ?? {})) {
    for (const tile of tiles.get(`${device}/${field}`) ?? []) renew(tile, timeUs, value, points?.[field]);
    time.news(timeUs);
  }
  if (!board.querySelector("nikdev-chart")) return;
  const named = Object.fromEntries(Object.entries(points ?? {}).map(([field, list]) => [`${device}/${field}`, list]));
  const source = sourceOf(src, "");
  const mustReload = source.take({ points: named, received_us, reload });
  if (mustReload && time.live) [...source.charts][0]?.load();
  if (time.live) time.tick();
}

function renew(tile, timeUs, value, points) {
  if (!(Number(tile.dataset.timeUs) > timeUs)) {
    tile.dataset.timeUs = timeUs;
    const decimals = tile.dataset.decimals === undefined ? null : Number(tile.dataset.decimals);
    const text = tile.querySelector(".figure");
    text.textContent = figure(value, decimals, "float" in tile.dataset || !Number.isInteger(value)).slice(0, 200);
    text.title = String(value).slice(0, 500);
    const age = tile.querySelector(".age time");
    age.dataset.us = timeUs;
    age.title = "";
    freshen(tile);
    showSilence(tile);
    showGauge(tile, value);
  }
  const spark = tile.querySelector("nikdev-spark");
  if (!spark || !time.live) return;
  const fresh = (points ?? [[timeUs, value]]).filter(([, number]) => typeof number === "number");
  if (fresh.length) setSpark(spark, [...(spark.points ?? []), ...fresh]);
}

function setSpark(spark, points) {
  spark.points = points.filter(([us]) => us >= time.startUs).slice(-2 * POINTS);
  spark.values = spark.points;
}

function showSilence(tile) {
  const line = tile.querySelector(".age");
  if (!line || tile.dataset.timeUs === undefined) return;
  showAge(line, time.nowUs() - Number(tile.dataset.timeUs) > Number(tile.dataset.silentAfterS) * 1e6);
}

let sparksAsked = 0;

/** One request for all sparklines, of the range that the charts show. */
async function loadSparks() {
  const wanted = [...tiles].filter(([, list]) => list.some((tile) => tile.querySelector("nikdev-spark")));
  if (!wanted.length) return;
  const number = (sparksAsked += 1);
  const [startUs, endUs] = [Math.floor(time.startUs), Math.ceil(time.endUs)];
  const ids = wanted.map(([key]) => encodeURIComponent(key)).join(",");
  const answer = await fetch(`${src}?fields=${ids}&start_us=${startUs}&end_us=${endUs}&points=${POINTS}`, { headers: { accept: "application/json" } });
  if (!answer.ok || number !== sparksAsked) return;
  const { fields } = await answer.json();
  for (const [key, list] of wanted) {
    const { times_us: times, mean, values } = fields[key] ?? {};
    const points = (times ?? []).map((us, at) => [us, Number((mean ?? values)[at])]);
    const lastUs = points.at(-1)?.[0] ?? 0;
    for (const tile of list) {
      const spark = tile.querySelector("nikdev-spark");
      if (spark) setSpark(spark, [...points, ...(time.live ? spark.points ?? [] : []).filter(([us]) => us > lastUs)]);
    }
  }
}

let sparking = 0;
function moved({ detail: { by } }) {
  if (by === "tick") return;
  clearTimeout(sparking);
  sparking = setTimeout(loadSparks, 300);
}

async function follow() {
  if (!board.dataset.live) {
    const devices = (board.dataset.devices ?? "").split(",").filter(Boolean);
    if (!devices.length) return;
    const { subscribe } = await import("./live.js");
    subscribe(devices, (event) => { if (!event.gone && event.type !== "gone") take(event.data ?? event); });
    return;
  }
  const stream = new EventSource(board.dataset.live);
  stream.addEventListener("values", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("changed", () => location.reload());
  stream.addEventListener("gone", () => lost(stream));
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) lost(stream); });
}

/** The server does not go on: because the link was withdrawn, or because too many look on at the moment. */
async function lost(stream) {
  stream.close();
  const answer = await fetch(`${src}?points=1`, { headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.status === 404) document.querySelector(".withdrawn").hidden = false;
  else setTimeout(follow, 30_000);
}

/** Give a chart what room its tile has: how many lines its legend takes is known once it is there. */
function fit(chart) {
  const tile = chart.closest(".tile");
  const place = tile.querySelector(".body") ?? tile;
  let height = Number(chart.getAttribute("height"));
  const measure = () => {
    if (!chart.querySelector("canvas")) return;
    const room = place.getBoundingClientRect().bottom - parseFloat(getComputedStyle(place).paddingBottom);
    const wanted = Math.max(60, Math.floor(height + room - chart.getBoundingClientRect().bottom + place.scrollTop));
    if (Math.abs(wanted - height) < 4) return;
    height = wanted;
    chart.setAttribute("height", height);
  };
  new ResizeObserver(() => requestAnimationFrame(measure)).observe(tile);
  sourceOf(src, "").addEventListener("data", () => requestAnimationFrame(() => requestAnimationFrame(measure)), { once: true });
}

function offerFullScreen() {
  const button = document.querySelector("[data-full]");
  const main = document.getElementById("main");
  if (!button || !main.requestFullscreen) return;
  button.hidden = false;
  button.addEventListener("click", () => main.requestFullscreen());
}

if (board) {
  bindAddress(board.dataset.range);
  time.addEventListener("range", moved);
  for (const tile of board.querySelectorAll(".tile[data-key]")) {
    const { key } = tile.dataset;
    tiles.set(key, [...(tiles.get(key) ?? []), tile]);
  }
  offerFullScreen();
  board.querySelectorAll("nikdev-chart").forEach(fit);
  // The charts ask first.
  queueMicrotask(loadSparks);
  requestAnimationFrame(() => setTimeout(follow));
  setInterval(() => { for (const list of tiles.values()) list.forEach(showSilence); }, 5000);
}
