// Asks before a step that is hard to take back. A submit button carries the question in `data-confirm`;
// the dialog itself, with its words, stands in base.html.

function shown(dialog: HTMLDialogElement, question: string, yes: string): Promise<boolean> {
  dialog.querySelector("[data-question]")!.textContent = question;
  dialog.querySelector("[data-yes]")!.textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function confirmBeforeSubmit(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#confirm");
  if (!dialog) return;
  const agreed = new WeakSet<HTMLElement>();
  document.addEventListener(
    "submit",
    (event) => {
      const button = event.submitter;
      const question = button?.dataset["confirm"];
      if (!button || !question || agreed.delete(button)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      void shown(dialog, question, button.textContent?.trim() ?? "").then((yes) => {
        if (!yes) return button.focus();
        agreed.add(button);
        (event.target as HTMLFormElement).requestSubmit(button);
      });
    },
    { capture: true },
  );
}
