// Pieces of a chart that are no canvas.

import { fieldColor, formatMean, formatNumber } from "./chart_format.js";

export function element(name, classes = "", text = null) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== null) made.textContent = text;
  return made;
}

export function button(label, action, classes = "") {
  const made = element("button", classes, label);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

/** One field above its chart: colour, name, value, and from where to where. */
export function legendEntry(home, field) {
  const root = home.appendChild(element("div", "entry"));
  const swatch = root.appendChild(element("span", "swatch"));
  const name = root.appendChild(element("span", "entry-name", field.label));
  name.title = field.about ?? (field.label === field.id ? field.id : `${field.label} (${field.id})`);
  const value = root.appendChild(element("span", "entry-value", "–"));
  const unit = root.appendChild(element("span", "unit", field.unit));
  const range = root.appendChild(element("span", "entry-range"));
  const recolor = () => { swatch.style.backgroundColor = fieldColor(field); };
  recolor();
  return {
    root, recolor,
    show(number, between, title, isMean = false) {
      value.textContent = isMean ? formatMean(number, ...between, field.decimals) : formatNumber(number, field.decimals);
      value.title = [number === null ? "" : String(number), title].filter(Boolean).join(", ");
      range.textContent = between && between[0] !== between[1] ? `${formatNumber(between[0], field.decimals)} – ${formatNumber(between[1], field.decimals)}` : "";
      unit.textContent = [field.unit, isMean ? "mean" : ""].filter(Boolean).join(" ");
      unit.hidden = number === null || !unit.textContent;
    },
    say(text, title) {
      value.textContent = text;
      value.title = title;
    },
  };
}

/** A canvas as dense as the screen, cleared; null while it has no size. */
export function canvasContext(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return null;
  const dense = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = canvas.getContext("2d");
  ctx.setTransform(dense, 0, 0, dense, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height };
}
