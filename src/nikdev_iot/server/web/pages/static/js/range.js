// The time that a page shows: one range and one cursor for all of its charts, kept in the address.

export const MIN_SPAN_US = 1e3;
export const MAX_SPAN_US = 200 * 365.25 * 864e8;
export const QUICK = new Map([
  ["15m", 9e8], ["1h", 36e8], ["6h", 216e8], ["24h", 864e8], ["7d", 6048e8], ["30d", 2592e9], ["1y", 31536e9], ["all", NaN],
]);
const PUSH_AFTER_MS = 1200;

/** `range` scaled by `factor` about a time of it, as far as a range can be. */
export function zoomed({ startUs, endUs }, factor, atUs) {
  const span = endUs - startUs;
  const wanted = Math.min(MAX_SPAN_US, Math.max(MIN_SPAN_US, span * factor));
  const start = Math.round(atUs - (atUs - startUs) * (wanted / span));
  return { startUs: start, endUs: start + Math.round(wanted) };
}

/** `range` moved by a time, not beyond where anything can be. */
export function panned({ startUs, endUs }, byUs, nowUs) {
  const span = endUs - startUs;
  const start = Math.round(Math.min(nowUs + span * 0.5, Math.max(-span * 0.5, startUs + byUs)));
  return { startUs: start, endUs: start + span };
}

/** What the address asks for: `{quick}`, `{startUs, endUs}`, or `{spanUs}` up to now; null where that is nothing of sense. */
export function readQuery(text) {
  const query = new URLSearchParams(text);
  const quick = query.get("range");
  if (quick !== null && QUICK.has(quick)) return { quick };
  const [startUs, endUs] = [fromIso(query.get("from")), fromIso(query.get("to"))];
  if (endUs - startUs >= MIN_SPAN_US) return { startUs, endUs };
  const spanUs = Math.round(Number(query.get("last") ?? NaN) * 1e6);
  return spanUs >= MIN_SPAN_US && spanUs <= MAX_SPAN_US ? { spanUs } : null;
}

/** The address with a range in it, and everything else as it was. */
export function writeQuery(text, { quick, live, startUs, endUs }) {
  const query = new URLSearchParams(text);
  for (const name of ["range", "from", "to", "last"]) query.delete(name);
  if (quick) query.set("range", quick);
  else if (live) query.set("last", String((endUs - startUs) / 1e6)); // its end is now, whenever it is opened
  else {
    query.set("from", toIso(startUs));
    query.set("to", toIso(endUs));
  }
  return query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
}

/** `2026-11-22T10:00:00Z`, with as many digits behind the seconds as it takes. */
export function toIso(us) {
  const micros = ((us % 1e6) + 1e6) % 1e6;
  const whole = new Date((us - micros) / 1e3).toISOString().slice(0, 19);
  return `${whole}${micros ? `.${String(micros).padStart(6, "0").replace(/0+$/, "")}` : ""}Z`;
}

/** µs of an ISO time in UTC; NaN for what is none. */
export function fromIso(text) {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(text ?? "");
  return parts ? Date.parse(`${parts[1]}Z`) * 1e3 + Number((parts[2] ?? "").padEnd(6, "0")) : NaN;
}

/** Events: `range` (detail.by: "gesture", "quick", "tick", "address", "extent", "news"), `cursor`, `extent`. */
export class Time extends EventTarget {
  constructor({ now = () => Date.now() * 1e3 } = {}) {
    super();
    this.nowUs = now;
    this.quick = "24h";
    this.home = { quick: "24h" };
    this.insteadOf = null;
    this.live = true;
    this.endUs = now();
    this.startUs = this.endUs - QUICK.get("24h");
    this.extent = null;
    this.cursorUs = null;
    this.pinned = false;
  }

  get spanUs() { return this.endUs - this.startUs; }

  /** A range of its own, which stands still. */
  set({ startUs, endUs }, by = "gesture") {
    Object.assign(this, { startUs, endUs, quick: null, live: false });
    this.#say("range", by);
  }

  /** One of the quick ranges, whose end moves with time. */
  go(quick, by = "quick") {
    Object.assign(this, { quick, home: { quick }, live: true });
    this.#follow();
    this.#say("range", by);
  }

  /** As long as `spanUs`, its end moving with time. */
  last(spanUs, by = "quick") {
    Object.assign(this, { quick: null, live: true, width: spanUs });
    this.#follow();
    this.#say("range", by);
  }

  /** To what an address asks for. */
  open(asked, by) {
    if (asked.quick) this.go(asked.quick, by);
    else if (asked.spanUs) this.last(asked.spanUs, by);
    else this.set(asked, by);
    this.home = asked;
  }

  /** Back to where the page began, or to the quick range chosen last. */
  reset() { this.open(this.home, "quick"); }

  /** A value came: a page that shows the past only because there was nothing newer has something to show now. */
  news(us) {
    const { insteadOf } = this;
    if (!insteadOf || us < this.nowUs() - QUICK.get(insteadOf)) return;
    this.insteadOf = null;
    this.go(insteadOf, "news");
  }

  /** Live again, as wide as it is now: by its quick range where it has that width. */
  resume() {
    const span = this.spanUs;
    const quick = [...QUICK].find(([, us]) => Math.abs(us - span) < span * 0.01)?.[0];
    if (quick) this.go(quick);
    else this.last(span);
  }

  /** Stop where it is. */
  pause() {
    if (!this.live) return;
    this.live = false;
    this.quick = null;
    this.#say("range", "gesture");
  }

  zoom(factor, atUs) { this.set(zoomed(this, factor, atUs)); }
  pan(byUs) { this.set(panned(this, byUs, this.nowUs())); }

  /** Move the right edge to now; only while live. */
  tick() {
    if (!this.live) return;
    this.#follow();
    this.#say("range", "tick");
  }

  /** From the first value to the last, as far as is known. */
  setExtent(startUs, endUs) {
    const known = this.extent;
    this.extent = known ? { startUs: Math.min(known.startUs, startUs), endUs: Math.max(known.endUs, endUs) } : { startUs, endUs };
    this.#say("extent");
    if (this.quick !== "all" || (this.startUs === this.extent.startUs && this.isStopped)) return;
    const before = this.startUs;
    this.#follow();
    if (before !== this.startUs) this.#say("range", "extent");
  }

  setCursor(us, { pinned = false } = {}) {
    if (us === this.cursorUs && pinned === this.pinned) return;
    this.cursorUs = us;
    this.pinned = pinned && us !== null;
    this.#say("cursor");
  }

  #follow() {
    this.endUs = this.nowUs();
    const span = this.quick === null ? this.width ?? this.spanUs : QUICK.get(this.quick);
    if (!Number.isNaN(span)) this.startUs = this.endUs - span;
    else if (this.extent) Object.assign(this, this.whole, { live: !this.isStopped });
    else this.startUs = this.endUs - QUICK.get("1y");
  }

  /** Whether the last value came so long ago that now is not part of the history. */
  get isStopped() {
    const { extent } = this;
    return Boolean(extent) && this.nowUs() - extent.endUs > Math.max(36e8, (extent.endUs - extent.startUs) * 0.25);
  }

  /** The whole history; null while it is not known. */
  get whole() {
    if (!this.extent) return null;
    const { startUs, endUs } = this.extent;
    const now = this.live ? this.endUs : this.nowUs();
    const until = this.isStopped ? endUs + Math.max(1e6, Math.round((endUs - startUs) * 0.01)) : Math.max(endUs, now);
    return { startUs: Math.min(startUs, until - 6e7), endUs: until }; // of a single value, the minute before it
  }

  #say(name, by) { this.dispatchEvent(new CustomEvent(name, { detail: { by } })); }
}

/** The server's time, which is the one that values are stamped with: from when it made the page. */
export function serverClock(madeUs) {
  const [entry] = performance.getEntriesByType("navigation");
  const offset = madeUs && entry ? madeUs - (performance.timeOrigin + entry.responseStart) * 1e3 : 0;
  // A page out of the browser's store says nothing of the clock, and small differences are the way here.
  const trusted = Math.abs(offset) > 2e6 && entry?.type !== "back_forward" ? offset : 0;
  return () => Math.round(Date.now() * 1e3 + trusted);
}

const made = Number(document.querySelector("[data-now-us]")?.dataset.nowUs ?? 0);
export const time = new Time({ now: serverClock(made) });

function readFallback(text) {
  const [startUs, endUs] = text.split("/").map(fromIso);
  return startUs < endUs ? { startUs, endUs } : { quick: QUICK.has(text) ? text : "24h" };
}

let bound = false;

/**
 * Take the range of the address, or else `fallback` (`24h`, or `from/to`), and keep both in step from now on. Where the
 * fallback is of the past because there is nothing newer, the bar names the quick range that it stands for.
 */
export function bindAddress(fallback = "24h") {
  if (bound) return;
  bound = true;
  const insteadOf = document.querySelector("nikdev-range")?.getAttribute("instead-of") ?? null;
  const past = document.querySelector("[data-past]");
  const take = () => {
    const asked = readQuery(location.search);
    time.open(asked ?? readFallback(fallback), "address");
    time.insteadOf = asked ? null : insteadOf;
    if (past) past.hidden = Boolean(asked);
  };
  let writing = 0;
  let movedAt = -Infinity;
  take();
  addEventListener("popstate", take);
  time.addEventListener("range", ({ detail: { by } }) => {
    if (past && by !== "address" && by !== "tick") past.hidden = true;
    if (by !== "gesture" && by !== "quick") return;
    time.insteadOf = null;
    clearTimeout(writing);
    writing = setTimeout(() => {
      // One step back for each thing done, not for each notch of the wheel.
      const target = `?${writeQuery(location.search, time)}`;
      if (target === location.search) return;
      history[by === "quick" || performance.now() - movedAt > PUSH_AFTER_MS ? "pushState" : "replaceState"](null, "", target);
      movedAt = by === "quick" ? -Infinity : performance.now();
    }, by === "quick" ? 0 : 300);
  });
  follow();
}

function follow() {
  // As often as the edge moves by half a pixel of a wide screen, and never for a page that nobody sees.
  const pause = Math.min(10_000, Math.max(250, time.spanUs / 1e3 / 2000));
  setTimeout(() => {
    if (!document.hidden) time.tick();
    follow();
  }, pause);
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) time.tick(); });
