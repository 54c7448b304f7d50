// Passwords that can be looked at while they are typed.
for (const button of document.querySelectorAll("button[data-show]")) {
  const input = document.getElementById(button.dataset.show);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
    input.focus();
  });
}
