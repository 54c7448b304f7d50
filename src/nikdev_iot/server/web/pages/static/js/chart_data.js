// What the charts of a page draw: one request per range for all charts of one source, live points appended in place.

const DEBOUNCE_MS = 80;
const REFRESH_MS = 15_000;
const sources = new Map();

/** The source at an address of series; the same one for the same address. */
export function sourceOf(address, device) {
  if (!sources.has(address)) sources.set(address, new Source(address, device));
  return sources.get(address);
}

/** Where the first time ≥ `us` is in ascending times. */
export function lowerBound(times, us) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The usual distance between neighbours: the median; 0 where there are none. */
export function usualDistance(times) {
  if (times.length < 2) return 0;
  const apart = [];
  const step = Math.max(1, Math.floor(times.length / 2000));
  for (let at = step; at < times.length; at += step) {
    // Sampled, but always of direct neighbours.
    apart.push(times[at] - times[at - 1]);
  }
  if (!apart.length) apart.push(times[1] - times[0]);
  apart.sort((a, b) => a - b);
  return apart[apart.length >> 1];
}

/** How far apart neighbours may be and still be joined by a line. */
export const reach = (series) => 3 * Math.max(usualDistance(series.times), series.every);

/** Where a value stands: at its time; a bucket in its middle, but not where nothing has come yet. */
export function stampOf(series, at) {
  const start = series.times[at];
  return series.every ? Math.min(start + series.every / 2, Math.max(start, series.untilUs)) : start;
}

/** An answer's field as the charts keep it: numbers (`mean`, and `low`, `high` where they are buckets) and states. */
export function toSeries(field, everyUs, untilUs = null) {
  const times = field.times_us ?? [];
  const exact = everyUs ? field.mean : field.values;
  const series = {
    every: everyUs, times, exact: exact ?? [], mean: (exact ?? []).map(Number),
    low: everyUs ? (field.min ?? []).map(Number) : null, high: everyUs ? (field.max ?? []).map(Number) : null,
    untilUs: untilUs ?? Number.MAX_VALUE, count: field.count ?? null, states: field.states ?? [], more: Boolean(field.more), kind: field.kind,
  };
  series.reach = reach(series);
  return series;
}

/** Add one live value: to its bucket, or as a point in its place. */
export function append(series, us, value) {
  if (typeof value === "boolean" || (typeof value === "string" && !/^-?\d{16,}$/.test(value))) return appendState(series, us, value);
  if (value === null) return;
  const number = Number(value);
  if (series.untilUs < us) series.untilUs = us;
  const { times, every } = series;
  const stamp = every ? Math.floor(us / every) * every : us;
  let at = times.length;
  while (at > 0 && times[at - 1] > stamp) at -= 1;
  if (every && at > 0 && times[at - 1] === stamp) {
    at -= 1;
    const count = (series.count[at] += 1);
    series.mean[at] += (number - series.mean[at]) / count;
    series.exact[at] = series.mean[at];
    series.low[at] = Math.min(series.low[at], number);
    series.high[at] = Math.max(series.high[at], number);
    return;
  }
  times.splice(at, 0, stamp);
  series.mean.splice(at, 0, number);
  series.exact.splice(at, 0, value);
  if (every) {
    series.low.splice(at, 0, number);
    series.high.splice(at, 0, number);
    series.count.splice(at, 0, 1);
  }
  if (times.length < 50) series.reach = reach(series);
}

function appendState(series, us, value) {
  const last = series.states.at(-1);
  if (last && us < last[1]) return; // late: it is in the next answer
  if (last) last[1] = us;
  if (!last || last[2] !== value) series.states.push([us, us, value]);
}

/**
 * The columns of one plot: `[times in ms, mean, low, high, mean, low, high, …]`. A time that only other fields have is
 * `undefined` (the line goes on), a real gap is `null` (it breaks): where neighbours are farther apart than usual, or a
 * declared gap lies between them.
 */
export function toColumns(list, gaps = []) {
  const rows = list.map((series) => withBreaks(series, gaps));
  const heads = rows.map(() => 0);
  const columns = [[], ...list.flatMap(() => [[], [], []])];
  for (;;) {
    let next = Infinity;
    for (let n = 0; n < rows.length; n += 1) if (heads[n] < rows[n].length) next = Math.min(next, rows[n][heads[n]][0]);
    if (next === Infinity) return columns;
    columns[0].push(next / 1e3);
    for (let n = 0; n < rows.length; n += 1) {
      const row = heads[n] < rows[n].length && rows[n][heads[n]][0] === next ? rows[n][heads[n]++] : [];
      for (let part = 0; part < 3; part += 1) columns[1 + n * 3 + part].push(row[part + 1]);
    }
  }
}

function withBreaks(series, gaps) {
  const rows = [];
  const { times, mean, low, high, every } = series;
  let gap = 0;
  for (let at = 0; at < times.length; at += 1) {
    const [us, before] = [times[at], times[at - 1]];
    if (at > 0) {
      while (gap < gaps.length && gaps[gap].end_us <= before) gap += 1;
      const isDeclared = gap < gaps.length && gaps[gap].start_us < us;
      if (us - before > series.reach || isDeclared) rows.push([(before + us) / 2 + every / 2, null, null, null]);
    }
    rows.push([stampOf(series, at), mean[at], low?.[at], high?.[at]]);
  }
  return rows;
}

/** The value of a series at a time: the nearest one, or that of the bucket around it; null where none is near. */
export function valueAt(series, us, withinUs = 0) {
  const { times, every } = series;
  if (every) {
    const at = lowerBound(times, us + 1) - 1;
    if (at >= 0 && us < times[at] + every) return at;
    const near = [at, at + 1].filter((n) => n >= 0 && n < times.length).sort((a, b) => Math.abs(times[a] - us) - Math.abs(times[b] - us))[0];
    return near !== undefined && Math.abs(times[near] + every / 2 - us) <= withinUs ? near : null;
  }
  const after = lowerBound(times, us);
  const found = [after - 1, after].filter((at) => at >= 0 && at < times.length);
  if (!found.length) return null;
  const nearest = found.length === 1 || us - times[found[0]] <= times[found[1]] - us ? found[0] : found[1];
  return Math.abs(times[nearest] - us) <= Math.max(withinUs, series.reach / 2) ? nearest : null;
}

/** The state at a time; null where nothing was said around it. */
export function stateAt(series, us) {
  return series.states.findLast(([from, to]) => from <= us && us <= to) ?? null;
}

/** Last, lowest and highest of what lies in a range; null where nothing does. */
export function summary(series, startUs, endUs) {
  const from = lowerBound(series.times, startUs - series.every);
  const to = lowerBound(series.times, endUs);
  if (from >= to) return null;
  let [low, high] = [Infinity, -Infinity];
  const [lows, highs] = [series.low ?? series.mean, series.high ?? series.mean];
  for (let at = from; at < to; at += 1) {
    if (lows[at] < low) low = lows[at];
    if (highs[at] > high) high = highs[at];
  }
  return { last: series.exact[to - 1], lastUs: series.times[to - 1], low, high };
}

/** Reads one address for all charts that show it. Events: `data`, `state`. */
export class Source extends EventTarget {
  constructor(address, device) {
    super();
    Object.assign(this, { address, device, fields: new Map(), gaps: [], messages: [], loaded: null, error: null, newestUs: null });
    this.charts = new Set();
    this.isLoading = false;
    this.loadedAt = 0;
    this.hasNews = false;
  }

  add(chart) { this.charts.add(chart); }

  remove(chart) {
    this.charts.delete(chart);
    if (this.charts.size) return;
    this.leave?.();
    this.leave = this.isFollowed = null;
  }

  /** Take what comes live from now on. Event: `live` after each, with `detail.mustReload`. */
  async follow() {
    if (this.isFollowed || !this.device) return;
    this.isFollowed = true;
    const { subscribe } = await import("./live.js");
    if (!this.isFollowed) return;
    this.leave = subscribe([this.device], (event) => {
      if (!event.gone) this.take(event);
    });
  }

  get wanted() { return [...new Set([...this.charts].flatMap((chart) => chart.fieldIds))]; }

  url(startUs, endUs, points, fields = this.wanted) {
    const ids = fields.map(encodeURIComponent).join(",");
    return `${this.address}?fields=${ids}&start_us=${Math.floor(startUs)}&end_us=${Math.ceil(endUs)}&points=${points}`;
  }

  /** Load a range soon; a range asked for meanwhile replaces it. `first` is an address that the page has begun to load. */
  load(range, points, { now = false, first = null } = {}) {
    clearTimeout(this.timer);
    this.next = { ...range, points };
    if (now) return this.#fetch(first ?? this.url(range.startUs, range.endUs, points), range, points);
    this.timer = setTimeout(() => this.#fetch(this.url(range.startUs, range.endUs, points), range, points), DEBOUNCE_MS);
  }

  async #fetch(url, range, points) {
    if (!this.wanted.length) return;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.#state({ isLoading: true });
    try {
      const data = await readJson(url, abort.signal);
      if (abort.signal.aborted) return;
      this.hasNews = false;
      this.retryMs = 2000;
      this.#take(data, range, points);
      this.#state({ isLoading: false, error: null });
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#state({ isLoading: false, error });
      if (error.status >= 400 && error.status < 500 && error.status !== 429) return;
      this.retryMs = Math.min(30_000, (this.retryMs ?? 2000) * 2);
      this.timer = setTimeout(() => this.#fetch(url, range, points), this.retryMs / 2);
    }
  }

  #take(data, range, points) {
    this.loadedAt = performance.now();
    this.loaded = { startUs: data.start_us, endUs: data.end_us, every: data.every_us, points, commits: data.commits };
    this.fields = new Map(Object.entries(data.fields).map(([id, field]) => [id, toSeries(field, data.every_us, data.newest_us)]));
    Object.assign(this, { gaps: data.gaps ?? [], messages: data.messages ?? [], newestUs: data.newest_us });
    this.dispatchEvent(new Event("data"));
  }

  #state(change) {
    Object.assign(this, change);
    this.dispatchEvent(new Event("state"));
  }

  /** Whether what is there says all of a range, as fine as it can be seen. */
  covers({ startUs, endUs }, points) {
    const { loaded } = this;
    if (!loaded || startUs < loaded.startUs || endUs > loaded.endUs) return false;
    return loaded.every === 0 || (endUs - startUs) / points > loaded.every * 0.7;
  }

  /** While live: now and then anew, for late values, messages and gaps, and where there is too much or too little. */
  isStale(points) {
    if (this.isLoading || this.error) return false;
    const size = Math.max(0, ...[...this.fields.values()].map((series) => series.times.length));
    return (this.hasNews && performance.now() - this.loadedAt > REFRESH_MS) || size > points * 3;
  }

  /** A live event. */
  take(event) {
    for (const [id, points] of Object.entries(event.points ?? {})) {
      const series = this.fields.get(id);
      if (!series) continue;
      for (const [us, value] of points) append(series, us, value);
      this.newestUs = Math.max(this.newestUs ?? 0, points.at(-1)?.[0] ?? 0);
    }
    this.hasNews = true;
    if (this.loaded) this.loaded.endUs = Math.max(this.loaded.endUs, event.received_us ?? 0);
    this.dispatchEvent(new Event("data"));
    this.dispatchEvent(new CustomEvent("live", { detail: { mustReload: Boolean(event.reload) } }));
  }
}

/** JSON of an address; raises an `Error` in the server's words, with its `status`. */
export async function readJson(url, signal) {
  const answer = await fetch(url, { signal, headers: { accept: "application/json" } });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(said.message ?? `The server answered ${answer.status}.`), { status: answer.status });
}
