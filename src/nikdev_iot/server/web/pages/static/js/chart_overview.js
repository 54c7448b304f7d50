// A thin strip of the whole history below the charts: where one is, and a way to elsewhere.

import { readJson, toColumns, toSeries } from "./chart_data.js";
import { betweenTimes, faint, fieldColor, token } from "./chart_format.js";
import { canvasContext, element } from "./chart_parts.js";
import { gutters } from "./chart_plot.js";
import { time } from "./range.js";

const POINTS = 300;
const EDGE_PX = 8;
const OLDEST_US = 0;

/** Find from when to when there is anything, and what it looks like from afar: `{startUs, endUs, series, field}`. */
export async function survey(source, fields, nowUs) {
  const chosen = fields.find((field) => field.kind === "number") ?? fields[0];
  let range = { startUs: OLDEST_US, endUs: nowUs };
  for (let round = 0; round < 5; round += 1) {
    const data = await readJson(source.url(range.startUs, range.endUs, POINTS, [chosen.id]));
    const series = toSeries(data.fields[chosen.id], data.every_us);
    const firsts = [series.times[0], series.states[0]?.[0]].filter((us) => us !== undefined);
    if (!firsts.length) return null;
    const first = Math.min(...firsts);
    const endUs = Math.max(data.newest_us ?? first, series.times.at(-1) ?? first) + 1;
    const isFine = data.every_us === 0 || data.every_us * 40 < endUs - first;
    if (isFine || round === 4) return { startUs: first, endUs, series, field: chosen };
    // Seen from too far: once more, from where the first bucket begins.
    range = { startUs: first, endUs };
  }
  return null;
}

export class Overview {
  constructor(view) {
    this.view = view;
    this.root = element("div", "overview");
    this.root.setAttribute("aria-hidden", "true"); // the same is done with keys on each chart, and with the bar
    this.canvas = this.root.appendChild(element("canvas"));
    this.window = this.root.appendChild(element("div", "overview-window"));
    this.window.hidden = true;
    this.root.addEventListener("pointerdown", (event) => this.#press(event));
    this.root.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.root.addEventListener(name, () => { this.drag = null; });
  }

  async load() {
    try {
      this.found = await survey(this.view.source, this.view.fields, time.nowUs());
    } catch {
      return; // the strip stays empty; the charts say what is wrong
    }
    if (this.found) time.setExtent(this.found.startUs, this.found.endUs);
    this.draw();
  }

  get extent() { return time.whole; }

  get inset() { return gutters(this.root.clientWidth, this.view); }

  draw() {
    const made = canvasContext(this.canvas);
    const { extent } = this;
    if (!made || !extent) return;
    const { ctx, width, height } = made;
    const { left, right } = this.inset;
    const inner = width - left - right;
    ctx.fillStyle = faint(token("well"), 0.7);
    ctx.fillRect(left, 0, inner, height);
    if (this.found?.series.times.length) this.#line(ctx, left, inner, height, extent);
    this.root.title = `All values: ${betweenTimes(extent.startUs, extent.endUs)}`;
    this.update();
  }

  #line(ctx, left, inner, height, extent) {
    const { series, field } = this.found;
    const [xs, mean, low, high] = toColumns([series]);
    const lows = low.filter((value) => value !== undefined && value !== null);
    const highs = high.filter((value) => value !== undefined && value !== null);
    const bottom = Math.min(...(lows.length ? lows : series.mean));
    const top = Math.max(...(highs.length ? highs : series.mean));
    const y = (value) => (top === bottom ? height / 2 : height - 4 - ((value - bottom) / (top - bottom)) * (height - 8));
    const x = (ms) => left + ((ms * 1e3 - extent.startUs) / (extent.endUs - extent.startUs)) * inner;
    ctx.fillStyle = faint(fieldColor(field), 0.25);
    ctx.strokeStyle = fieldColor(field);
    ctx.lineWidth = 1;
    ctx.beginPath();
    let isOn = false;
    xs.forEach((ms, n) => {
      if (mean[n] === null) { isOn = false; return; }
      if (low[n] !== undefined) ctx.fillRect(x(ms) - 0.75, y(high[n]), 1.5, Math.max(1, y(low[n]) - y(high[n])));
      ctx[isOn ? "lineTo" : "moveTo"](x(ms), y(mean[n]));
      if (!isOn) ctx.lineTo(x(ms) + 1, y(mean[n]));
      if (!isOn && (mean[n + 1] ?? null) === null) ctx.fillRect(x(ms) - 1.5, y(mean[n]) - 1.5, 3, 3);
      isOn = true;
    });
    ctx.stroke();
  }

  /** Move the window to where the charts are. */
  update() {
    const { extent } = this;
    if (!extent) return;
    const { left, right } = this.inset;
    const inner = this.root.clientWidth - left - right;
    const span = extent.endUs - extent.startUs;
    const from = left + Math.max(0, Math.min(1, (time.startUs - extent.startUs) / span)) * inner;
    const to = left + Math.max(0, Math.min(1, (time.endUs - extent.startUs) / span)) * inner;
    const wide = Math.max(4, to - from);
    this.window.hidden = false;
    this.window.style.transform = `translateX(${Math.min(from, left + inner - wide)}px)`;
    this.window.style.width = `${wide}px`;
  }

  #at(event) {
    const { left, width } = this.root.getBoundingClientRect();
    const side = this.inset;
    const { extent } = this;
    return extent.startUs + ((event.clientX - left - side.left) / (width - side.left - side.right)) * (extent.endUs - extent.startUs);
  }

  #press(event) {
    if (event.button !== 0 || !this.extent) return;
    const us = this.#at(event);
    const box = this.window.getBoundingClientRect();
    const isWide = box.width > 4 * EDGE_PX;
    const edge = !isWide ? null : Math.abs(event.clientX - box.left) < EDGE_PX ? "startUs" : Math.abs(event.clientX - box.right) < EDGE_PX ? "endUs" : null;
    if (!edge && (us < time.startUs || us > time.endUs)) {
      const startUs = Math.round(us - time.spanUs / 2);
      time.set({ startUs, endUs: startUs + time.spanUs });
    }
    this.drag = { us, startUs: time.startUs, endUs: time.endUs, edge };
    this.root.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (!this.drag) return;
    const by = this.#at(event) - this.drag.us;
    if (Math.abs(by) < 1) return;
    const { startUs, endUs, edge } = this.drag;
    const range = {
      startUs: Math.round(edge === "endUs" ? startUs : startUs + by),
      endUs: Math.round(edge === "startUs" ? endUs : endUs + by),
    };
    if (range.endUs - range.startUs > 1000) time.set(range);
  }
}
