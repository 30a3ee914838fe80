"""Codes and their labels: a column that is to carry one side of its code list may hold the other in some cells.

Nothing is guessed: a label is replaced only when exactly one code has it, and a cell that the list does not know stays
as it is and is a finding.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import duckdb

from core.text import Text, number_of
from datasets.intake.casts import one_of, plain, text_literal
from datasets.intake.dictionary import Column
from datasets.intake.facts import FindingLog

SHOWN: Final = 50


def mapping(column: Column) -> dict[str, str]:
    """What is replaced by what: label → code, or code → its first label."""
    labels = column.labels()
    if column.format == "label":
        return {code: said[0] for code, said in labels.items() if said and said[0] != code}
    if column.format != "code":
        return {}
    doubled = Counter(label for said in labels.values() for label in set(said))
    return {
        label: code
        for code, said in labels.items()
        for label in said
        if label not in labels and doubled[label] == 1
    }


def wanted(column: Column) -> list[str]:
    """The values that the column is to carry."""
    labels = column.labels()
    if column.format == "label":
        return [said[0] if said else code for code, said in labels.items()]
    return list(labels)


def is_other_side(text: str, column: Column) -> str:
    """SQL of "this cell will be replaced"."""
    known = mapping(column)
    return f"coalesce({one_of(_key(text), list(known))}, false)" if known else "false"


def mapped(text: str, column: Column) -> str:
    """SQL of the text with the other side replaced; other cells stay as they are."""
    known = mapping(column)
    if not known:
        return text
    keys, values = (f"[{', '.join(map(text_literal, side))}]" for side in (known, known.values()))
    return f"coalesce({values}[list_position({keys}, {_key(text)})], {text})"


def _key(text: str) -> str:
    return plain(text)


def report_unknown(
    db: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    text: str,
    column: Column,
    log: FindingLog,
    line: str,
) -> None:
    """One finding for each value that the code list does not know, with its count and first place.

    text: SQL of the mapped text. line: SQL of the source line, or NULL.
    """
    if column.format not in ("code", "label") or not (known := wanted(column)):
        return
    rows = db.execute(
        f"SELECT v, count(*), min(file_row_number) + 1, arg_min(line, file_row_number) FROM (SELECT {plain(text)} AS v, "
        f"file_row_number, {line} AS line FROM {table}) WHERE v <> '' AND NOT {one_of('v', known)} "
        f"GROUP BY v ORDER BY min(file_row_number)"
    ).fetchall()
    for value, number, row, at in rows[:SHOWN]:
        _report(name, value, number, row, at, column.type in (None, "string"), log)
    log.count_only(max(0, len(rows) - SHOWN))


def _report(
    name: str, value: str, number: int, row: int, line: int | None, holds_text: bool, log: FindingLog
) -> None:
    brief = value[:60]
    where = Text(f"首见于第 {line} 行", f"first in line {line}") if line else Text(f"首见于第 {row} 条记录", f"first in record {row}")  # fmt: skip
    kept = (
        Text("已原样保留", "kept as it is")
        if holds_text
        else Text("合乎该列类型的原样保留，否则为空", "kept where the column's type can hold it, else empty")
    )
    log.add(
        "unknown-code",
        Text(
            f"“{name}”列的值“{brief}”不在代码表中（{number} 格，{where.zh}）；{kept.zh}。",
            f"“{brief}” in “{name}” is not in the code list ({number_of(number, 'cells')}, {where.en}); {kept.en}.",
        ),
        row=row,
        line=line,
        column=name,
        value=value,
        wanted="code" if number else None,
    )


def sides(column: Column) -> Sequence[str]:
    """Every word of the list, codes and labels."""
    return [word for code, said in column.labels().items() for word in (code, *said)]
