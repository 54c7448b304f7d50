// What the charts show, as a table.

import { lowerBound } from "./chart_data.js";
import { formatMean, formatNumber, longTime, stateText, utcTime } from "./chart_format.js";
import { element } from "./chart_parts.js";
import { time } from "./range.js";

const MAX_ROWS = 500;

/** The rows of what is seen, newest first: `[time, Map of field to text]`, and how many there are. */
export function rowsOf(fields, seriesOf, startUs, endUs) {
  const rows = new Map();
  const row = (us) => rows.get(us) ?? rows.set(us, new Map()).get(us);
  for (const field of fields) {
    const series = seriesOf(field.id);
    if (!series) continue;
    for (let at = lowerBound(series.times, startUs); at < series.times.length && series.times[at] <= endUs; at += 1) {
      const text = (value) => formatNumber(value, field.decimals);
      const cell = series.every ? `${formatMean(series.mean[at], series.low[at], series.high[at], field.decimals)} (${text(series.low[at])} – ${text(series.high[at])})` : text(series.exact[at]);
      const cells = row(series.times[at]);
      cells.set(field.id, cells.has(field.id) ? `${cells.get(field.id)}; ${cell}` : cell);
    }
    for (const [from, , value] of series.states) {
      if (from >= startUs && from <= endUs) row(from).set(field.id, value === null ? "several" : stateText(value));
    }
  }
  const times = [...rows.keys()].sort((a, b) => b - a);
  return { count: times.length, rows: times.slice(0, MAX_ROWS).map((us) => [us, rows.get(us)]) };
}

export class Table {
  constructor(view) {
    this.view = view;
    this.root = element("section", "chart-table");
    this.root.setAttribute("aria-label", "What the charts show");
    this.update = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#fill(), 200);
    };
    view.source.addEventListener("data", this.update);
    time.addEventListener("range", this.update);
    this.#fill();
  }

  #fill() {
    const { fields, source } = this.view;
    const { count, rows } = rowsOf(fields, (id) => this.view.series(id), time.startUs, time.endUs);
    const every = source.loaded?.every ?? 0;
    const said = element("p", "quiet", count === 0 ? "Nothing in this range." : [
      every ? `Each row is the mean (lowest – highest) of ${every >= 6e7 ? `${every / 6e7} min` : `${every / 1e6} s`}.` : "Each row is one commit.",
      count > rows.length ? `The newest ${rows.length} of ${count} rows; the CSV file has all values.` : "",
    ].join(" "));
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const name of ["Time", ...fields.map((field) => (field.unit ? `${field.label} (${field.unit})` : field.label))]) {
      const cell = head.appendChild(element("th", "", name));
      cell.scope = "col";
    }
    const body = table.createTBody();
    for (const [us, cells] of rows) {
      const line = body.insertRow();
      const when = line.appendChild(element("th", "", longTime(us)));
      when.scope = "row";
      when.title = utcTime(us);
      for (const field of fields) line.insertCell().textContent = cells.get(field.id) ?? "";
    }
    const scroll = element("div", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Values");
    scroll.append(table);
    this.root.replaceChildren(said, ...(count ? [scroll] : []));
  }

  remove() {
    clearTimeout(this.timer);
    this.view.source.removeEventListener("data", this.update);
    time.removeEventListener("range", this.update);
    this.root.remove();
  }
}
