// API keys: the day is asked for only where it counts, a switch that was refused goes back, and a secret that was stored goes.
import "./refusals.js";

function dress(root = document) {
  for (const part of root.querySelectorAll(".expiry")) {
    const day = part.querySelector(".last-day");
    day.hidden = part.querySelector("select").value !== "date";
    day.querySelector("input").disabled = day.hidden;
  }
}

document.addEventListener("change", (event) => {
  if (event.target.name !== "expires") return;
  dress(event.target.closest("form"));
  if (event.target.value === "date") event.target.form.elements.date.focus();
});
document.addEventListener("click", (event) => {
  if (event.target.id !== "stored") return;
  event.preventDefault();
  document.getElementById("secret").remove();
  document.getElementById("api-keys").focus();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form.access");
  if (!form) return;
  for (const input of form.querySelectorAll(".switch")) {
    if (event.detail.xhr.status === 200) input.defaultChecked = input.checked;
    else input.checked = input.defaultChecked;
  }
});
document.addEventListener("htmx:afterSettle", () => {
  dress();
  if (document.activeElement === document.body) document.getElementById("api-keys")?.focus();
});
dress();
