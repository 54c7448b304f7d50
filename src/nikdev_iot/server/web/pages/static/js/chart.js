// <nikdev-chart device="…" fields="a,b" [layout="overlay"] [src="…"] [range="24h"] [live] [height="160"] [bare] [first="…"]>
//
// The fields are described by <script type="application/json" class="fields"> inside: a list of
// {id, label, unit, color, decimals, kind, place}. All charts of a page share one time axis and one cursor (range.js).

import { sourceOf } from "./chart_data.js";
import { longTime, onTheme, utcTime, zone } from "./chart_format.js";
import { button, element } from "./chart_parts.js";
import { Plot } from "./chart_plot.js";
import { bindAddress, time } from "./range.js";
import { Lane } from "./chart_states.js";

const LATITUDE = /^(|.*[^a-z])(?:latitude|lat)(|[^a-z].*)$/i;
const KEYS = "Arrow keys move the time, plus and minus zoom, Shift and an arrow go from value to value, "
  + "End follows the newest, Escape goes back to where you began.";

/** The fields that are latitude and longitude of one position; null where there are none. */
export function findPair(fields) {
  for (const lat of fields) {
    const [, before, after] = LATITUDE.exec(lat.id) ?? [];
    if (before === undefined) continue;
    const names = ["lon", "lng", "long", "longitude"].map((name) => `${before}${name}${after}`.toLowerCase());
    const lon = fields.find((field) => names.includes(field.id.toLowerCase()));
    if (lon) return [lat, lon];
  }
  return null;
}

/** How many points fit side by side. */
export const pointsFor = (width) => Math.max(200, Math.min(1000, Math.round(width / 100) * 50));

class NikdevChart extends HTMLElement {
  static observedAttributes = ["fields", "layout", "height"];

  connectedCallback() {
    if (this.panels) return this.#listen();
    this.described = JSON.parse(this.querySelector("script.fields")?.textContent ?? "[]").map((field, place) => ({
      place, label: field.id, unit: "", color: "", decimals: null, kind: "number", ...field,
    }));
    for (const field of this.described) field.label ||= field.id;
    const device = this.getAttribute("device") ?? "";
    this.source = sourceOf(this.getAttribute("src") ?? `/admin/devices/${device}/series`, device);
    bindAddress(this.getAttribute("range") ?? "24h");
    describeKeys();
    this.home = element("div", "chart-panels");
    this.told = element("p", "visually-hidden");
    this.told.setAttribute("role", "status");
    this.panels = [];
    const script = this.querySelector("script.fields");
    this.replaceChildren(...(script ? [script] : []), ...(this.hasAttribute("bare") ? [] : [this.#tools()]), this.home, this.told);
    this.#build();
    this.#listen();
  }

  disconnectedCallback() {
    this.source.remove(this);
    for (const stop of this.stops.splice(0)) stop();
  }

  attributeChangedCallback(name, before) {
    if (!this.panels || this.getAttribute(name) === before) return;
    this.#build();
    if (name === "height") return;
    this.load({ now: true });
    this.overview?.load();
  }

  /** The fields shown, in their order. */
  get fields() {
    const asked = this.getAttribute("fields");
    if (asked === null) return this.described.filter((field) => !field.hidden);
    return asked.split(",").map((id) => this.described.find((field) => field.id === id)).filter(Boolean);
  }

  get fieldIds() { return this.fields.map((field) => field.id); }
  get isOverlaid() { return this.getAttribute("layout") === "overlay"; }
  get points() { return pointsFor(this.clientWidth); }
  /** Whether a plot has an axis at its right too: then all panels leave room for it, to stand under each other. */
  get hasRight() { return this.panels.some((panel) => panel.axisCount > 1); }
  series(id) { return this.source.fields.get(id) ?? null; }

  tell(text) { this.told.textContent = text; }

  #tools() {
    const tools = element("div", "chart-tools");
    this.readout = tools.appendChild(element("span", "readout"));
    this.status = tools.appendChild(element("span", "chart-status"));
    this.status.setAttribute("role", "status");
    const actions = tools.appendChild(element("span", "chart-actions"));
    this.tableButton = actions.appendChild(button("Table", () => this.#table(), "plain"));
    this.tableButton.setAttribute("aria-expanded", "false");
    const csv = this.getAttribute("export") ?? (this.hasAttribute("src") ? null : `/admin/devices/${this.getAttribute("device")}/export.csv`);
    if (csv) actions.appendChild(this.#aboutRange("CSV", csv)).download = "";
    actions.appendChild(button("PNG", () => this.#png(), "plain"));
    const deletes = this.getAttribute("deletes");
    if (deletes) actions.appendChild(this.#aboutRange("Delete values…", deletes));
    return tools;
  }

  /** A link to something about what is seen: these fields, this range. */
  #aboutRange(text, address) {
    const link = element("a", "button plain", text);
    link.href = address;
    const name = () => {
      const ids = this.fieldIds.map(encodeURIComponent).join(",");
      link.href = `${address}?fields=${ids}&start_us=${Math.floor(time.startUs)}&end_us=${Math.ceil(time.endUs)}`;
    };
    for (const event of ["pointerenter", "pointerdown", "focus", "click"]) link.addEventListener(event, name);
    return link;
  }

  /** Leave as much room at a side as the widest marks of any panel take, and draw all anew where that is more. */
  makeRoom(side, width, { [side]: now }) {
    if (width <= now) return;
    this.room[side] = Math.min(160, width);
    if (this.room[side] === now) return;
    this.roomy ??= requestAnimationFrame(() => {
      this.roomy = null;
      this.redraw();
    });
  }

  #build() {
    this.room = { left: 0, right: 0 };
    for (const panel of this.panels) panel.remove();
    const { fields } = this;
    this.kinds = fields.map((field) => this.series(field.id)?.kind ?? field.kind);
    const numbers = fields.filter((field, n) => this.kinds[n] !== "state");
    const pair = findPair(numbers);
    const plotted = numbers.filter((field) => !pair?.includes(field));
    const isOverlaid = this.isOverlaid && plotted.length > 1;
    const height = Number(this.getAttribute("height")) || (isOverlaid ? 300 : 148);
    const groups = isOverlaid ? [plotted] : plotted.map((field) => [field]);
    this.panels = groups.map((group, n) => new Plot(this, group, { height, isFirst: n === 0 }));
    const lanes = fields.filter((field, n) => this.kinds[n] === "state" || this.kinds[n] === "mixed");
    this.panels.push(...lanes.map((field) => new Lane(this, field)));
    if (pair) this.#map(pair);
    this.home.replaceChildren(...this.panels.map((panel) => panel.root));
    if (!fields.length) this.home.append(element("p", "quiet chart-empty", "Choose a field above."));
    this.seen?.disconnect();
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const panel = this.panels.find((one) => one.root === target);
        if (!panel) continue;
        panel.isSeen = isIntersecting;
        if (isIntersecting) panel.update({ isDataNew: true });
      }
    }, { rootMargin: "300px" });
    for (const panel of this.panels) {
      panel.isSeen = true;
      this.seen.observe(panel.root);
    }
    this.schedule({ isDataNew: true });
  }

  async #map(pair) {
    const holder = element("section", "panel map-holder");
    const slot = { root: holder, fields: pair, draw() {}, update() {}, showCursor() {}, remove() {} };
    this.panels.unshift(slot);
    const { Track } = await import("./chart_map.js");
    const at = this.panels.indexOf(slot);
    if (at < 0) return; // other fields were chosen meanwhile
    const track = new Track(this, pair);
    track.isSeen = true;
    this.panels[at] = track;
    this.seen.unobserve(holder);
    holder.replaceWith(track.root);
    this.seen.observe(track.root);
    track.update();
  }

  #listen() {
    this.source.add(this);
    const on = (target, name, action) => {
      target.addEventListener(name, action);
      this.stops.push(() => target.removeEventListener(name, action));
    };
    this.stops ??= [];
    on(time, "range", ({ detail }) => this.#moved(detail.by));
    on(time, "cursor", () => this.schedule({ isCursor: true }));
    on(time, "extent", () => this.overview?.draw());
    on(this.source, "data", () => this.#arrived());
    on(this.source, "state", () => this.#said());
    on(this.source, "live", ({ detail }) => this.#came(detail.mustReload));
    this.stops.push(onTheme(() => this.redraw()));
    const resized = new ResizeObserver(() => {
      if (this.clientWidth === this.width) return;
      this.width = this.clientWidth;
      this.redraw();
    });
    resized.observe(this);
    this.stops.push(() => resized.disconnect());
    this.#begin();
  }

  #begin() {
    // All charts of the page have said what they want when this runs, so that one request is enough.
    queueMicrotask(() => {
      const { source } = this;
      if (source.isLoading && source.asked === source.wanted.join()) return;
      source.asked = source.wanted.join();
      const first = this.getAttribute("first");
      this.removeAttribute("first");
      if (first === null) return this.load({ now: true });
      const query = new URL(first, location.href).searchParams;
      source.load({ startUs: Number(query.get("start_us")), endUs: Number(query.get("end_us")) }, Number(query.get("points")), { now: true, first });
    });
  }

  /** Ask for what is seen; around it, too, where one moves through time. */
  load({ now = false, around = 0 } = {}) {
    const margin = Math.round(time.spanUs * around);
    const range = { startUs: time.startUs - margin, endUs: time.endUs + (time.live ? 0 : margin) };
    if (time.quick === "all" && !time.extent && !this.isSettled) return this.#later();
    const points = Math.max(...[...this.source.charts].map((chart) => chart.points));
    this.source.load(range, Math.round(points * (1 + 2 * around)), { now });
  }

  #moved(by) {
    this.schedule({});
    if (by === "tick") {
      if (this.source.isStale(this.points)) this.load({ now: true });
    } else this.load({ now: by !== "gesture", around: by === "gesture" ? 0.25 : 0 });
  }

  #arrived() {
    const kinds = this.fields.map((field) => this.series(field.id)?.kind ?? field.kind);
    if (kinds.join() !== this.kinds.join()) this.#build();
    else this.schedule({ isDataNew: true });
    if (!this.isSettled) this.#later();
  }

  /** What can wait until the first chart is there: the stream of live values, and the strip. */
  #later() {
    if (this.isSettled) return;
    this.isSettled = true;
    requestAnimationFrame(() => setTimeout(async () => {
      const needsExtent = time.quick === "all" && !time.extent;
      if (this.fields.length && (needsExtent || !this.hasAttribute("bare"))) {
        const { Overview } = await import("./chart_overview.js");
        this.overview = new Overview(this);
        if (!this.hasAttribute("bare")) this.home.after(this.overview.root);
        await this.overview.load();
        if (needsExtent && !time.extent) time.setExtent(time.nowUs() - 36e8, time.nowUs());
      }
      if (this.hasAttribute("live")) await this.source.follow();
    }));
  }

  #came(mustReload) {
    const { newestUs } = this.source;
    if (time.extent && newestUs > time.extent.endUs) time.setExtent(time.extent.startUs, newestUs);
    if (mustReload) this.load();
    time.news(newestUs);
    time.tick();
  }

  /** Draw at the next frame; what comes until then is drawn with it. */
  schedule(change) {
    this.due = { ...this.due, ...change, isFull: this.due?.isFull || !change.isCursor };
    this.frame ??= requestAnimationFrame(() => {
      const { due } = this;
      this.frame = this.due = null;
      for (const panel of this.panels) {
        if (due.isDataNew || (due.isFull && panel.isSeen)) panel.update(due);
        else if (panel.isSeen) panel.showCursor();
      }
      if (due.isFull) this.overview?.update();
      this.#readout();
    });
  }

  redraw() {
    for (const panel of this.panels) {
      panel.draw();
      for (const entry of panel.entries ?? [panel.entry]) entry?.recolor();
    }
    this.overview?.draw();
  }

  #readout() {
    if (!this.readout) return;
    const us = time.cursorUs;
    const shown = us ?? null;
    this.readout.replaceChildren();
    if (shown === null) return;
    const exact = Math.round(shown);
    const words = this.readout.appendChild(element("time", "", `${longTime(exact)} ${zone(exact)}`));
    words.title = utcTime(exact);
    this.readout.appendChild(element("span", "quiet readout-utc", utcTime(exact)));
  }

  #said() {
    if (!this.status) return;
    const { error } = this.source;
    clearTimeout(this.waiting);
    if (error) {
      this.status.className = "chart-status error";
      this.status.textContent = `The values could not be read: ${error.message} ${this.source.loaded ? "What you see is from before. " : ""}`;
      this.status.append(button("Try again", () => this.load({ now: true }), "plain"));
      return;
    }
    this.status.className = "chart-status quiet";
    if (!this.source.isLoading) this.status.textContent = "";
    else this.waiting = setTimeout(() => { this.status.textContent = "Reading…"; }, 400);
  }

  async #table() {
    const isOpen = this.table !== undefined && this.table !== null;
    this.tableButton.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      this.table.remove();
      this.table = null;
      return;
    }
    const { Table } = await import("./chart_table.js");
    this.table = new Table(this);
    (this.overview?.root ?? this.home).after(this.table.root);
  }

  async #png() {
    const { savePicture } = await import("./chart_export.js");
    for (const panel of this.panels) panel.update({ isDataNew: true });
    await savePicture(this);
  }
}

function describeKeys() {
  if (document.getElementById("keys-of-charts")) return;
  const keys = document.body.appendChild(element("p", "visually-hidden", KEYS));
  keys.id = "keys-of-charts";
}

customElements.define("nikdev-chart", NikdevChart);
