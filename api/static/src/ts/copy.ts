// Copies what the button's `data-copy` names (an element id) and says so in the button for a moment.
export function copyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    button.hidden = !navigator.clipboard;
  }
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-copy]");
    const source = button && document.getElementById(button.dataset["copy"] ?? "");
    if (!button || !source) return;
    const label = button.textContent;
    void navigator.clipboard.writeText(source.textContent ?? "").then(() => {
      button.textContent = button.dataset["done"] ?? label;
      setTimeout(() => (button.textContent = label), 1500);
    });
  });
}
