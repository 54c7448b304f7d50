// Zoom, pan and cursor by wheel, mouse, touch and keyboard: the same on everything that has the page's time axis.

import { time } from "./range.js";

const SLOP_PX = 4;
const SCROLLING_MS = 250;
let scrolledAt = -Infinity;

// A wheel that began to scroll the page goes on scrolling it, also where a chart comes under the pointer.
addEventListener("wheel", (event) => {
  if (!event.target.closest?.("[data-time-axis]")) scrolledAt = performance.now();
}, { passive: true, capture: true });

/** How much a turn of the wheel scales: a notch by about a fifth. */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const pixels = deltaY * (deltaMode === 1 ? 30 : deltaMode === 2 ? 300 : 1) * (ctrlKey ? 4 : 1);
  return Math.exp(Math.max(-300, Math.min(300, pixels)) * 0.002);
}

/**
 * Let an element move the page's time. `box()` is where its time axis is, as `{left, width}` in px of the window;
 * `snap(us)` where the cursor goes; `step(us, direction)` the next commit of the keyboard's cursor; `tell()` says it.
 */
export function attach(element, { box, snap = (us) => us, step = null, tell = null, selection = null, focus = null }) {
  element.dataset.timeAxis = "";
  const at = (x) => {
    const { left, width } = box();
    return time.startUs + ((x - left) / width) * time.spanUs;
  };
  const pointers = new Map();
  let drag = null;
  let pinch = null;

  element.addEventListener("wheel", (event) => {
    if (performance.now() - scrolledAt < SCROLLING_MS && !event.ctrlKey) {
      scrolledAt = performance.now();
      return;
    }
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
    if (sideways) time.pan((sideways / box().width) * time.spanUs);
    else if (event.deltaY) time.zoom(wheelFactor(event), at(event.clientX));
  }, { passive: false });

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, a")) return;
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 2) {
      const [one, two] = pointers.values();
      pinch = { apart: Math.abs(one - two), centerUs: at((one + two) / 2), span: time.spanUs };
      drag = null;
      return;
    }
    drag = { from: event.clientX, y: event.clientY, startUs: time.startUs, endUs: time.endUs, isSelecting: event.shiftKey && selection, moved: false };
  });
  element.addEventListener("pointermove", (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, event.clientX);
    if (pinch && pointers.size === 2) return pinched();
    if (drag && pointers.has(event.pointerId)) return dragged(event);
    if (event.pointerType !== "touch" && !time.pinned) time.setCursor(snap(at(event.clientX)));
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size < 2) pinch = null;
    const done = drag;
    drag = null;
    element.classList.remove("is-dragged");
    if (!done || event.type !== "pointerup") return hideSelection();
    if (done.isSelecting && done.moved) select(done, event.clientX);
    else if (!done.moved) tapped(event);
    hideSelection();
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => { if (!time.pinned && !pointers.size) time.setCursor(null); });
  element.addEventListener("dblclick", (event) => {
    if (event.target.closest("button, a")) return;
    time.setCursor(null);
    time.reset();
  });

  function dragged(event) {
    const by = event.clientX - drag.from;
    if (!drag.moved && Math.hypot(by, event.clientY - drag.y) < SLOP_PX) return;
    if (!drag.moved) element.setPointerCapture(event.pointerId);
    drag.moved = true;
    if (drag.isSelecting) return showSelection(drag.from, event.clientX);
    element.classList.add("is-dragged");
    if (!time.pinned) time.setCursor(null);
    const shift = (-by / box().width) * (drag.endUs - drag.startUs);
    time.set({ startUs: drag.startUs, endUs: drag.endUs });
    time.pan(shift);
  }
  function pinched() {
    const [one, two] = pointers.values();
    const { left, width } = box();
    const span = pinch.span * (pinch.apart / Math.max(20, Math.abs(one - two)));
    const share = ((one + two) / 2 - left) / width;
    const startUs = Math.round(pinch.centerUs - span * share);
    time.set({ startUs, endUs: startUs + Math.max(1000, Math.round(span)) });
  }
  function select(done, x) {
    const [one, two] = [at(done.from), at(x)].sort((a, b) => a - b);
    if (two - one >= 1000) time.set({ startUs: Math.round(one), endUs: Math.round(two) });
  }
  function showSelection(one, two) {
    const { left } = element.getBoundingClientRect();
    selection.hidden = false;
    selection.style.left = `${Math.min(one, two) - left}px`;
    selection.style.width = `${Math.abs(two - one)}px`;
  }
  function hideSelection() { if (selection) selection.hidden = true; }
  function tapped(event) {
    // A click holds the cursor where it is, another one lets it go; a finger puts it elsewhere, or away.
    const us = snap(at(event.clientX));
    if (!time.pinned) time.pause();
    if (event.pointerType === "mouse") return time.setCursor(us, { pinned: !time.pinned });
    const isSame = time.pinned && Math.abs(us - time.cursorUs) < (12 / box().width) * time.spanUs;
    time.setCursor(isSame ? null : us, { pinned: !isSame });
  }

  (focus ?? element).addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("button, a, input")) return;
    const middle = time.startUs + time.spanUs / 2;
    const actions = {
      ArrowLeft: () => (event.shiftKey ? move(-1) : time.pan(-time.spanUs / 8)),
      ArrowRight: () => (event.shiftKey ? move(1) : time.pan(time.spanUs / 8)),
      "+": () => time.zoom(0.6, time.cursorUs ?? middle),
      "=": () => time.zoom(0.6, time.cursorUs ?? middle),
      "-": () => time.zoom(1 / 0.6, time.cursorUs ?? middle),
      Home: () => time.extent && time.set({ startUs: time.extent.startUs, endUs: time.extent.startUs + time.spanUs }),
      End: () => time.resume(),
      Escape: () => (time.cursorUs === null ? time.reset() : time.setCursor(null)),
      0: () => time.reset(),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
  function move(direction) {
    const us = step?.(time.cursorUs ?? time.endUs, direction);
    if (us === null || us === undefined) return;
    if (us < time.startUs || us > time.endUs) time.pan(us - (time.startUs + time.spanUs / 2));
    time.setCursor(us, { pinned: true });
    tell?.();
  }
}
