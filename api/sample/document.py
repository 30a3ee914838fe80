"""`docs/sample.md` from the sample itself: `python -m api.sample.document` writes it, a test compares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from api.sample import stories
from api.sample.catalogue import DATASETS, ORGANISATIONS, PEOPLE, SCENARIOS, compared_with
from api.sample.model import SampleDataset, SampleFile

PAGE: Final = Path(__file__).parents[2] / "docs" / "sample.md"
HEAD: Final = """# Sample data (示例数据)

A synthetic, seeded family of tourism datasets for demonstrations and tests. Places are public names; organisations,
people, telephone numbers and measurements are invented: mobile numbers begin with 1300000, landlines with 0755-0000,
and credit codes, although their check digits are right, belong to nobody. The same version of the program and of its
libraries makes the same bytes every time.

This page is written by `python -m api.sample.document` from `api/sample/`; do not edit it by hand.
"""


def render() -> str:
    """The whole page as Markdown."""
    parts = [
        HEAD,
        _datasets(),
        _scenarios(),
        *(_defects(item) for item in DATASETS),
        _later(),
        _organisations(),
        _people(),
    ]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _datasets() -> str:
    rows: list[tuple[object, ...]] = [
        (
            item.id,
            f"{item.record['title_zh']} {item.record['title_en']}",
            item.record["publisher"],
            item.record["data_level"],
            item.record["open_type"],
            item.record["auth_op_scope"],
            len(item.columns),
            len(item.suite["expectations"]),
            ", ".join(compared_with(item)) or "—",
            item.clean.name,
            item.defective.name,
        )
        for item in DATASETS
    ]
    head = ("Dataset", "Title", "Publisher", "Level", "Open", "Authorised operation", "Columns", "Rules",
            "Compares with", "Clean batch", "Defective batch")  # fmt: skip
    note = (
        "Every clean batch passes with no rule failing; every defective one fails as told below. One dataset has a third\n"
        "batch that passes with a warning, which a person must confirm with a note before it can be published. Rules that\n"
        "compare with another dataset ask for its current release, so that one is published first.\n"
    )
    return f"## Datasets\n\n{_table(head, rows)}\n{note}"


def _scenarios() -> str:
    rows: list[tuple[object, ...]] = [
        (item.id, f"{item.name.zh} {item.name.en}", ", ".join(item.datasets)) for item in SCENARIOS
    ]
    return "## Scenarios\n\n" + _table(("Scenario", "Name", "Datasets"), rows)


def _defects(item: SampleDataset) -> str:
    title = f"## {item.id} {item.record['title_zh']} {item.record['title_en']}"
    faults = [_faults(item, batch) for batch in item.batches if batch.defects]
    return "\n\n".join([title, *faults, *_export(item)]) + "\n"


def _export(item: SampleDataset) -> list[str]:
    """What every extract must fulfil, where the dataset says so."""
    if item.export is None:
        return []
    rows: list[tuple[object, ...]] = [
        (rule["meta"]["rule_id"], f"{rule['meta']['title_zh']} {rule['meta']['title_en']}")
        for rule in item.export["expectations"]
    ]
    return ["Export suite, asked of every extract:\n\n" + _table(("Rule", "What it asks"), rows).rstrip()]


def _faults(item: SampleDataset, batch: SampleFile) -> str:
    told = "\n".join(f"- {defect.zh}。 {defect.en}." for defect in batch.defects)
    rules = {check["meta"]["rule_id"]: check for check in item.suite["expectations"]}
    rows: list[tuple[object, ...]] = []
    for rule_id, count in batch.expected["counts"].items():
        meta, severity = rules[rule_id]["meta"], rules[rule_id]["severity"]
        shown = "the whole batch" if count is None else count
        rows.append((rule_id, meta["gbt36344"], severity, shown, f"{meta['title_zh']} {meta['title_en']}"))
    head = ("Rule", "GB/T 36344", "Severity", "Unexpected", "What it asks")
    verdict = f"`{batch.name}`, verdict **{batch.expected['verdict']}**:"
    return f"{verdict}\n\n{told}\n\n{_table(head, rows).rstrip()}"


def _later() -> str:
    """What the play does with two datasets after their first release."""
    return f"""## Later releases

`datagrant demo` plays these with the datasets above (`api/sample/stories.py`):

- {stories.WARNINGS}: a source, the folder `{stories.INBOX}/org-weather/warnings` in the demo's directory, fetches `{stories.NEXT}`. Two of its areas are
  misspelt, so the gate stops it; both cells are mended on the correction sheet, which is returned and merged by row. Release 2
  adds three warnings and changes two, as its page of differences shows.
- {stories.SHUTTLES}: one bus was truly overcrowded. Two people sign a waiver of TR2-boarded for one row and thirty days; release 2 names it for ever.
"""


def _organisations() -> str:
    rows: list[tuple[object, ...]] = [
        (item.id, f"{item.name.zh} {item.name.en}", item.kind, item.credit_code, item.licence_valid_to or "—")
        for item in ORGANISATIONS
    ]
    return "## Organisations\n\n" + _table(("Id", "Name", "Kind", "Credit code", "Licence valid to"), rows)


def _people() -> str:
    rows: list[tuple[object, ...]] = [
        (item.username, f"{item.name_zh} {item.name_en}", item.org, ", ".join(item.roles), f"{item.does.zh} {item.does.en}")
        for item in PEOPLE
    ]  # fmt: skip
    return "## People\n\n" + _table(("User", "Name", "Organisation", "Roles", "What they do"), rows)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
