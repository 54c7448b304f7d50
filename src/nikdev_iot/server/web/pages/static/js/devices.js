// The list of devices: sparklines of the rows on the screen, fetched in batches, and live values.
import { freshen } from "./page.js";
import { pushed } from "./states.js";
import { figure } from "./figures.js";
import { subscribe } from "./live.js";
import "./spark.js";

const BATCH = 40;
const POINTS = 96;
const MAX_NAMED = 150;
const waiting = new Set();
const rowOf = new Map();
let timer = 0;

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) { waiting.delete(target); continue; }
    if (!target.dataset.sparks && target.querySelector("nikdev-spark")) waiting.add(target);
  }
  if (waiting.size && !timer) timer = setTimeout(fetchSparks, 60);
}, { rootMargin: "200px" });

// The next rows are fetched before the end of these comes into view. (htmx's own "revealed" looks at the scroll position
// five times a second, and missed an end that moved while rows took their true heights.)
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) target.dispatchEvent(new Event("near"));
}, { rootMargin: "800px" });

async function fetchSparks() {
  timer = 0;
  const rows = [...waiting].slice(0, BATCH);
  if (!rows.length) return;
  for (const row of rows) { waiting.delete(row); row.dataset.sparks = "1"; }
  try {
    const ids = rows.map((row) => row.dataset.device).join(",");
    const answer = await fetch(`/admin/sparks?devices=${ids}`, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    for (const row of rows) {
      const hours = found[row.dataset.device];
      for (const value of row.querySelectorAll(".value[data-field]")) draw(value, hours?.fields[value.dataset.field]);
      if (hours?.lost) tellOfGap(row, hours.lost);
    }
  } catch {
    for (const row of rows) delete row.dataset.sparks; // again when it is next scrolled to
  }
  if (waiting.size) timer = setTimeout(fetchSparks, 60);
}

function tellOfGap(row, count) {
  const mark = document.createElement("a");
  mark.className = "gap";
  mark.href = `/admin/devices/${row.dataset.device}/commits`;
  mark.textContent = count === 1 ? "1 commit lost" : `${count > 9999 ? String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f") : count} commits lost`;
  mark.title = "The device declared a gap within the last hours";
  row.querySelector(".about").append(mark);
}

function draw(value, points) {
  const spark = value.querySelector("nikdev-spark");
  if (!spark) return;
  value.points = points ? points[0].map((at, i) => [at, points[1][i]]) : [];
  show(spark, value.points);
}

function show(spark, points) {
  if (points.length > 1) spark.setAttribute("values", JSON.stringify(points.map((point) => point[1])));
}

function take({ device, received_us, latest, points, gone }) {
  const row = rowOf.get(device);
  if (!row?.isConnected) return;
  if (gone) return row.remove();
  pushed(row.querySelector("[data-state]"), received_us);
  for (const [field, [timeUs, last]] of Object.entries(latest ?? {})) {
    const value = row.querySelector(`.value[data-field="${CSS.escape(field)}"]`);
    if (!value || Number(value.dataset.timeUs) >= timeUs) continue;
    value.dataset.timeUs = timeUs;
    const text = value.querySelector(".figure");
    const decimals = value.dataset.decimals === undefined ? null : Number(value.dataset.decimals);
    text.textContent = figure(last, decimals, "float" in value.dataset).slice(0, 60);
    text.title = String(last).slice(0, 200);
    const spark = value.querySelector("nikdev-spark");
    if (!spark || !value.points) continue;
    for (const [at, number] of points?.[field] ?? [[timeUs, last]]) if (typeof number === "number") value.points.push([at / 1e6, number]);
    value.points.splice(0, value.points.length - POINTS);
    show(spark, value.points);
  }
}

// Few devices are named; with many rows, the stream tells of all.
const known = new Set();
let unsubscribe = null;
function watch() {
  const rows = [...document.querySelectorAll(".device[data-device]")];
  rowOf.clear();
  for (const row of rows) {
    rowOf.set(row.dataset.device, row);
    seen.observe(row);
  }
  const before = known.size;
  for (const row of rows) known.add(row.dataset.device);
  if (known.size === before || (unsubscribe && before > MAX_NAMED)) return;
  unsubscribe?.();
  unsubscribe = subscribe(known.size > MAX_NAMED ? "*" : [...known], take);
}

// Rows that come while one scrolls: a device whose state has changed meanwhile may be there already.
document.addEventListener("htmx:afterSettle", () => {
  const ids = new Set();
  for (const row of document.querySelectorAll(".device[data-device]")) {
    if (ids.has(row.dataset.device)) row.remove();
    else ids.add(row.dataset.device);
  }
  watch();
  watchEnd();
  freshen();
});
function watchEnd() {
  for (const more of document.querySelectorAll(".more")) near.observe(more);
}
document.addEventListener("DOMContentLoaded", watchEnd); // htmx, which listens for the event, is ready then
document.addEventListener("htmx:configRequest", (event) => {
  for (const [name, value] of [...event.detail.formData]) if (value === "") event.detail.formData.delete(name);
});
document.addEventListener("click", (event) => {
  const summary = event.target.closest(".add > summary");
  if (summary && !summary.parentElement.open) requestAnimationFrame(() => summary.parentElement.querySelector("[name=name]").focus());
});
watch();
