// A table wider than its box can be scrolled by keyboard; one that fits is no extra stop for the Tab key.
function mark(box: HTMLElement): void {
  if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight) {
    for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    return;
  }
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", box.querySelector("caption")?.textContent?.trim() ?? "");
}

export function markScrollers(root: ParentNode): void {
  const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target as HTMLElement)));
  for (const box of root.querySelectorAll<HTMLElement>(".table-box")) watch.observe(box);
}
