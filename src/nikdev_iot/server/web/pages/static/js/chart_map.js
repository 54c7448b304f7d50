// A track of positions: Web Mercator on a canvas, with a graticule and a scale bar; no tiles, so it works offline.

import { lowerBound, readJson, toSeries, valueAt } from "./chart_data.js";
import { faint, fieldColor, formatNumber, longTime, token } from "./chart_format.js";
import { canvasContext, element, legendEntry } from "./chart_parts.js";
import { FONT } from "./chart_plot.js";
import { time } from "./range.js";

const EARTH_M = 40_075_016.686;
const STEPS = [90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5];
const PADDING_PX = 32;
const POINTS = 2000;
const MANY = 400;

/** Degrees to the unit square of Web Mercator. */
export function project(lat, lon) {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

export const latitudeOf = (y) => (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI;

/** A round length of at most `metres`. */
export function roundLength(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].map((n) => n * power).find((n) => n <= metres);
}

/** The positions of a range in their order; `isCut` where the line does not go on. Around 180° it goes on beyond. */
export function positions(lats, lons, startUs, endUs) {
  const found = [];
  let before = null;
  for (let at = lowerBound(lats.times, startUs - lats.every); at < lats.times.length && lats.times[at] < endUs; at += 1) {
    const us = lats.times[at];
    let other = lowerBound(lons.times, us);
    if (lons.times[other] !== us) continue;
    if (lats.times[at - 1] === us && lons.times[other + 1] === us) other += 1;
    const [lat, lon] = [lats.mean[at], lons.mean[other]];
    if (Math.abs(lat) > 90 || Math.abs(lon) > 540) continue;
    const turned = before === null ? lon : lon + 360 * Math.round((before.lon - lon) / 360);
    before = { us, lat, lon: turned, ...project(lat, turned), isCut: before === null || us - before.us > lats.reach };
    found.push(before);
  }
  return found;
}

/** Which part of the world fits the positions into a box of px: `{x, y, scale}`, scale in px for the whole world. */
export function fit(points, width, height) {
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // Not nearer than some 60 m, where a position that stands still would be a world of noise.
  const scale = Math.min((width - 2 * PADDING_PX) / Math.max(right - left, 1e-12), (height - 2 * PADDING_PX) / Math.max(bottom - top, 1e-12), (EARTH_M * width) / 60);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}

const degrees = (value, step, letters) => `${Math.abs(value).toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))}° ${value < 0 ? letters[1] : letters[0]}`;

export class Track {
  constructor(view, [lat, lon]) {
    Object.assign(this, { view, lat, lon });
    this.fields = [lat, lon];
    this.root = element("section", "panel");
    this.head = this.root.appendChild(element("header", "panel-head"));
    this.entries = this.fields.map((field) => legendEntry(this.head, field));
    this.area = this.root.appendChild(element("div", "map-area"));
    this.canvas = this.area.appendChild(element("canvas"));
    this.canvas.setAttribute("role", "img");
    this.note = this.area.appendChild(element("div", "plot-note"));
    this.area.addEventListener("pointermove", (event) => this.#point(event));
    this.area.addEventListener("pointerdown", (event) => this.#point(event));
    this.area.addEventListener("pointerleave", () => { if (!time.pinned) time.setCursor(null); });
  }

  draw() { this.update(); }

  update() {
    this.#refine();
    const [lats, lons] = this.fields.map((field) => this.series(field.id));
    this.points = lats && lons ? positions(lats, lons, time.startUs, time.endUs) : [];
    this.note.hidden = this.points.length > 0 || !this.view.source.loaded;
    this.note.textContent = "No position in this range.";
    this.#paint();
    this.showCursor();
  }

  series(id) { return this.fine?.get(id) ?? this.view.series(id); }

  /** A way of means would cut its corners: where the charts have buckets, positions are asked for once more, finer. */
  async #refine() {
    const { source } = this.view;
    const { loaded } = source;
    if (!loaded || loaded === this.refined) return;
    this.refined = loaded;
    this.abort?.abort();
    if (!loaded.every) {
      this.fine = null;
      return;
    }
    this.abort = new AbortController();
    try {
      const data = await readJson(source.url(loaded.startUs, loaded.endUs, POINTS, this.fields.map((field) => field.id)), this.abort.signal);
      this.fine = new Map(Object.entries(data.fields).map(([id, field]) => [id, toSeries(field, data.every_us)]));
      this.update();
    } catch {
      this.fine = null; // the coarse ones stay
    }
  }

  #paint() {
    const made = canvasContext(this.canvas);
    if (!made) return;
    const { ctx, width, height } = made;
    ctx.fillStyle = faint(token("well"), 0.6);
    ctx.fillRect(0, 0, width, height);
    const { points } = this;
    if (!points.length) return this.canvas.setAttribute("aria-label", "Map: no position in this range.");
    const at = (this.frame = fit(points, width, height));
    const place = (p) => [width / 2 + (p.x - at.x) * at.scale, height / 2 + (p.y - at.y) * at.scale];
    this.place = place;
    ctx.font = FONT;
    this.#graticule(ctx, width, height);
    ctx.lineJoin = ctx.lineCap = "round";
    ctx.lineWidth = points.length > MANY ? 1.25 : 1.75;
    ctx.strokeStyle = points.length > MANY ? faint(fieldColor(this.lat), 0.7) : fieldColor(this.lat);
    ctx.beginPath();
    for (const point of points) ctx[point.isCut ? "moveTo" : "lineTo"](...place(point));
    ctx.stroke();
    ctx.fillStyle = fieldColor(this.lat);
    points.forEach((point, n) => {
      if (!point.isCut || !(points[n + 1]?.isCut ?? true)) return;
      ctx.beginPath();
      ctx.arc(...place(point), 2, 0, 7);
      ctx.fill();
    });
    this.#end(ctx, points[0], "start", width);
    this.#end(ctx, points.at(-1), time.live ? "newest" : "end", width);
    this.#bar(ctx, width, height);
    const last = points.at(-1);
    this.canvas.setAttribute("aria-label", `Map of ${points.length} positions from ${longTime(points[0].us)} to ${longTime(last.us)}, the last at ${formatNumber(last.lat)}, ${formatNumber(last.lon)}.`);
  }

  #end(ctx, point, word, width) {
    const [x, y] = this.place(point);
    const isStart = word === "start";
    ctx.beginPath();
    ctx.arc(x, y, 5, 0, 7);
    ctx.fillStyle = isStart ? token("card") : fieldColor(this.lat);
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = isStart ? fieldColor(this.lat) : token("card");
    ctx.stroke();
    ctx.textBaseline = "middle";
    ctx.lineWidth = 3;
    ctx.strokeStyle = token("card");
    ctx.fillStyle = token("ink");
    const isAtEdge = x + 9 + ctx.measureText(word).width > width - 4;
    ctx.textAlign = isAtEdge ? "right" : "left";
    const at = [x + (isAtEdge ? -9 : 9), y + (isStart ? -1 : 1) * 8];
    ctx.strokeText(word, ...at);
    ctx.fillText(word, ...at);
    ctx.textAlign = "left";
  }

  #graticule(ctx, width, height) {
    const { x, y, scale } = this.frame;
    const spanLon = (width / scale) * 360;
    const step = STEPS.findLast((size) => spanLon / size <= Math.max(2, width / 110)) ?? 90;
    ctx.strokeStyle = token("line");
    ctx.fillStyle = token("quiet");
    ctx.lineWidth = 1;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    ctx.beginPath();
    const west = (x - width / 2 / scale - 0.5) * 360;
    for (let n = Math.ceil(west / step); n * step < west + spanLon; n += 1) {
      const px = Math.round(width / 2 + ((n * step) / 360 + 0.5 - x) * scale) + 0.5;
      ctx.moveTo(px, 0);
      ctx.lineTo(px, height);
      const lon = (((n * step + 180) % 360) + 360) % 360 - 180;
      if (px > 60 && px < width - 64) ctx.fillText(degrees(lon, step, "EW"), px + 4, 4);
    }
    const [north, south] = [latitudeOf(y - height / 2 / scale), latitudeOf(y + height / 2 / scale)];
    for (let n = Math.ceil(south / step); n * step < north; n += 1) {
      const py = Math.round(height / 2 + (project(n * step, 0).y - y) * scale) + 0.5;
      ctx.moveTo(0, py);
      ctx.lineTo(width, py);
      if (py > 24 && py < height - 20) ctx.fillText(degrees(n * step, step, "NS"), 4, py + 3);
    }
    ctx.stroke();
  }

  #bar(ctx, width, height) {
    const metresPerPx = (EARTH_M * Math.cos((latitudeOf(this.frame.y) * Math.PI) / 180)) / this.frame.scale;
    const length = roundLength(Math.min(140, width / 3) * metresPerPx);
    const px = length / metresPerPx;
    const [right, bottom] = [width - 12, height - 12];
    ctx.strokeStyle = ctx.fillStyle = token("ink");
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(right - px, bottom - 5);
    ctx.lineTo(right - px, bottom);
    ctx.lineTo(right, bottom);
    ctx.lineTo(right, bottom - 5);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(length >= 1000 ? `${length / 1000} km` : length >= 1 ? `${length} m` : `${Math.round(length * 100)} cm`, right, bottom - 6);
  }

  #point(event) {
    if (!this.points?.length || !this.place) return;
    const { left, top } = this.area.getBoundingClientRect();
    let [best, near] = [null, 40];
    for (const point of this.points) {
      const [x, y] = this.place(point);
      const apart = Math.hypot(x - (event.clientX - left), y - (event.clientY - top));
      if (apart < near) [best, near] = [point, apart];
    }
    const { every } = this.series(this.lat.id);
    time.setCursor(best ? best.us + every / 2 : null);
  }

  showCursor() {
    const us = time.cursorUs;
    const series = this.fields.map((field) => this.series(field.id));
    const found = series.map((one) => (us === null || !one ? null : valueAt(one, us, time.spanUs / 100)));
    const last = this.points?.at(-1);
    this.entries.forEach((entry, n) => {
      const at = us === null ? (last ? valueAt(series[n], last.us) : null) : found[n];
      const value = at === null ? null : series[n].exact[at];
      entry.show(value, null, at === null ? "" : longTime(series[n].times[at]));
    });
    const point = found[0] === null || !series[0] ? null : this.points.find((one) => one.us === series[0].times[found[0]]);
    if (!point && !this.hasCursor) return;
    this.#paint();
    this.hasCursor = Boolean(point);
    if (!point) return;
    const ctx = this.canvas.getContext("2d");
    ctx.beginPath();
    ctx.arc(...this.place(point), 7, 0, 7);
    ctx.lineWidth = 2.5;
    ctx.strokeStyle = token("ink");
    ctx.stroke();
  }

  remove() { this.abort?.abort(); }
}
