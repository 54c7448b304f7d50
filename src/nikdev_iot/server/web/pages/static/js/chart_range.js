// <nikdev-range>: the quick ranges in the bar, a range of one's own, and whether the charts are live.

import { betweenTimes, longTime, utcTime, zone } from "./chart_format.js";
import { button, element } from "./chart_parts.js";
import { bindAddress, time } from "./range.js";

/** `2026-11-22T13:00:00` of the viewer's zone, for a field of a form. */
function toField(us) {
  const date = new Date(us / 1e3);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

class NikdevRange extends HTMLElement {
  connectedCallback() {
    if (this.live) return;
    for (const waiting of this.querySelectorAll(".is-waiting")) waiting.remove();
    bindAddress(this.getAttribute("range") ?? "24h");
    this.links = [...this.querySelectorAll("a[data-range]")];
    for (const link of this.links) {
      link.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        time.go(link.dataset.range);
      });
    }
    this.live = this.appendChild(button("live", () => (time.live ? time.pause() : time.resume()), "live-button"));
    this.append(this.#own());
    time.addEventListener("range", () => this.show());
    this.show();
  }

  #own() {
    const details = element("details", "menu own-range");
    this.summary = details.appendChild(element("summary"));
    const form = details.appendChild(element("form", "own-range-form"));
    const field = (name, label) => {
      const home = form.appendChild(element("label", "", label));
      const input = home.appendChild(element("input"));
      Object.assign(input, { type: "datetime-local", step: 1, name, required: true });
      return input;
    };
    const [from, to] = [field("from", "From"), field("to", "To")];
    this.zone = form.appendChild(element("p", "quiet"));
    const wrong = form.appendChild(element("p", "error"));
    wrong.setAttribute("role", "alert");
    wrong.hidden = true;
    const show = form.appendChild(element("button", "primary", "Show"));
    show.type = "submit";
    details.addEventListener("toggle", () => {
      if (!details.open) return;
      [from.value, to.value] = [toField(time.startUs), toField(time.endUs)];
      this.zone.textContent = `Times of ${zone(time.endUs)}.`;
    });
    form.noValidate = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [startUs, endUs] = [new Date(from.value).getTime() * 1e3, new Date(to.value).getTime() * 1e3];
      wrong.hidden = endUs > startUs;
      wrong.textContent = Number.isNaN(startUs + endUs) ? "Give both times." : "The end must be after the start.";
      if (!wrong.hidden) return;
      time.set({ startUs, endUs }, "quick");
      details.open = false;
    });
    details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open) return;
      details.open = false;
      this.summary.focus();
    });
    return details;
  }

  show() {
    for (const link of this.links) {
      if (link.dataset.range === time.quick) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.live.setAttribute("aria-pressed", String(time.live));
    const words = time.live ? "live" : "paused";
    if (this.live.textContent !== words) this.live.textContent = words;
    this.live.title = time.live ? "Live: the right edge is now. Press to stop here." : "Paused. Press to follow the newest values.";
    this.live.setAttribute("aria-label", time.live ? "live" : "paused, go live");
    const text = betweenTimes(time.startUs, time.endUs);
    if (this.summary.textContent === text) return;
    this.summary.textContent = text;
    this.summary.title = `${longTime(Math.round(time.startUs / 1e6) * 1e6)} – ${longTime(Math.round(time.endUs / 1e6) * 1e6)}\n${utcTime(Math.round(time.startUs / 1e6) * 1e6)} – ${utcTime(Math.round(time.endUs / 1e6) * 1e6)}`;
  }
}

customElements.define("nikdev-range", NikdevRange);
