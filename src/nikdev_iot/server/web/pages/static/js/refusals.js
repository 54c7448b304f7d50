// A form that htmx sent and the server refused says why in its place, beside the input that was wrong.

function mark(form, name) {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const input of name ? form.querySelectorAll(`[name="${name}"]`) : []) input.setAttribute("aria-invalid", "true");
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig, elt } = event.detail;
  const form = requestConfig?.elt?.closest?.("form") ?? elt;
  if (!(form instanceof HTMLFormElement)) return;
  const refused = xhr.status === 422;
  if (refused) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
  mark(form, refused ? /data-wrong="(\w+)"/.exec(xhr.responseText)?.[1] : "");
});
