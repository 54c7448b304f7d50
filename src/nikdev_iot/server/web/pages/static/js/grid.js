// Where tiles stand on a board of 12 columns. As server/dashboards/content.py (`arranged`) does it.

export const COLUMNS = 12;
export const MAX_HEIGHT = 24;

/**
 * Places without one over another and none hanging in the air: each, from the top left on, goes up as far as it can.
 * `places` is a Map of id to {x, y, w, h}; the tile `first` goes before others of the same row.
 */
export function arranged(places, first = null) {
  const heights = new Array(COLUMNS).fill(0);
  const done = new Map();
  const order = [...places].sort(([one, a], [two, b]) => a.y - b.y || (two === first) - (one === first) || a.x - b.x || (one < two ? -1 : 1));
  for (const [id, place] of order) {
    const w = Math.min(place.w, COLUMNS);
    const x = Math.max(0, Math.min(place.x, COLUMNS - w));
    const y = Math.max(...heights.slice(x, x + w));
    heights.fill(y + place.h, x, x + w);
    done.set(id, { x, y, w, h: place.h });
  }
  return done;
}

/** The places with one tile put elsewhere. */
export function moved(places, id, { x, y }) {
  const place = places.get(id);
  const wanted = { ...place, x: Math.max(0, Math.min(x, COLUMNS - place.w)), y: Math.max(0, y) };
  return arranged(new Map([...places, [id, wanted]]), id);
}

/** The places with one tile of another size. */
export function resized(places, id, { w, h }) {
  const place = places.get(id);
  const size = { w: Math.max(1, Math.min(w, COLUMNS - place.x)), h: Math.max(1, Math.min(h, MAX_HEIGHT)) };
  return arranged(new Map([...places, [id, { ...place, ...size }]]), id);
}

export const same = (one, two) => [...one].every(([id, a]) => {
  const b = two.get(id);
  return b && a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
});

/** One step in a direction, as far as it takes until something changes. */
export function stepped(places, id, dx, dy) {
  const from = places.get(id);
  for (let far = 1; far <= MAX_HEIGHT; far += 1) {
    const next = moved(places, id, { x: from.x + dx * far, y: from.y + dy * far });
    if (!same(places, next)) return next;
    if (dx) break;
  }
  return places;
}

/** The place that the classes of a tile say: `x0 y0 w3 h2`. */
export function placeOf(tile) {
  const number = (name) => Number(new RegExp(`(?:^|\\s)${name}(\\d+)(?:\\s|$)`).exec(tile.className)?.[1] ?? 0);
  return { x: number("x"), y: number("y"), w: number("w") || 1, h: number("h") || 1 };
}

export function setPlace(tile, { x, y, w, h }) {
  const others = [...tile.classList].filter((name) => !/^[xywh]\d+$/.test(name));
  tile.className = [...others, `x${x}`, `y${y}`, `w${w}`, `h${h}`].join(" ");
}
