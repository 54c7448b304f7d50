// Bools and texts over time: a lane for each field, a band for each state.

import { attach } from "./chart_input.js";
import { stateAt } from "./chart_data.js";
import { betweenExact, betweenTimes, faint, fieldColor, longTime, seriesColor, stateText, token } from "./chart_format.js";
import { hatchBox } from "./chart_marks.js";
import { canvasContext, element, legendEntry } from "./chart_parts.js";
import { FONT, gutters } from "./chart_plot.js";
import { time } from "./range.js";

const LANE_PX = 22;

export class Lane {
  constructor(view, field) {
    Object.assign(this, { view, field, colors: new Map() });
    this.fields = [field];
    this.root = element("section", "panel lane");
    this.head = this.root.appendChild(element("header", "panel-head"));
    this.entry = legendEntry(this.head, field);
    this.area = this.root.appendChild(element("div", "lane-area"));
    this.area.tabIndex = 0;
    this.area.setAttribute("role", "application");
    this.area.setAttribute("aria-roledescription", "chart of states");
    this.area.setAttribute("aria-label", field.label);
    this.area.setAttribute("aria-describedby", "keys-of-charts");
    this.canvas = this.area.appendChild(element("canvas"));
    this.cursor = this.area.appendChild(element("div", "cursor-line"));
    this.cursor.hidden = true;
    this.said = this.root.appendChild(element("p", "visually-hidden"));
    attach(this.area, { box: () => this.box(), step: (us, way) => this.step(us, way), tell: () => this.view.tell(`${field.label}: ${this.entry.root.textContent}`) });
  }

  get gutters() { return gutters(this.area.clientWidth, this.view); }

  box() {
    const { left, width } = this.area.getBoundingClientRect();
    const side = this.gutters;
    return { left: left + side.left, width: Math.max(1, width - side.left - side.right) };
  }

  get runs() { return this.view.series(this.field.id)?.states ?? []; }

  step(us, direction) {
    const starts = this.runs.map(([from]) => from);
    return (direction > 0 ? starts.find((from) => from > us) : starts.findLast((from) => from < us)) ?? null;
  }

  color(value) {
    if (value === true) return fieldColor(this.field);
    if (value === false) return token("edge");
    if (value === null) return token("quiet");
    // By the order of their first coming, so that a state keeps its colour while one looks around.
    if (!this.colors.has(value)) this.colors.set(value, this.field.place + this.colors.size);
    return seriesColor(this.colors.get(value));
  }

  draw() { this.update(); }

  update() {
    const made = canvasContext(this.canvas);
    if (!made) return;
    const { ctx, width } = made;
    const { left } = this.gutters;
    const inner = this.box().width;
    const x = (us) => left + ((us - time.startUs) / time.spanUs) * inner;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, inner, LANE_PX);
    ctx.clip();
    ctx.fillStyle = token("well");
    ctx.globalAlpha = 0.5;
    ctx.fillRect(left, 0, inner, LANE_PX);
    ctx.globalAlpha = 1;
    for (const gap of this.view.source.gaps) hatchBox(ctx, x(gap.start_us), 0, Math.max(2, x(gap.end_us) - x(gap.start_us)), LANE_PX);
    ctx.font = FONT;
    ctx.textBaseline = "middle";
    for (const [from, to, value] of this.runs) this.#band(ctx, x(from), x(to), value, left, left + inner, width);
    ctx.restore();
    this.#say();
    this.showCursor();
  }

  #band(ctx, from, to, value, low, high) {
    if (to < low || from > high) return;
    const [start, end] = [Math.max(from, low - 2), Math.min(Math.max(to, from + 1.5), high + 2)];
    const color = this.color(value);
    const wide = end - start;
    ctx.fillStyle = faint(color, value === false ? 0.12 : value === true ? 0.55 : 0.3);
    ctx.fillRect(start, 0, wide, LANE_PX);
    ctx.fillStyle = color;
    if (value === false) ctx.fillRect(start, LANE_PX - 1, wide, 1);
    else ctx.fillRect(start, LANE_PX - 2, wide, 2);
    if (wide > 3) ctx.fillRect(start, 0, 1, LANE_PX);
    const text = value === null ? "several" : stateText(value);
    if (wide < 24) return;
    ctx.fillStyle = token("ink");
    const room = wide - 10;
    if (ctx.measureText(text).width <= room) return ctx.fillText(text, start + 6, LANE_PX / 2);
    let short = text.slice(0, Math.max(0, Math.floor(room / 7)));
    while (short.length > 1 && ctx.measureText(`${short}…`).width > room) short = short.slice(0, -1);
    if (short.length > 2) ctx.fillText(`${short}…`, start + 6, LANE_PX / 2);
  }

  #say() {
    const seen = this.runs.filter(([from, to]) => to >= time.startUs && from <= time.endUs);
    this.last = seen.at(-1) ?? null;
    this.said.textContent = this.last
      ? `${this.field.label}: ${seen.length} states, at last ${this.last[2] === null ? "several" : stateText(this.last[2])} since ${longTime(this.last[0])}.`
      : `${this.field.label}: nothing between ${betweenTimes(time.startUs, time.endUs)}.`;
  }

  showCursor() {
    const us = time.cursorUs;
    const { left } = this.gutters;
    const { width } = this.box();
    const x = us === null ? -1 : left + ((us - time.startUs) / time.spanUs) * width;
    this.cursor.hidden = us === null || x < left - 1 || x > left + width + 1;
    this.cursor.style.transform = `translateX(${x}px)`;
    const series = this.view.series(this.field.id);
    const found = us === null ? this.last : series && stateAt(series, us);
    this.entry.say(found ? (found[2] === null ? "several" : stateText(found[2])) : "–", "");
    const range = this.head.querySelector(".entry-range");
    range.textContent = found && us !== null ? `${betweenExact(found[0], found[1])}` : "";
  }

  remove() {}
}
