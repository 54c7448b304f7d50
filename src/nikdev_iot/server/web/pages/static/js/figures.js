// Values as pages show them; as figures.py does it for those that are there when a page is made.

/** A value as text. `kind` tells a float from an int, which JSON does not: "float", "int", or nothing for a guess. */
export function figure(value, decimals = null, isFloat = !Number.isInteger(value)) {
  return typeof value === "number" ? digits(value, decimals, isFloat).replaceAll("-", "−") : String(value);
}

function digits(value, decimals, isFloat) {
  if (!isFloat) return decimals ? `${value}.${"0".repeat(decimals)}` : String(value);
  if (Math.abs(value) >= 1e15) return value.toExponential(6);
  if (decimals !== null && decimals !== undefined) return value.toFixed(decimals);
  const text = String(Number(value.toPrecision(7)));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
