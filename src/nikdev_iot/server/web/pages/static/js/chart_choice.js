// Which fields the page's chart shows, and how: kept in the address; without script it is a form that asks again.

const form = document.querySelector("form.chart-choice");
const chart = document.querySelector("nikdev-chart");

function read() {
  const query = new URLSearchParams(location.search);
  return { fields: query.get("fields")?.split(",") ?? null, layout: query.get("layout") ?? "each" };
}

function show({ fields, layout }) {
  const first = form.dataset.default.split(",");
  for (const box of form.querySelectorAll("input[name=field]")) box.checked = (fields ?? first).includes(box.value);
  for (const radio of form.querySelectorAll("input[name=layout]")) radio.checked = radio.value === layout;
  apply();
}

function apply() {
  const ids = [...form.querySelectorAll("input[name=field]:checked")].map((box) => box.value);
  const layout = form.querySelector("input[name=layout]:checked").value;
  if (chart.getAttribute("layout") !== layout) chart.setAttribute("layout", layout);
  if (chart.getAttribute("fields") !== ids.join(",")) chart.setAttribute("fields", ids.join(","));
  return { ids, layout };
}

function changed() {
  const { ids, layout } = apply();
  const query = new URLSearchParams(location.search);
  query.set("fields", ids.join(","));
  query.set("layout", layout);
  history.pushState(null, "", `?${query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`);
}

const waiting = document.querySelector("[data-awaits]");

async function hasValues(device) {
  const answer = await fetch(`/admin/devices/${device}/series?points=1`, { headers: { accept: "application/json" } });
  return answer.ok && (await answer.json()).newest_us !== null;
}

if (waiting) {
  const { subscribe } = await import("./live.js");
  subscribe([waiting.dataset.awaits], async (event) => {
    if (event.gone) return;
    // After a break nothing is said of what came meanwhile.
    const hasCome = Object.keys(event.latest ?? {}).length > 0 || (event.reload && await hasValues(waiting.dataset.awaits));
    if (hasCome) location.reload();
  });
}
if (form && chart) {
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const box of form.querySelectorAll("[data-color]")) if (box.dataset.color) box.style.setProperty("--mark", box.dataset.color);
  addEventListener("popstate", () => show(read()));
}
