// What stands on a plot beside its lines: declared gaps, commit messages, single values, the edge of now.

/* global uPlot */
import { longTime, token, utcTime } from "./chart_format.js";
import { element } from "./chart_parts.js";
import { time } from "./range.js";

const FLAG_PX = 14;
const TEXT_PX = 260;

/** Hatch a rectangle. */
export function hatchBox(ctx, left, top, width, height, dense = 1) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.fillStyle = token("well");
  ctx.fill();
  ctx.strokeStyle = token("edge");
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = dense;
  ctx.beginPath();
  const step = 7 * dense;
  const from = Math.floor((left - height) / step) * step;
  for (let x = from; x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

/** Declared gaps, with their reason where it fits. */
export function hatch(u, gaps) {
  const { ctx, bbox } = u;
  const dense = uPlot.pxRatio;
  for (const gap of gaps) {
    if (gap.end_us < time.startUs || gap.start_us > time.endUs) continue;
    const left = Math.max(bbox.left, u.valToPos(gap.start_us / 1e3, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(gap.end_us / 1e3, "x", true));
    const width = Math.max(3 * dense, right - left);
    hatchBox(ctx, left, bbox.top, width, bbox.height, dense);
    ctx.save();
    ctx.font = `${12 * dense}px system-ui, sans-serif`;
    const text = gap.reason || "gap";
    const wide = ctx.measureText(text).width + 12 * dense;
    if (wide < width) {
      ctx.fillStyle = token("card");
      ctx.fillRect(left + (width - wide) / 2, bbox.top + bbox.height / 2 - 10 * dense, wide, 20 * dense);
      ctx.fillStyle = token("quiet");
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillText(text, left + width / 2, bbox.top + bbox.height / 2);
    }
    ctx.restore();
  }
}

/** A thin line under each flag, in every plot. */
export function line(u, messages) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = token("edge");
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
  ctx.beginPath();
  for (const { time_us: us } of messages) {
    if (us < time.startUs || us > time.endUs) continue;
    const x = Math.round(u.valToPos(us / 1e3, "x", true)) + 0.5;
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}

/** Values without neighbours, which no line reaches: a dot, and from lowest to highest a stroke. */
export function isolated(u, colors) {
  const [xs] = u.data;
  const { ctx, bbox } = u;
  const dense = uPlot.pxRatio;
  const [from, to] = [time.startUs / 1e3, time.endUs / 1e3];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  colors.forEach((color, n) => {
    const [ys, lows, highs] = [u.data[n * 3 + 1], u.data[n * 3 + 2], u.data[n * 3 + 3]];
    const scale = u.series[n * 3 + 1].scale;
    ctx.fillStyle = ctx.strokeStyle = color;
    ctx.lineWidth = 1.5 * dense;
    const rows = [];
    for (let i = 0; i < xs.length; i += 1) if (ys[i] !== undefined) rows.push(i);
    const isBreak = (row) => row === undefined || ys[row] === null;
    rows.forEach((i, place) => {
      if (ys[i] === null || !isBreak(rows[place - 1]) || !isBreak(rows[place + 1]) || xs[i] < from || xs[i] > to) return;
      const x = u.valToPos(xs[i], "x", true);
      ctx.beginPath();
      ctx.arc(x, u.valToPos(ys[i], scale, true), 2 * dense, 0, 7);
      ctx.fill();
      if (!(highs[i] > lows[i])) return;
      ctx.globalAlpha = 0.5;
      ctx.beginPath();
      ctx.moveTo(x, u.valToPos(lows[i], scale, true));
      ctx.lineTo(x, u.valToPos(highs[i], scale, true));
      ctx.stroke();
      ctx.globalAlpha = 1;
    });
  });
  ctx.restore();
}

export function liveEdge(u) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = token("accent");
  ctx.fillRect(bbox.left + bbox.width - uPlot.pxRatio, bbox.top, uPlot.pxRatio, bbox.height);
  ctx.restore();
}

/** Above each y axis, the colours of those that it measures. */
export function axisMarks(u, colors, scaleOf) {
  const { ctx, bbox } = u;
  const dense = uPlot.pxRatio;
  ctx.save();
  for (const at of [0, 1]) {
    colors.filter((_, n) => scaleOf[n] === at).forEach((color, n) => {
      ctx.fillStyle = color;
      const left = at ? bbox.left + bbox.width + (8 + n * 10) * dense : bbox.left - (16 + n * 10) * dense;
      ctx.fillRect(left, bbox.top - 14 * dense, 8 * dense, 8 * dense);
    });
  }
  ctx.restore();
}

/** Messages nearer to each other than a flag is wide share one. */
export function grouped(messages, startUs, endUs, width) {
  const groups = [];
  for (const message of messages) {
    if (message.time_us < startUs || message.time_us > endUs) continue;
    const x = ((message.time_us - startUs) / (endUs - startUs)) * width;
    const last = groups.at(-1);
    if (last && x - last.x < FLAG_PX) last.messages.push(message);
    else groups.push({ x, messages: [message] });
  }
  return groups;
}

/** Small flags above the first plot, whose text shows on hover and on focus. */
export function layFlags(home, messages, left, width) {
  const groups = grouped(messages, time.startUs, time.endUs, width);
  while (home.children.length > groups.length) home.lastChild.remove();
  while (home.children.length < groups.length) {
    const flag = home.appendChild(element("button", "flag"));
    flag.type = "button";
    flag.appendChild(element("span", "flag-text"));
  }
  groups.forEach(({ x, messages: list }, n) => {
    const flag = home.children[n];
    const key = list.map((m) => `${m.origin}/${m.number}`).join();
    flag.style.transform = `translateX(${left + x}px)`;
    const text = flag.firstChild;
    // The text stays within the plot.
    text.style.transform = `translateX(${Math.round(Math.max(-x, Math.min(-8, width - x - TEXT_PX)))}px)`;
    if (flag.dataset.key === key) return;
    flag.dataset.key = key;
    flag.classList.toggle("is-many", list.length > 1);
    const shown = list.slice(-5);
    text.replaceChildren(...shown.flatMap((m) => {
      const when = element("span", "flag-time", `${longTime(m.time_us)} · #${m.number}`);
      when.title = utcTime(m.time_us);
      return [element("span", "flag-words", m.text), when];
    }));
    if (list.length > shown.length) text.prepend(element("span", "flag-time", `${list.length} messages, the newest ${shown.length}:`));
  });
}
