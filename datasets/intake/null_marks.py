"""Words that stand for "no value" (NA, NaN, -, ***) in files whose dictionary does not name them.

Why this exists: one NA turns a column of numbers into text. A mark counts only on evidence: some column
must be wholly numbers, dates or the like once its marks are left out. Every use is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb

from core.text import Text
from datasets.intake.casts import one_of
from datasets.intake.facts import FindingLog
from datasets.intake.inference import Candidate, infer
from datasets.intake.scan import text_aggregates

MARKS: Final = (
    *("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "Null", "None", "\\N", "#N/A"),
    *("-", "--", "---", "—", "——", "*", "**", "***", "...", "…", "缺测", "暂无"),
)


def without(value: str, marks: tuple[str, ...]) -> str:
    """SQL of `value`, NULL where it is one of the marks."""
    return f"(CASE WHEN NOT {one_of(value, marks)} THEN {value} END)"


def find(
    db: duckdb.DuckDBPyConnection, table: str, texts: Mapping[str, str], log: FindingLog
) -> tuple[dict[str, str], dict[str, Candidate]]:
    """Look for marks in columns that read as text.

    Returns, for the columns that hold marks, the SQL without them, and for those that are no longer text
    their type.
    """
    found = infer(db, table, {name: without(value, MARKS) for name, value in texts.items()})
    types = {name: candidate for name, candidate in found.items() if candidate is not None}
    if not types:
        return {}, {}
    counts = _counts(db, table, texts)
    used = tuple(mark for mark in MARKS if any(mark in counts[name] for name in types))
    codes = _codes(db, table, {name: texts[name] for name in texts if name not in types}, used)
    values: dict[str, str] = {}
    for name, text in texts.items():
        if name in codes:
            continue
        seen = {mark: number for mark, number in counts[name].items() if mark in used}
        if seen:
            values[name] = without(text, used)
            _report(name, seen, log)
    return values, types


def _counts(db: duckdb.DuckDBPyConnection, table: str, texts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """How often each mark stands in each column; marks that do not occur are left out."""
    asked = [(t, lambda name: f"histogram({name}) FILTER ({one_of(name, MARKS)})") for t in texts.values()]
    row = text_aggregates(db, table, asked)
    return {name: dict(found or {}) for name, found in zip(texts, row, strict=True)}


def _codes(
    db: duckdb.DuckDBPyConnection, table: str, texts: Mapping[str, str], used: tuple[str, ...]
) -> set[str]:
    """Text columns whose values are all as long as a mark that they hold: NA among country codes is Namibia."""
    if not texts or not used:
        return set()
    row = text_aggregates(db, table, [(text, lambda name: _as_long(name, used)) for text in texts.values()])
    return {name for name, same in zip(texts, row, strict=True) if same}


def _as_long(name: str, used: tuple[str, ...]) -> str:
    words, held = (
        f"length({without(name, used)})",
        f"CASE WHEN {one_of(name, used)} THEN length({name}) END",
    )
    return f"min({words}) = max({words}) AND max({words}) = max({held})"


def _report(name: str, seen: Mapping[str, int], log: FindingLog) -> None:
    shown = ", ".join(f"“{mark}” × {number}" for mark, number in seen.items())
    log.add(
        "null-mark",
        Text(
            f"“{name}”列的 {shown} 视为空值；如不是，请在数据字典的 null_values 中写明空值标记。",
            f"In “{name}” {shown} count as empty; if they do not, list the marks that do as `null_values`.",
        ),
        column=name,
        value=" ".join(seen),
    )
