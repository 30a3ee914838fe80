// A second click on a form that is already on its way must not send it twice.
export function submitOnce(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset["sent"]) return event.preventDefault();
    form.dataset["sent"] = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  // The browser may bring the page back from memory: the form is then free again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) {
      delete form.dataset["sent"];
      form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
    }
  });
}
