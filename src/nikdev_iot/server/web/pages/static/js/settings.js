// Settings: a tag of another device is added by a click, and taken away by another one.

const input = document.querySelector("input[name=tags]");
const tags = () => input.value.split(",").map((tag) => tag.trim()).filter(Boolean);

function mark() {
  const have = new Set(tags().map((tag) => tag.toLowerCase()));
  for (const button of document.querySelectorAll("[data-tag]")) {
    button.setAttribute("aria-pressed", String(have.has(button.dataset.tag.toLowerCase())));
  }
}

document.addEventListener("click", (event) => {
  const tag = event.target.dataset?.tag;
  if (!tag) return;
  const rest = tags().filter((one) => one.toLowerCase() !== tag.toLowerCase());
  input.value = (rest.length === tags().length ? [...rest, tag] : rest).join(", ");
  mark();
});
input?.addEventListener("input", mark);
if (input) mark();
