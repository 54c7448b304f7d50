// A picture of what is seen: title, legends, charts and axes, on the ground of the theme.

import { betweenTimes, fieldColor, token, zone } from "./chart_format.js";
import { AXIS_HEIGHT, FONT } from "./chart_plot.js";
import { time } from "./range.js";

const [MARGIN, TITLE, LEGEND] = [16, 52, 24];

/** Draw a view on a canvas of its own. */
export function picture(view) {
  const dense = window.devicePixelRatio || 1;
  const parts = view.panels.map((panel) => {
    const canvas = panel.root.querySelector("canvas");
    return canvas && { panel, canvas, width: canvas.clientWidth || canvas.width / dense, height: canvas.clientHeight || canvas.height / dense };
  }).filter(Boolean);
  const width = view.clientWidth + 2 * MARGIN;
  const height = TITLE + parts.reduce((sum, part) => sum + LEGEND + part.height + 12, 0) + MARGIN;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * dense), height: Math.round(height * dense) });
  const ctx = canvas.getContext("2d");
  ctx.scale(dense, dense);
  ctx.fillStyle = token("card");
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = token("ink");
  ctx.textBaseline = "alphabetic";
  ctx.font = `600 16px ${FONT.slice(5)}`;
  ctx.fillText(view.getAttribute("name") || document.title.split(" · ")[0], MARGIN, 26);
  ctx.font = FONT;
  ctx.fillStyle = token("quiet");
  ctx.fillText(`${betweenTimes(time.startUs, time.endUs)} (${zone(time.endUs)})`, MARGIN, 44);
  let top = TITLE;
  for (const { panel, canvas: drawn, width: wide, height: high } of parts) {
    legend(ctx, panel, top);
    top += LEGEND;
    ctx.drawImage(drawn, MARGIN, top, wide, high);
    if (panel.note && !panel.note.hidden) note(ctx, panel.note.firstChild?.textContent.trim() ?? "", MARGIN + wide / 2, top + (high - AXIS_HEIGHT) / 2);
    top += high + 12;
  }
  return canvas;
}

/** What stands in the middle of a plot without values. */
function note(ctx, text, x, y) {
  ctx.save();
  ctx.fillStyle = token("quiet");
  ctx.textAlign = "center";
  ctx.fillText(text, x, y);
  ctx.restore();
}

function legend(ctx, panel, top) {
  let left = MARGIN;
  for (const field of panel.fields) {
    ctx.fillStyle = fieldColor(field);
    ctx.fillRect(left, top + 6, 10, 10);
    ctx.fillStyle = token("ink");
    const text = `${field.label}${field.unit ? ` (${field.unit})` : ""}`;
    ctx.fillText(text, left + 16, top + 15);
    left += ctx.measureText(text).width + 36;
  }
}

/** Save the picture as a file. */
export async function savePicture(view) {
  const blob = await new Promise((done) => picture(view).toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const name = (view.getAttribute("name") || "chart").replace(/[^\p{L}\p{N}._-]+/gu, "-");
  link.download = `${name}-${new Date(time.endUs / 1e3).toISOString().slice(0, 19).replaceAll(":", "")}Z.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
