"""The faults that the shared folder's README states of its files, counted by `datagrant check`. `python -m tests.campaigns.stated` writes docs/stated.md.

tests/api/suites/stated.json says for every stated fault how it is counted (rules, findings of the reader, how the file was
read) or why no rule counts it. The page is written from what was found; the tests compare each file's lines with it.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
from typer.testing import CliRunner

from api.cli.check import check
from tests.datasets.intake.every_file import DIFFERS, ROOT, SHARED, stated

PAGE: Final = ROOT / "docs" / "stated.md"
SUITES: Final = ROOT / "tests" / "api" / "suites"
TOLD: Final[dict[str, dict[str, Any]]] = json.loads((SUITES / "stated.json").read_text(encoding="utf-8"))
BEFORE: Final = """# Stated faults, and what the gate finds

Written by `python -m tests.campaigns.stated`: the README of `../shared/data` says of its files what is wrong with them. Every such sentence
is here in its own words, with the rule that `datagrant check` counts it by, the number stated and the number found. `finding` is a note of the
reader (docs/intake.md), not a rule; – means that no number is stated, or nothing to count. A rule's *holds* has no rows to count. The rules are
tests/api/suites/stated.json and the suites beside it; every run of the tests counts anew and compares with this page.

"""
HEADING: Final = (
    "| file | stated | counted by | stated count | found | agrees |\n|---|---|---|---:|---:|---|\n"
)
NONE: Final = re.compile(r"\s*(–|none found)?\s*")
app = typer.Typer()
app.command()(check)


def faults_of_readme() -> dict[str, list[str]]:
    """What the README states of each file, sentence by sentence; files without a stated fault are left out."""
    told: dict[str, list[str]] = {}
    for line in (SHARED / "data" / "README.md").read_text(encoding="utf-8").splitlines():
        cells = re.split(r" \| | \|$", line.removeprefix("| "))
        name = cells[0].strip("`").split("`")[0]
        measured = cells[-2] if len(cells) > 2 else ""
        if (SHARED / "data" / name).is_file() and not NONE.fullmatch(measured):
            told[name] = measured.strip().split("; ")
    return told


def rules_of(told: dict[str, Any]) -> list[list[Any]]:
    """Every rule asked of one file, in order: type, kwargs, count to be found (None: it must hold), count stated if another."""
    if "suite" in told:
        return [
            [each["type"], each["kwargs"], each["meta"].get("finds")]
            for each in json.loads((SUITES / f"{told['suite']}.json").read_text(encoding="utf-8"))[
                "expectations"
            ]
        ]
    return [rule for fault in told["faults"] for rule in fault.get("rules", ())]


def checked(name: str, folder: Path) -> tuple[int, str, dict[str, Any]]:
    """One file through the command: exit code, what stderr says, the report."""
    told, report = TOLD[name], folder / "report.json"
    suite = SUITES / f"{told.get('suite')}.json"
    if "suite" not in told:
        asked = rules_of(told) or [["expect_table_row_count_to_be_between", {"min_value": 0}, None]]
        suite = folder / "suite.json"
        rules = [{"type": kind, "kwargs": kwargs, "severity": "info"} for kind, kwargs, *_ in asked]
        suite.write_text(json.dumps({"name": "stated", "expectations": rules}), encoding="utf-8")
    more = ["--member", told["member"]] if "member" in told else []
    for dataset, file in told.get("with", {}).items():
        more += ["--with", f"{dataset}={SHARED / 'data' / file}"]
    out = ["--out", str(folder / "out.parquet"), "--report", str(report), "--lang", "en"]
    result = CliRunner().invoke(app, [str(SHARED / "data" / name), "--suite", str(suite), *out, *more])
    return result.exit_code, result.stderr, json.loads(report.read_text()) if report.exists() else {}


def noted(report: dict[str, Any]) -> Counter[str]:
    """Findings by code; records that hold nothing also under “code (empty)”, blank lines by their number."""
    count: Counter[str] = Counter()
    for each in report["findings"]:
        if each["code"] == "blank-lines":
            count[each["code"]] += int(re.findall(r"\d+", each["text"]["en"])[0])
            continue
        count[each["code"]] += 1
        if each["code"] in ("title-line", "footer-line") and not each["value"]:
            count[f"{each['code']} (empty)"] += 1
    return count


def lines(name: str, stderr: str, report: dict[str, Any]) -> Iterator[str]:
    """The lines of one file on the page."""
    told = TOLD[name]
    if "refused" in told:
        yield _line(name, "", f"refused: {stderr.strip()}", "–", "–", "✓")
        found: list[dict[str, Any]] = []
    else:
        rows, published = report["table"]["rows"], stated().get(name)
        same = "✓" if published in (None, rows) else f"differs: {DIFFERS[name].reason}"
        size = f"{rows:,} × {len(report['table']['columns'])}"
        yield _line(name, "", "rows × columns", "–" if published is None else f"{published:,}", size, same)
        found = report["expectations"]
    asked = iter(zip(rules_of(told), found, strict=True) if found and rules_of(told) else ())
    whole = list(zip(rules_of(told), found, strict=True)) if "suite" in told else []
    for fault in told["faults"]:
        if "why" in fault:
            yield _line(name, fault["stated"], "no rule", "–", "–", fault["why"])
        for fact in fault.get("input", ()):
            found_fact = report["input"][fact]
            agrees = _verdict(fault, found_fact == told[fact])
            yield _line(name, fault["stated"], f"how it is read: {fact}", "–", str(found_fact), agrees)
        if "findings" in fault:
            yield _findings(name, fault, noted(report))
        pairs = (
            [whole[at] for at in fault["of_suite"]]
            if "of_suite" in fault
            else [next(asked) for _ in fault.get("rules", ())]
        )
        for rule, outcome in pairs:
            yield _ruled(name, fault, rule, outcome)


def _findings(name: str, fault: dict[str, Any], noted: Counter[str]) -> str:
    wanted: dict[str, int] = fault["findings"]
    found = {code: noted[code] for code in wanted}
    count = fault.get("count", sum(wanted.values()))
    number = f"{count:,}" if _says(fault["stated"], count) else "–"
    if number == "–" and all(_says(fault["stated"], each) for each in wanted.values()):
        number = ", ".join(str(each) for each in wanted.values())
    shown = ", ".join(f"{code} {each}" for code, each in found.items())
    agrees = found == wanted and ("count" not in fault or fault["count"] == sum(found.values()))
    return _line(name, fault["stated"], "finding", number, shown, _verdict(fault, agrees))


def _ruled(name: str, fault: dict[str, Any], rule: list[Any], outcome: dict[str, Any]) -> str:
    kind, kwargs, finds, *other = rule
    number, found = "–", "holds" if outcome["outcome"] == "passed" else "fails"
    agrees = found == "holds" and "differs" not in fault
    if finds is not None:
        count = other[0] if other else finds
        number = f"{count:,}" if other or _says(fault["stated"], count) else "–"
        found = f"{outcome['unexpected_count']:,}"
        agrees = outcome["unexpected_count"] == count
    return _line(name, fault["stated"], _asked(kind, kwargs), number, found, _verdict(fault, agrees))


def _asked(kind: str, kwargs: dict[str, Any]) -> str:
    """A rule in short: its type, its columns, and what it is asked with."""
    columns = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    columns += kwargs.get("column_list", ())
    rest = [
        str(value).partition("{batch} ")[2] or json.dumps(value, ensure_ascii=False)
        for key, value in kwargs.items()
        if key not in ("column", "column_A", "column_B", "column_list", "description", "or_equal")
    ]
    return " ".join(
        part
        for part in (
            f"`{kind.removeprefix('expect_')}`",
            ", ".join(columns),
            f"`{', '.join(rest)}`" if rest else "",
        )
        if part
    )


def _says(text: str, number: int) -> bool:
    """Whether a sentence gives the number, in figures, as one or as none."""
    return bool(re.search(rf"(?<![\d,.]){number:,}(?![\d,]*\d)", text)) or (
        number == 1 and bool(re.search(r"\b(one|as its name)\b", text))
    )


def _verdict(fault: dict[str, Any], agrees: bool) -> str:
    shown = "✓" if agrees else f"differs: {fault.get('differs', '**not looked into**')}"
    return f"{shown} {fault['note']}" if "note" in fault else shown


def _line(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def main() -> None:
    page = []
    for name in TOLD:
        with tempfile.TemporaryDirectory() as folder:
            _, stderr, report = checked(name, Path(folder))
            page += lines(name, stderr, report)
            print(name)  # noqa: T201 - a command's answer
    uncounted = sum(1 for line in page if "| no rule |" in line)
    differ = sum(1 for line in page if "| differs: " in line)
    summary = (
        f"{len(TOLD)} files; {len(page) - uncounted} lines that are counted, {differ} of which differ from what is stated and say why; "
        f"{uncounted} sentences that no rule counts, each with the reason.\n\n"
    )
    PAGE.write_text(BEFORE + summary + HEADING + "\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
