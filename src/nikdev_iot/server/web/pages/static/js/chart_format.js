// Numbers, times and colours as the charts write them.

const day = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const dayAndClock = new Intl.DateTimeFormat("en-GB", { ...day, ...clock });
const dayMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const onlyClock = new Intl.DateTimeFormat("en-GB", clock);
const zoneName = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

function fraction(us) {
  const micros = ((us % 1e6) + 1e6) % 1e6;
  return micros ? `.${String(micros).padStart(6, "0").replace(/(000)?$/, "")}` : "";
}

/** `Sun, 22 Nov 2026, 12:03:04.250`, in the viewer's zone. */
export const longTime = (us) => dayAndClock.format(us / 1e3) + fraction(us);
export const clockTime = (us) => onlyClock.format(us / 1e3) + fraction(us);
export const zone = (us) => zoneName.formatToParts(us / 1e3).find((part) => part.type === "timeZoneName").value;
export const utcTime = (us) => new Date(us / 1e3).toISOString().replace("T", " ").replace(/\.\d+Z$/, "") + fraction(us) + " UTC";

/** From one time to another, both to the last digit. */
export const betweenExact = (from, to) => `${longTime(from)} – ${shortDay.format(from / 1e3) === shortDay.format(to / 1e3) ? clockTime(to) : longTime(to)}`;

const yearOf = (year) => (year === new Date().getFullYear() ? "" : ` ${year}`);

/** A range, as short as it can be said. */
export function betweenTimes(startUs, endUs) {
  const [start, end] = [startUs / 1e3, endUs / 1e3];
  if (endUs - startUs > 60 * 864e8) return shortDay.formatRange(start, end);
  const year = new Date(end).getFullYear();
  if (endUs - startUs < 6e8) return `${dayMonth.format(start)}${yearOf(year)}, ${clockTime(Math.floor(startUs / 1e3) * 1e3)} – ${clockTime(Math.floor(endUs / 1e3) * 1e3)}`;
  if (dayMonth.format(start) === dayMonth.format(end)) return `${dayMonth.format(start)}${yearOf(year)}, ${minutes.format(start)} – ${minutes.format(end)}`;
  return `${dayMonth.format(start)}, ${minutes.format(start)} – ${dayMonth.format(end)}${yearOf(year)}, ${minutes.format(end)}`;
}

/** The time of a commit, or of a bucket from its start to its end, for who knows the year. */
export function pointTime(us, everyUs) {
  const begin = `${dayMonth.format(us / 1e3)}, ${clockTime(us)}`;
  return everyUs ? `${begin} – ${everyUs < 864e8 ? clockTime(us + everyUs) : dayMonth.format((us + everyUs) / 1e3)}` : begin;
}

/** A number with the decimals that its field wants; else without the noise of float32. */
export function formatNumber(value, decimals = null) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return group(value);
  if (decimals !== null) return group(value.toFixed(decimals));
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? group(String(value)) : String(value).replace("-", "−");
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(5).replace(/\.?0+e/, "e").replaceAll("-", "−");
  return group(String(Number(value.toPrecision(7))));
}

/** A mean: one decimal more than what it is the mean of, or those that its field wants. */
export function formatMean(mean, low, high, decimals = null) {
  const digits = (value) => (/\.(\d+)$/.exec(String(Number(value.toPrecision(7)))) ?? ["", ""])[1].length;
  if (decimals !== null || Math.abs(mean) >= 1e9 || Math.abs(mean) < 1e-4) return formatNumber(mean, decimals);
  return formatNumber(low === high ? mean : Number(mean.toFixed(Math.min(7, Math.max(digits(low), digits(high)) + 1))));
}

function group(text) {
  const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(text) ?? [null, "", text, ""];
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
  return `${sign ? "−" : ""}${spaced}${rest}`;
}

/** What the y axis says at its marks: the same number of decimals and the same unit of a thousand at each. */
export function axisNumbers(splits) {
  const known = splits.filter((value) => value !== null);
  const top = Math.max(...known.map(Math.abs));
  if (!known.length) return [];
  const step = known.length > 1 ? Math.abs(known[1] - known[0]) : top || 1;
  if (top !== 0 && top < 1e-3) return splits.map((value) => (value === null ? null : value ? value.toExponential(1).replaceAll("-", "−") : "0"));
  const [scale, letter] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([size]) => top >= size * 10) ?? [1, ""];
  let decimals = 0;
  while (decimals < 6 && Math.abs(Math.round((step / scale) * 10 ** decimals) - (step / scale) * 10 ** decimals) > 1e-6 * 10 ** decimals * (step / scale)) decimals += 1;
  if (top >= 1e16) return splits.map((value) => (value === null ? null : value.toExponential(0)));
  const texts = splits.map((value) => (value === null ? null : (value / scale).toFixed(decimals).replace(/^-0(\.0*)?$/, "0$1").replace("-", "−") + (value ? letter : "")));
  // Far from zero and close to each other, they differ in digits that are cut off above.
  return new Set(texts).size < new Set(splits).size ? splits.map((value) => (value === null ? null : String(value).replaceAll("-", "−"))) : texts;
}

export function stateText(value) { return typeof value === "boolean" ? (value ? "true" : "false") : String(value); }

const tokens = new Map();

/** A colour of the theme. */
export function token(name) {
  if (!tokens.has(name)) tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return tokens.get(name);
}

/** The colour of a field: its own, or that of its place among the fields of its device. */
export const fieldColor = (field) => field.color || token(`series-${(field.place % 8) + 1}`);
export const seriesColor = (index) => token(`series-${(index % 8) + 1}`);

/** `color` as something to see through. */
export const faint = (color, alpha) => `color-mix(in oklab, ${color} ${Math.round(alpha * 100)}%, transparent)`;

/** Call back when the theme or the density of the screen changes. */
export function onTheme(callback) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const changed = () => { tokens.clear(); callback(); };
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
