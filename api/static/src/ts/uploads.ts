// Large files show how far they are; otherwise the form goes out as it would by itself.
const WORTH_SHOWING = 2 * 1024 * 1024;

function bytesIn(form: HTMLFormElement): number {
  const files = [...form.querySelectorAll<HTMLInputElement>('input[type="file"]')].flatMap((input) => [...(input.files ?? [])]);
  return files.reduce((sum, file) => sum + file.size, 0);
}

// A redirect leads on as usual (its one-time message is kept for that visit, by the header below); an answer from the
// same address is the form with its refusal, which takes this form's place.
function settle(form: HTMLFormElement, request: XMLHttpRequest): void {
  if (request.responseURL !== form.action) return location.assign(request.responseURL);
  const fresh = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
  if (fresh) document.querySelector("main")?.replaceWith(fresh);
  window.scrollTo(0, 0);
}

function send(form: HTMLFormElement, body: FormData, box: HTMLElement): void {
  const bar = box.querySelector("progress")!;
  const said = box.querySelector("output")!;
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = total ? loaded / total : 0;
    said.value = `${Math.floor(100 * bar.value)} %`;
  });
  request.addEventListener("load", () => settle(form, request));
  request.addEventListener("error", () => {
    said.value = box.dataset["broken"] ?? "";
    delete form.dataset["sent"];
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  });
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.setRequestHeader("X-Upload", "yes");
  request.send(body);
  box.hidden = false;
}

export function showUploads(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const box = form.querySelector<HTMLElement>("[data-upload]");
    if (event.defaultPrevented || !box || form.enctype !== "multipart/form-data") return;
    if (bytesIn(form) < WORTH_SHOWING) return;
    event.preventDefault();
    send(form, new FormData(form, event.submitter), box);
  });
}
