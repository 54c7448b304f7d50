// Gauges of a dashboard; as web/pages/dashboard_view.py (`gauge_of`) makes them.

/** Where a number lies on a scale, in hundredths of it. */
export const placeOn = (number, min, max) => Math.min(100, Math.max(0, (100 * (number - min)) / (max - min)));

/** What is said of a number: "too low", "too high" or nothing. */
export function wordOf(number, low, high) {
  if (low !== null && number < low) return "too low";
  return high !== null && number > high ? "too high" : "";
}

/** Show a value on the gauge of a tile. */
export function showGauge(tile, value) {
  const gauge = tile.querySelector(".gauge");
  if (!gauge) return;
  const read = (name) => (gauge.dataset[name] === undefined ? null : Number(gauge.dataset[name]));
  const isNumber = typeof value === "number";
  const at = isNumber ? placeOn(value, read("min"), read("max")) : 0;
  gauge.querySelector(".fill").setAttribute("stroke-dasharray", `${at.toFixed(2)} 200`);
  const word = isNumber ? wordOf(value, read("low"), read("high")) : "";
  const words = gauge.querySelector(".word");
  words.textContent = word;
  words.hidden = !word;
  words.toggleAttribute("data-low", word === "too low");
  tile.classList.toggle("off", Boolean(word));
}
