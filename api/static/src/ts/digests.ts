// Beside a field that takes a SHA-256: choose the file, and its digest is computed here. The file never leaves this machine.
// `data-shape` is "one" for a field that holds one digest, else the line that each file adds: "{sha} {name}".
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

type Field = HTMLInputElement | HTMLTextAreaElement;

async function digestOf(file: File, told: (share: number) => void, isStale: () => boolean): Promise<string | null> {
  const hash = sha256.create();
  const reader = file.stream().getReader();
  for (let read = 0; ; ) {
    const { done, value } = await reader.read();
    if (isStale()) return reader.cancel().then(() => null);
    if (done) return bytesToHex(hash.digest());
    hash.update(value);
    read += value.length;
    told(file.size ? read / file.size : 1);
  }
}

function enter(field: Field, shape: string, file: File, sha: string): void {
  if (shape === "one") {
    field.value = sha;
    const name = field.form?.elements.namedItem(field.name.replace("_sha256", "_name"));
    if (name instanceof HTMLInputElement && name !== field && !name.value) name.value = file.name;
  } else {
    const line = shape.replace("{sha}", sha).replace("{name}", () => file.name);
    const before = field.value.trimEnd();
    if (!before.includes(line)) field.value = before ? `${before}\n${line}\n` : `${line}\n`;
  }
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export function computeDigests(): void {
  for (const box of document.querySelectorAll<HTMLElement>("[data-digest]")) box.hidden = false;
  document.addEventListener("change", (event) => {
    const input = event.target as HTMLInputElement;
    const box = input.closest<HTMLElement>("[data-digest]");
    const field = box && (document.getElementById(box.dataset["digest"] ?? "") as Field | null);
    if (!box || !field) return;
    void compute(box, field, input);
  });
}

async function compute(box: HTMLElement, field: Field, input: HTMLInputElement): Promise<void> {
  const said = box.querySelector("output")!;
  const files = [...(input.files ?? [])];
  const turn = `${Number(box.dataset["turn"] ?? 0) + 1}`;
  box.dataset["turn"] = turn; // choosing again ends what is still being read
  const isStale = () => box.dataset["turn"] !== turn;
  try {
    for (const file of files) {
      const sha = await digestOf(file, (share) => (said.value = `${file.name} · ${Math.floor(100 * share)} %`), isStale);
      if (sha === null) return;
      enter(field, box.dataset["shape"] ?? "one", file, sha);
    }
    said.value = files.length ? (box.dataset["done"] ?? "") : "";
    input.value = "";
  } catch {
    if (!isStale()) said.value = box.dataset["broken"] ?? "";
  }
}
