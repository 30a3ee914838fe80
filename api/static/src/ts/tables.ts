// Sorting and filtering of the rows already on the page, for tables marked `data-enhance`.
// Lists that are paged on the server sort by links instead.

const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

function cell(row: HTMLTableRowElement, column: number): string {
  const found = row.cells[column];
  return found?.dataset["value"] ?? found?.textContent?.trim() ?? "";
}

function compare(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => Number(text.replaceAll(",", "").replace(/%$/, "")));
  if (a !== "" && b !== "" && Number.isFinite(x) && Number.isFinite(y)) return x! - y!;
  return collator.compare(a, b);
}

function sortBy(table: HTMLTableElement, head: HTMLTableCellElement): void {
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead!.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0]!;
  const rows = [...body.rows].sort((a, b) => compare(cell(a, head.cellIndex), cell(b, head.cellIndex)));
  body.append(...(descending ? rows.reverse() : rows));
}

function makeSortable(table: HTMLTableElement): void {
  for (const head of table.tHead?.rows[0]?.cells ?? []) {
    if (!head.textContent?.trim() || head.querySelector("a, button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head));
    head.append(button);
  }
}

function makeFilterable(table: HTMLTableElement, label: string): void {
  const tools = document.createElement("div");
  tools.className = "table-tools";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = label;
  input.setAttribute("aria-label", label);
  const output = document.createElement("output");
  tools.append(input, output);
  (table.closest(".table-box") ?? table).before(tools);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const rows = [...table.tBodies[0]!.rows];
    for (const row of rows) row.hidden = !(row.textContent ?? "").toLowerCase().includes(wanted);
    output.value = wanted ? `${rows.filter((row) => !row.hidden).length} / ${rows.length}` : "";
  });
}

// In a narrow window a table that is a form, or whose rows have buttons, folds: each cell is told its head, and the style sheet shows it there.
function nameCells(root: ParentNode): void {
  const controls = "td :is(select, textarea, form, button[type=submit], input:not([type=hidden]))";
  for (const table of root.querySelectorAll<HTMLTableElement>(".table-box > table")) {
    if (!table.tBodies[0]?.querySelector(controls)) continue;
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((head) => head.textContent?.trim() ?? "");
    table.classList.add("folds");
    for (const row of table.tBodies[0].rows)
      for (const [n, cell] of [...row.cells].entries()) if (cell.colSpan === 1) cell.dataset["head"] = heads[n] ?? "";
  }
}

export function enhanceTables(root: ParentNode): void {
  nameCells(root);
  for (const table of root.querySelectorAll<HTMLTableElement>("table[data-enhance]")) {
    if (!table.tBodies[0] || table.tBodies[0].rows.length < 2) continue;
    makeSortable(table);
    const label = table.dataset["filter"];
    if (label && table.tBodies[0].rows.length > 8) makeFilterable(table, label);
  }
}
