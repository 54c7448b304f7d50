// Inputs of times: shown and typed in the viewer's zone, sent in µs UTC, and to the µs where nobody touched them.

/** `2026-11-22T10:00:00.000`, as an input of type datetime-local takes it. */
export function toLocal(us) {
  const date = new Date(us / 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 23);
}

export function localize(root = document) {
  for (const input of root.querySelectorAll("input[data-us-name]")) {
    const sent = document.createElement("input");
    sent.type = "hidden";
    sent.name = input.dataset.usName;
    sent.value = input.dataset.exactUs;
    input.removeAttribute("name");
    input.value = sent.value ? toLocal(Number(sent.value)) : "";
    input.addEventListener("input", () => { sent.value = input.value ? String(new Date(input.value).getTime() * 1000) : ""; });
    input.after(sent);
    const zone = root.querySelector(`label[for="${input.id}"] [data-zone]`);
    if (zone) zone.hidden = true;
  }
}

localize();
