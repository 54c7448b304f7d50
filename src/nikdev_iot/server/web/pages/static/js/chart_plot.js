// One plot of numbers: line of the mean, band from the lowest to the highest, breaks where nothing was measured.

/* global uPlot */
import { attach } from "./chart_input.js";
import { lowerBound, stampOf, summary, toColumns, valueAt } from "./chart_data.js";
import { axisNumbers, betweenTimes, faint, fieldColor, formatNumber, longTime, pointTime, token } from "./chart_format.js";
import { axisMarks, hatch, isolated, layFlags, line, liveEdge } from "./chart_marks.js";
import { element, legendEntry } from "./chart_parts.js";
import { time } from "./range.js";

export const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
export const AXIS_HEIGHT = 36;
const [SECOND, MINUTE, HOUR, DAY] = [1e3, 6e4, 36e5, 864e5];
const withDay = ["\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null];
const withClock = ["\n{D} {MMM} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1];
const TIME_MARKS = [
  [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * DAY, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [DAY, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [HOUR, "{HH}:{mm}", ...withDay, null, null, 1],
  [MINUTE, "{HH}:{mm}", ...withDay, null, null, 1],
  [SECOND, ":{ss}", ...withClock],
  [1, ":{ss}.{fff}", ...withClock],
];

/** Where the time axis is inside a panel of this width: the same in all panels, so that they stand under each other. */
export function gutters(width, { hasRight, room }) {
  const isNarrow = width < 480;
  return { left: Math.max(isNarrow ? 48 : 52, room.left), right: hasRight ? Math.max(isNarrow ? 44 : 52, room.right) : isNarrow ? 16 : 18 };
}

const ruler = document.createElement("canvas").getContext("2d");

/** How wide the marks of an axis are, in px, with what is between them and the plot. */
export function widthOf(texts) {
  ruler.font = FONT;
  return Math.ceil(Math.max(0, ...texts.map((text) => (text ? ruler.measureText(text).width : 0)))) + 10;
}

export class Plot {
  constructor(view, fields, { height, isFirst }) {
    Object.assign(this, { view, fields, height, isFirst });
    this.id = `plot-${Math.random().toString(36).slice(2, 9)}`;
    this.root = element("section", "panel");
    this.head = this.root.appendChild(element("header", "panel-head"));
    this.entries = fields.map((field) => legendEntry(this.head, field));
    this.area = this.root.appendChild(element("div", "plot"));
    this.area.style.height = `${height + AXIS_HEIGHT}px`;
    this.area.tabIndex = 0;
    this.area.setAttribute("role", "application");
    this.area.setAttribute("aria-roledescription", "chart");
    this.area.setAttribute("aria-label", fields.map((field) => field.label).join(", "));
    this.area.setAttribute("aria-describedby", `${this.id}-said keys-of-charts`);
    this.canvasHome = this.area.appendChild(element("div", "plot-canvas"));
    this.cursor = this.area.appendChild(element("div", "cursor-line"));
    this.chip = this.area.appendChild(element("div", "cursor-chip"));
    this.dots = fields.map(() => this.area.appendChild(element("div", "cursor-dot")));
    this.selection = this.area.appendChild(element("div", "selection"));
    this.flags = this.area.appendChild(element("div", "flags"));
    this.note = this.area.appendChild(element("div", "plot-note"));
    this.edge = this.area.appendChild(element("div", "live-edge"));
    this.edge.textContent = "live";
    for (const part of [this.cursor, this.chip, ...this.dots, this.selection, this.note, this.edge]) part.hidden = true;
    this.said = this.root.appendChild(element("p", "visually-hidden"));
    this.said.id = `${this.id}-said`;
    attach(this.area, {
      box: () => this.box(), snap: (us) => this.snap(us), step: (us, way) => this.step(us, way),
      tell: () => this.view.tell(this.spoken()), selection: this.selection,
    });
    this.area.addEventListener("pointerenter", () => this.area.classList.add("is-pointed"));
    this.area.addEventListener("pointerleave", () => this.area.classList.remove("is-pointed"));
  }

  get gutters() { return gutters(this.area.clientWidth, this.view); }

  box() {
    const { left, width } = this.area.getBoundingClientRect();
    const side = this.gutters;
    return { left: left + side.left, width: Math.max(1, width - side.left - side.right) };
  }

  series() { return this.fields.map((field) => this.view.series(field.id)); }

  #know() {
    this.known = this.series().map((series) => series && summary(series, time.startUs, time.endUs));
    this.isEmpty = !this.known.some(Boolean);
  }

  /** Make the canvas; uPlot must have been loaded. */
  draw() {
    this.#know();
    const width = this.area.clientWidth;
    if (!width || typeof uPlot === "undefined") return;
    this.plot?.destroy();
    this.columns = this.#columns();
    this.plot = new uPlot(this.#options(width), this.columns, this.canvasHome);
    this.after();
  }

  /** The number of each field's scale: one for each unit; without units, one for each size of values. */
  scales() {
    if (this.fixedScales?.length) return this.fixedScales;
    const units = [];
    const found = this.fields.map((field) => {
      const series = this.view.series(field.id);
      const top = series?.mean.length ? series.mean.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : null;
      const at = units.findIndex((one) => one.unit === field.unit && (field.unit || one.top === null || top === null || (one.top <= top * 12 && top <= one.top * 12)));
      return at >= 0 ? at : units.push({ unit: field.unit, top }) - 1;
    });
    // As the first values have it, and so until other fields are chosen: a scale does not change under the eyes.
    if (this.view.source.loaded) this.fixedScales = found;
    return found;
  }

  get axisCount() { return Math.max(...this.scales()) + 1; }

  #columns() {
    const list = this.series();
    if (list.some((series) => series?.times.length)) {
      return toColumns(list.map((series) => series ?? { times: [], mean: [], every: 0, reach: 0 }), this.view.source.gaps);
    }
    return [[], ...this.fields.flatMap(() => [[], [], []])];
  }

  #options(width) {
    const { left, right } = this.gutters;
    const scaleOf = this.scales();
    const count = this.axisCount;
    const mark = token("quiet");
    const rule = { stroke: token("line"), width: 1 };
    const axes = [
      { side: 2, size: AXIS_HEIGHT, gap: 4, font: FONT, lineGap: 1.25, stroke: mark, grid: rule, ticks: { ...rule, size: 4 }, values: TIME_MARKS, space: width < 480 ? 56 : 72 },
      ...Array.from({ length: Math.min(2, count) }, (_, at) => ({
        scale: `y${at}`, side: at ? 1 : 3, size: at ? right : left, gap: 6, font: FONT, stroke: mark, space: 34,
        grid: { ...rule, show: at === 0, filter: (u, splits) => (this.isEmpty ? [] : splits) }, ticks: { show: false },
        values: (u, splits) => {
          const texts = this.isEmpty ? splits.map(() => "") : axisNumbers(splits);
          // A mark that is cut off would be another number.
          this.view.makeRoom(at ? "right" : "left", widthOf(texts), this.gutters);
          return texts;
        },
      })),
    ];
    const scales = { x: { time: true, auto: false, range: () => [time.startUs / 1e3, time.endUs / 1e3] } };
    for (let at = 0; at < count; at += 1) scales[`y${at}`] = { range: (u, low, high) => rangeOf(low, high) };
    const series = [{}];
    const bands = [];
    this.fields.forEach((field, n) => {
      const scale = `y${scaleOf[n]}`;
      const color = fieldColor(field);
      this.entries[n].root.classList.toggle("is-without-axis", scaleOf[n] > 1);
      const edge = { scale, stroke: "transparent", width: 0, points: { show: false } };
      series.push({ scale, stroke: color, width: 1.5, points: { size: 4, width: 0, fill: color, space: 10 } }, edge, { ...edge });
      bands.push({ series: [n * 3 + 3, n * 3 + 2], fill: faint(color, 0.22) });
    });
    return {
      width, height: this.height + AXIS_HEIGHT, ms: 1,
      tzDate: (ms) => new Date(Math.floor(ms)), // uPlot's own rounds, and is then a millisecond off at its marks
      padding: [this.isFirst ? 18 : 8, count > 1 ? 0 : right, 0, 0],
      legend: { show: false }, cursor: { show: false }, select: { show: false }, scales, axes, series, bands,
      hooks: {
        drawAxes: [(u) => { hatch(u, this.view.source.gaps); line(u, this.view.source.messages); }],
        draw: [(u) => {
          isolated(u, this.fields.map(fieldColor));
          if (count > 1) axisMarks(u, this.fields.map(fieldColor), scaleOf);
          if (time.live) liveEdge(u);
        }],
      },
    };
  }

  /** Take the newest data and range. */
  update({ isDataNew }) {
    if (!this.plot || (isDataNew && this.fields.length > 1 && !this.fixedScales)) return this.draw();
    this.#know();
    this.plot.batch(() => {
      if (isDataNew) this.plot.setData((this.columns = this.#columns()), false);
      this.plot.setScale("x", { min: time.startUs / 1e3, max: time.endUs / 1e3 });
    });
    this.after();
  }

  /** What is not on the canvas. */
  after() {
    this.edge.hidden = !time.live || !this.isFirst;
    this.edge.style.right = `${this.gutters.right + 2}px`;
    if (this.isFirst) layFlags(this.flags, this.view.source.messages, this.gutters.left, this.box().width);
    const { known } = this;
    this.said.textContent = this.fields.map((field, n) => said(field, known[n])).join(" ");
    this.#note();
    this.showCursor();
  }

  #note() {
    const { source } = this.view;
    this.note.hidden = !this.isEmpty || !source.loaded || source.isLoading;
    if (this.note.hidden) return;
    const newest = source.newestUs;
    this.note.textContent = newest === null ? "No value yet." : "No value in this range. ";
    if (this.isFirst && newest !== null && (newest < time.startUs || newest > time.endUs)) {
      const button = this.note.appendChild(element("button", "plain"));
      button.type = "button";
      button.textContent = "Show the newest";
      button.addEventListener("click", () => time.set({ startUs: Math.round(newest - time.spanUs * 0.9), endUs: Math.round(newest + time.spanUs * 0.1) }, "quick"));
    }
  }

  /** The nearest commit of the fields, where it is near. */
  snap(us) {
    const within = (24 / this.box().width) * time.spanUs;
    let best = null;
    for (const series of this.series()) {
      const at = series && valueAt(series, us, within);
      if (at === null || at === undefined) continue;
      const stamp = stampOf(series, at);
      if (best === null || Math.abs(stamp - us) < Math.abs(best - us)) best = stamp;
    }
    return best !== null && Math.abs(best - us) <= within ? best : Math.round(us);
  }

  step(us, direction) {
    const series = this.series().find((one) => one?.times.length);
    if (!series) return null;
    let at = lowerBound(series.times, us - series.every / 2);
    // From where the cursor is, to the first value that stands beyond it.
    if (direction > 0) while (at < series.times.length && stampOf(series, at) <= us) at += 1;
    else for (at = Math.min(at, series.times.length - 1); at >= 0 && stampOf(series, at) >= us;) at -= 1;
    return series.times[at] === undefined ? null : stampOf(series, at);
  }

  showCursor() {
    const us = time.cursorUs;
    const { left } = this.gutters;
    const { width } = this.box();
    const x = us === null ? null : left + ((us - time.startUs) / time.spanUs) * width;
    const isSeen = x !== null && x >= left - 1 && x <= left + width + 1;
    this.cursor.hidden = this.chip.hidden = !isSeen;
    this.found = this.series().map((series) => (us === null || !series ? null : valueAt(series, us, (12 / width) * time.spanUs)));
    this.fields.forEach((field, n) => this.#entry(n));
    this.dots.forEach((dot, n) => {
      const series = this.view.series(this.fields[n].id);
      const at = this.found[n];
      dot.hidden = !isSeen || at === null || !this.plot;
      if (dot.hidden) return;
      const stampMs = stampOf(series, at) / 1e3;
      const scale = `y${this.scales()[n]}`;
      const top = this.plot.valToPos(series.mean[at], scale) + this.plot.bbox.top / (uPlot.pxRatio || 1);
      dot.style.transform = `translate(${left + this.plot.valToPos(stampMs, "x")}px, ${top}px)`;
      dot.style.borderColor = fieldColor(this.fields[n]);
    });
    if (!isSeen) return;
    this.cursor.style.transform = `translateX(${x}px)`;
    const series = this.view.series(this.fields[0].id);
    const at = this.found[0];
    this.chip.textContent = at === null || !series ? longTime(us) : pointTime(series.times[at], series.every);
    const wide = this.chip.offsetWidth;
    this.chip.style.transform = `translateX(${Math.max(0, Math.min(x - wide / 2, left + width - wide + 8))}px)`;
  }

  #entry(n) {
    const [entry, field, known] = [this.entries[n], this.fields[n], this.known?.[n]];
    const series = this.view.series(field.id);
    const at = this.found[n];
    const isBucket = Boolean(series?.every);
    if (time.cursorUs !== null) {
      const value = at === null ? null : isBucket ? series.mean[at] : series.exact[at];
      entry.show(value, at !== null && isBucket ? [series.low[at], series.high[at]] : null, at === null ? "" : isBucket ? `mean of ${series.count[at]}` : "", at !== null && isBucket);
      return;
    }
    entry.show(known ? known.last : null, known ? [known.low, known.high] : null, known ? `${isBucket ? "last mean" : "last"}, ${longTime(known.lastUs)}` : "", Boolean(known) && isBucket);
  }

  spoken() {
    const values = this.fields.map((field, n) => {
      const series = this.view.series(field.id);
      return `${field.label} ${this.found[n] === null ? "no value" : `${formatNumber(series.exact[this.found[n]], field.decimals)} ${field.unit}`}`;
    });
    return `${longTime(time.cursorUs)}: ${values.join(", ")}`;
  }

  remove() { this.plot?.destroy(); }
}

/** A range around what is seen, from zero where that is near. */
function rangeOf(low, high) {
  if (low === null || high === null) return [0, 1];
  if (low === high) {
    const around = Math.abs(low) * 0.05 || 1;
    return [low - around, high + around];
  }
  const pad = (high - low) * 0.08;
  const from = low >= 0 && low < (high - low) * 0.25 ? 0 : low - pad;
  return [from, high <= 0 && -high < (high - low) * 0.25 ? 0 : high + pad];
}

function said(field, known) {
  if (!known) return `${field.label}: no value between ${betweenTimes(time.startUs, time.endUs)}.`;
  const text = (value) => `${formatNumber(value, field.decimals)}${field.unit ? ` ${field.unit}` : ""}`;
  return `${field.label}: last ${text(known.last)} at ${longTime(known.lastUs)}, lowest ${text(known.low)}, highest ${text(known.high)} (${betweenTimes(time.startUs, time.endUs)}).`;
}
