"""Cells that a person should look at although they could be read: damaged, invisible, look-alike or odd characters.

Only text columns are searched; what a typed column could not take is a finding of the reading already. Of very large
tables the first and the last rows are searched, and the answer says how many that were; the usual form of a column
is learnt from fewer.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from core.text import Text
from datasets.intake.casts import quoted, text_literal
from datasets.intake.facts import Finding, Look
from datasets.intake.scan import aggregates
from datasets.intake.staging import LINE, Staged
from datasets.intake.table import Plan, path_literal

MOST_ROWS: Final = 1_000_000
KEPT_PER_COLUMN: Final = 20
KEPT: Final = 300
SHOWN_CHARS: Final = 200
TOTALS_COLUMNS: Final = 3
FORM_ROWS: Final = 100_000
FORM_COLUMNS: Final = 100
FORM_FROM: Final = 20  # values below this number make no rule
FORM_SHARE: Final = 0.95

REPLACEMENT: Final = r"\x{FFFD}"
INVISIBLE: Final = (
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]"
)
BLANKS: Final = r"^[\s\x{A0}\x{3000}]|[\s\x{A0}\x{3000}]$"
FULL_WIDTH: Final = r"[\x{FF10}-\x{FF19}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}]"
TOTALS: Final = r"(?i)[\s\x{3000}]*(合[\s\x{3000}]*计|總計|总[\s\x{3000}]*计|小[\s\x{3000}]*计|共[\s\x{3000}]*计|總和|总和|grand total|sub-?total|total|sum)[\s\x{3000}]*[:：]?[\s\x{3000}]*"
NUMBER: Final = r"[-+]?[0-9][0-9,]*([.][0-9]+)?%?"
Say = Callable[[str, str], Text]


def _place(zh: str, en: str) -> Say:
    return lambda column, value: Text(
        zh.format(column=column, value=value), en.format(column=column, value=value)
    )


MARKS: Final[tuple[tuple[str, str, Say], ...]] = (
    (
        "replacement-character",
        REPLACEMENT,
        _place("“{column}”含有替换字符 �，原字符已丢失", "“{column}” holds the replacement character �; the original is lost"),
    ),
    (
        "control-character",
        INVISIBLE,
        _place("“{column}”含有看不见的控制字符", "“{column}” holds invisible control characters"),
    ),
    (
        "outer-blanks",
        BLANKS,
        _place("“{column}”的值前后有空白", "the value in “{column}” begins or ends with blanks"),
    ),
    (
        "full-width",
        FULL_WIDTH,
        _place("“{column}”含有全角字母或数字", "“{column}” holds full-width letters or digits"),
    ),
)  # fmt: skip
ANY_MARK: Final = "|".join(pattern for _, pattern, _ in MARKS)


def look(db: duckdb.DuckDBPyConnection, table: Path, plans: Sequence[Plan], staged: Staged) -> Look:
    """Search the typed table. The source lines are looked up only for what was found."""
    rows, some = _ends(table, staged.rows, MOST_ROWS), _ends(table, staged.rows, FORM_ROWS)
    names = [plan.name for plan in plans if plan.kind == "string"]
    found, total = _marked(db, rows, names)
    for more, number in (
        _totals(db, rows, names),
        *(_odd(db, some, name) for name in names[:FORM_COLUMNS]),
    ):
        known = {(each.row, each.column) for each in found}
        new = [each for each in more if (each.row, each.column) not in known]
        found, total = found + new, total + number - (len(more) - len(new))
    found = sorted(found, key=lambda each: each.row or 0)[:KEPT]
    _place_lines(db, found, staged)
    return Look(cells=found, total=total, rows=min(staged.rows, MOST_ROWS), line_shift=_shift(db, staged))


def _ends(table: Path, rows: int, most: int) -> str:
    """SQL of the table's rows with their numbers, no more than `most` of them, half from each end."""
    whole = f"read_parquet({path_literal(table)}, file_row_number = true)"
    if rows <= most:
        return whole
    half = most // 2
    return f"(SELECT * FROM {whole} WHERE file_row_number < {half} OR file_row_number >= {rows - half})"


def _has(name: str, pattern: str) -> str:
    return f"regexp_matches({name}, {text_literal(pattern)})"


def _marked(db: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> tuple[list[Finding], int]:
    counts = aggregates(
        db, rows, [(quoted(name), lambda v: f"count(*) FILTER ({_has(v, ANY_MARK)})") for name in names]
    )
    found: list[Finding] = []
    for name, number in zip(names, counts, strict=True):
        if number and len(found) < KEPT:
            tests = ", ".join(_has(quoted(name), pattern) for _, pattern, _ in MARKS)
            for row, value, *held in _first(db, rows, name, _has(quoted(name), ANY_MARK), tests):
                marks = [mark for mark, is_held in zip(MARKS, held, strict=True) if is_held]
                found += [_finding(code, row, name, value, say) for code, _, say in marks]
    return found, sum(counts)


def _first(
    db: duckdb.DuckDBPyConnection, rows: str, name: str, condition: str, more: str = ""
) -> list[tuple[Any, ...]]:
    """The first rows that meet the condition: number, value, and whatever else was asked."""
    return db.execute(
        f"SELECT file_row_number + 1, left({quoted(name)}, {SHOWN_CHARS}){', ' + more if more else ''} "
        f"FROM {rows} WHERE {condition} ORDER BY file_row_number LIMIT {KEPT_PER_COLUMN}"
    ).fetchall()


def _finding(code: str, row: int, column: str, value: str, say: Say) -> Finding:
    return Finding(code=code, row=row, column=column, value=value, text=say(column, value))


def _totals(db: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> tuple[list[Finding], int]:
    """Rows whose first words say that they sum up the others."""
    say = _place("“{column}”的值“{value}”像合计行", "“{value}” in “{column}” looks like a row of totals")
    found: list[Finding] = []
    for name in names[:TOTALS_COLUMNS]:
        condition = f"regexp_full_match({quoted(name)}, {text_literal(TOTALS)})"
        found += [
            _finding("totals-row", row, name, value, say) for row, value in _first(db, rows, name, condition)
        ]
    return found, len(found)


def _form(name: str) -> str:
    """SQL of a value's form: runs of digits, letters and hanzi stand for themselves, any plain number is one digit."""
    text = f"trim({quoted(name)})"
    for pattern, sign in ((r"[0-9]+", "9"), (r"[A-Za-z]+", "A"), (r"[\p{Han}]+", "汉")):
        text = f"regexp_replace({text}, {text_literal(pattern)}, '{sign}', 'g')"
    is_number = f"regexp_full_match(trim({quoted(name)}), {text_literal(NUMBER)})"
    return f"(CASE WHEN {is_number} THEN '9' ELSE left({text}, 60) END)"


def _odd(db: duckdb.DuckDBPyConnection, rows: str, name: str) -> tuple[list[Finding], int]:
    """Values written unlike nearly all others of their column: 很多 among numbers, P-1 among P01."""
    forms = db.execute(
        f"SELECT {_form(name)} AS form, count(*) AS n FROM {rows} WHERE trim({quoted(name)}) <> '' "
        "GROUP BY form ORDER BY n DESC, form LIMIT 100"
    ).fetchall()
    filled = sum(number for _, number in forms)
    if len(forms) < 2 or len(forms) == 100 or filled < FORM_FROM or forms[0][1] < FORM_SHARE * filled:
        return [], 0
    usual = forms[0][0]
    condition = f"trim({quoted(name)}) <> '' AND {_form(name)} <> {text_literal(usual)}"
    usual_value = _first(db, rows, name, f"{_form(name)} = {text_literal(usual)}")[0][1]
    example = re.sub(r"\s+", " ", usual_value)[:30]

    def say(column: str, _: str) -> Text:
        return Text(
            f"“{column}”的其他值多写作“{example}”的样子",
            f"nearly all other values of “{column}” are written like “{example}”",
        )

    found = [_finding("odd-form", row, name, value, say) for row, value in _first(db, rows, name, condition)]
    return found, filled - forms[0][1]


def _place_lines(db: duckdb.DuckDBPyConnection, found: Sequence[Finding], staged: Staged) -> None:
    if not found or staged.line is None:
        return
    rows = sorted({each.row for each in found if each.row})
    listed = f"(SELECT unnest({rows}) - 1 AS file_row_number)"
    if staged.line == LINE:
        listed = (
            f"(SELECT file_row_number, {LINE} FROM read_parquet({path_literal(staged.path)}, file_row_number = true) "
            f"WHERE file_row_number IN (SELECT file_row_number FROM {listed}))"
        )
    lines = dict(db.execute(f"SELECT file_row_number + 1, {staged.line} FROM {listed}").fetchall())
    for each in found:
        each.line = lines.get(each.row)


def _shift(db: duckdb.DuckDBPyConnection, staged: Staged) -> int | None:
    """Line minus record number where that is the same for every record."""
    if staged.line is None:
        return None
    if staged.line != LINE:
        return (
            int(db.execute(f"SELECT {staged.line} FROM (SELECT 0 AS file_row_number)").fetchall()[0][0]) - 1
        )
    least, most = db.execute(
        f"SELECT min({LINE} - file_row_number), max({LINE} - file_row_number) "
        f"FROM read_parquet({path_literal(staged.path)}, file_row_number = true) WHERE file_row_number < {staged.rows}"
    ).fetchall()[0]
    return int(least) - 1 if least is not None and least == most else None
