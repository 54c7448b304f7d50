// <nikdev-spark values="[1, 2, null, 4]" [low="…"] [high="…"] [color="#rrggbb"] [place="2"]>: a line as small as a word.
//
// `values` are numbers, or [time, number] pairs whose distances are kept; null is a gap. Drawn as SVG; what it means is
// said by the text beside it, so it is hidden from screen readers unless it has an aria-label.

const SVG = "http://www.w3.org/2000/svg";
const PAD = 2;

/** Lines of a box of 100 x 100, one for each run without a gap; a value alone is a dot at the right, where the newest is. */
export function sparkPath(values) {
  const points = values.map((value, n) => (Array.isArray(value) ? { x: value[0], y: value[1] } : { x: n, y: value }));
  const known = points.filter((point) => typeof point.y === "number" && Number.isFinite(point.y));
  if (!known.length) return "";
  const [x0, x1] = [points[0].x, points.at(-1).x];
  const low = known.reduce((least, { y }) => Math.min(least, y), Infinity);
  const high = known.reduce((most, { y }) => Math.max(most, y), -Infinity);
  const px = (x) => (x1 === x0 ? 100 : ((x - x0) / (x1 - x0)) * 100).toFixed(2);
  const py = (y) => (high === low ? 50 : 100 - ((y - low) / (high - low)) * 100).toFixed(2);
  let path = "";
  let isOn = false;
  for (const { x, y } of points) {
    if (typeof y !== "number" || !Number.isFinite(y)) {
      isOn = false;
      continue;
    }
    path += isOn ? `L${px(x)} ${py(y)}` : `M${px(x)} ${py(y)}h0.01`;
    isOn = true;
  }
  return path;
}

class NikdevSpark extends HTMLElement {
  static observedAttributes = ["values", "color", "place"];

  connectedCallback() {
    if (!this.hasAttribute("aria-label")) this.setAttribute("aria-hidden", "true");
    else this.setAttribute("role", "img");
    this.draw();
  }

  attributeChangedCallback() { if (this.isConnected) this.draw(); }

  /** Numbers as in the attribute, set by a script. */
  set values(list) { this.setAttribute("values", JSON.stringify(list)); }

  draw() {
    let values = [];
    try {
      values = JSON.parse(this.getAttribute("values") || "[]") ?? [];
    } catch {
      // What is no list draws nothing.
    }
    if (!this.svg) {
      this.svg = document.createElementNS(SVG, "svg");
      this.svg.setAttribute("viewBox", `${-PAD} ${-PAD * 4} ${100 + 2 * PAD} ${100 + 8 * PAD}`);
      this.svg.setAttribute("preserveAspectRatio", "none");
      this.line = this.svg.appendChild(document.createElementNS(SVG, "path"));
      this.line.setAttribute("vector-effect", "non-scaling-stroke");
      this.replaceChildren(this.svg);
    }
    const path = sparkPath(values);
    this.line.setAttribute("d", path);
    this.line.classList.toggle("lone", !path.includes("L")); // dots, which should be seen as such
    const place = this.getAttribute("place");
    this.style.color = this.getAttribute("color") || (place === null ? "" : `var(--series-${(Number(place) % 8) + 1})`);
  }
}

customElements.define("nikdev-spark", NikdevSpark);
