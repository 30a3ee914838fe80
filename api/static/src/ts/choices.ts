// Buttons that tick all or none of the boxes of their fieldset; without a script the boxes are ticked one by one.
export function chooseMany(): void {
  for (const buttons of document.querySelectorAll<HTMLElement>("[data-choose]")) {
    buttons.hidden = false;
  }
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-choose-all], [data-choose-none]");
    const boxes = button?.closest("[data-choices]")?.querySelectorAll<HTMLInputElement>("input[type=checkbox]");
    for (const box of boxes ?? []) {
      box.checked = button?.dataset["chooseAll"] !== undefined;
    }
  });
}
