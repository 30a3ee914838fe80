"""What the machine looks for in a finished file before any person sees it. Two passes over the file; memory bounded.

The file is read as it lies in the store, not as it was meant: columns and rows beyond the plan, numbers that name people,
text that a spreadsheet would run, groups so small that somebody may be recognised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from core.text import Text, number_of, verb_of
from datasets.cells import safe_name
from datasets.extracts.reading import reader_of
from datasets.formats.kinds import KINDS
from datasets.outputs.rules import Finding

_START: Final = "(?:^|[^0-9A-Za-z])"
_END: Final = "(?:[^0-9A-Za-z]|$)"
MOBILE: Final = f"{_START}1[3-9][0-9]{{9}}{_END}"
IDENTITY: Final = f"{_START}([1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]){_END}"
FORMULA: Final = r"^[=+\-@\t\r\n＝＋－＠]"
PSEUDONYM: Final = "^[0-9a-f]{20}$"
_NUMBER: Final = r"^[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?$"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS: Final = "10X98765432"
_RUNS_FORMULAS: Final = frozenset(form for form, kind in KINDS.items() if kind.runs_formulas)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the file ought to be. `rows`: counted apart from the making, less what small cells left out.

    `groups`: the quasi-identifiers among the columns; `min_rows`: the smallest group that may leave unremarked.
    """

    terms: Sequence[ColumnTerm]
    rows: int
    groups: Sequence[str]
    min_rows: int


def check(
    path: Path, form: DeliveryForm, expected: Expected, *, memory_limit_mb: int, scratch: Path
) -> list[Finding]:
    """Everything that was found, worst first."""
    try:
        names = reader_of(path, form).schema.names
    except (ValueError, OSError) as fault:
        return [_unreadable(fault)]
    if not names and form is DeliveryForm.EXTRACT_JSONL:  # no rows, and so nothing that names a column
        return [] if expected.rows == 0 else [_other_rows(0, expected.rows)]
    found = list(_columns(names, expected, form))
    config: dict[str, Any] = {"memory_limit": f"{memory_limit_mb}MB", "temp_directory": str(scratch)}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        try:
            found += _values(connection, path, form, expected)
            found += _groups(connection, path, form, expected)
        except (ValueError, OSError) as fault:
            found.append(_unreadable(fault))
    order = {"stops": 0, "asks": 1, "note": 2}
    return sorted(found, key=lambda each: (order[each.weight], each.code, each.column))


def _unreadable(fault: Exception) -> Finding:
    said = type(fault).__name__
    return Finding(
        "not-readable", "", 0,
        Text(f"文件不能按其形式读回（{said}）。", f"The file cannot be read back in its own form ({said})."),
    )  # fmt: skip


def _other_rows(rows: int, planned: int) -> Finding:
    text = Text(
        f"文件有 {rows} 行，计划为 {planned} 行。",
        f"The file has {number_of(rows, 'rows')}; the plan says {planned}.",
    )
    return Finding("rows-differ-from-plan", "", rows, text)


def _columns(names: Sequence[str], expected: Expected, form: DeliveryForm) -> list[Finding]:
    spelt = [safe_name(term.name) if form in _RUNS_FORMULAS else term.name for term in expected.terms]
    if list(names) == spelt:
        return []
    more = sorted(set(names) - set(spelt)) or list(names)
    said = ", ".join(more)[:200]
    text = Text(f"文件的列与授权不符：{said}。", f"The file's columns are not those of the grant: {said}.")
    return [Finding("columns-beyond-grant", said, 0, text)]


def _values(
    connection: duckdb.DuckDBPyConnection, path: Path, form: DeliveryForm, expected: Expected
) -> list[Finding]:
    """One pass: rows, and per column the counts of what must not be there."""
    reader = reader_of(path, form)
    source, texts = _safe(reader)
    asked = ["count(*)"]
    for at in texts:
        value = f"CAST(c{at} AS VARCHAR)"
        asked += [
            f"count(*) FILTER (regexp_matches({value}, $mobile))",
            f"count(*) FILTER (regexp_matches({value}, $identity))",
            f"count(*) FILTER ({_has_check_digit(f'regexp_extract({value}, $identity, 1)')})",
            f"count(*) FILTER (regexp_matches({value}, $formula) AND NOT regexp_matches({value}, $number))",
            f"count(*) FILTER (NOT regexp_matches({value}, $pseudonym))",
        ]
    words = {
        "mobile": MOBILE,
        "identity": IDENTITY,
        "formula": FORMULA,
        "number": _NUMBER,
        "pseudonym": PSEUDONYM,
    }
    view = connection.from_arrow(source)
    view.create_view("checked", replace=True)
    if not texts:
        words = {}
    counts = connection.execute(f"SELECT {', '.join(asked)} FROM checked", words or None).fetchone()  # noqa: S608 - names of our own
    assert counts is not None  # noqa: S101 - an aggregate gives a row
    found = []
    if counts[0] != expected.rows:
        found.append(_other_rows(int(counts[0]), expected.rows))
    uses = dict(enumerate(expected.terms))
    for place, at in enumerate(texts):
        mobile, shaped, proven, formula, broken = counts[1 + place * 5 : 6 + place * 5]
        name = reader.schema.names[at]
        hashed = at in uses and uses[at].use is Use.PSEUDONYMISED
        is_text = not pa.types.is_integer(reader.schema.field(at).type)
        found += _of_column(
            name, form, mobile, shaped, proven, formula if is_text else 0, broken if hashed else 0, hashed
        )
    return found


def _of_column(
    name: str,
    form: DeliveryForm,
    mobile: int,
    shaped: int,
    proven: int,
    formula: int,
    broken: int,
    hashed: bool,
) -> list[Finding]:
    found = []
    if broken:
        text = Text(
            f"列 {name} 有 {broken} 行不是假名。",
            f"Column {name}: {number_of(broken, 'rows are')} no pseudonyms.",
        )
        found.append(Finding("pseudonym-broken", name, broken, text))
    if hashed and not broken:
        return found  # hexadecimal digits look like anything
    if proven and proven * 2 >= shaped:
        text = Text(
            f"列 {name} 有 {proven} 行含校验位正确的身份证号。",
            f"Column {name}: {number_of(proven, 'rows hold')} identity card numbers with a right check digit.",
        )
        found.append(Finding("identity-number", name, proven, text))
    if mobile:
        text = Text(
            f"列 {name} 有 {mobile} 行含形似手机号的数字。",
            f"Column {name}: {number_of(mobile, 'rows hold')} digits that look like mobile numbers.",
        )
        found.append(Finding("mobile-number", name, mobile, text))
    if formula:
        runs = form in _RUNS_FORMULAS
        text = Text(
            f"列 {name} 有 {formula} 行以公式符号开头。",
            f"Column {name}: {number_of(formula, 'rows')} {verb_of(formula, 'begin')} with a sign that spreadsheets take for a formula.",
        )
        found.append(Finding("formula-cell" if runs else "formula-text", name, formula, text))
    return found


def _has_check_digit(value: str) -> str:
    """Whether an identity number's last sign is what GB 11643 makes of the others; false for none."""
    sum_of = " + ".join(
        f"{weight} * TRY_CAST(substr({value}, {at}, 1) AS INTEGER)" for at, weight in enumerate(_WEIGHTS, 1)
    )
    return (
        f"substr('{_CHECK_DIGITS}', CAST(({sum_of}) % 11 AS INTEGER) + 1, 1) = upper(substr({value}, 18, 1))"
    )


def _groups(
    connection: duckdb.DuckDBPyConnection, path: Path, form: DeliveryForm, expected: Expected
) -> list[Finding]:
    """One pass where quasi-identifiers leave: how many rows lie in groups below the limit."""
    places = [at for at, term in enumerate(expected.terms) if term.name in expected.groups]
    if not places or expected.min_rows < 2:
        return []
    reader = reader_of(path, form)
    source, _ = _safe(reader)
    connection.from_arrow(source).create_view("checked", replace=True)
    names = ", ".join(f"c{at}" for at in places)
    small = connection.execute(
        f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM checked GROUP BY {names}) WHERE n < {int(expected.min_rows)}"  # noqa: S608 - names of our own
    ).fetchone()
    rows = int(small[0]) if small else 0
    if not rows:
        return []
    said = ", ".join(expected.terms[at].name for at in places)
    text = Text(
        f"按准标识符（{said}）分组，有 {rows} 行所在的组不足 {expected.min_rows} 行。",
        f"Grouped by the quasi-identifiers ({said}), {number_of(rows, 'rows lie')} in groups below {expected.min_rows}.",
    )
    return [Finding("small-cells", said, rows, text)]


def _safe(reader: pa.RecordBatchReader) -> tuple[pa.RecordBatchReader, list[int]]:
    """The rows under safe names, and the places of the columns that hold text or whole numbers."""
    schema = pa.schema([pa.field(f"c{at}", field.type) for at, field in enumerate(reader.schema)])
    batches = (pa.RecordBatch.from_arrays(each.columns, schema=schema) for each in reader)
    texts = [at for at, field in enumerate(schema) if _is_searched(field.type)]
    return pa.RecordBatchReader.from_batches(schema, batches), texts


def _is_searched(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind))


def sample(path: Path, form: DeliveryForm, rows: int) -> tuple[list[str], list[list[str | None]]]:
    """The names and the first rows of the file, as texts."""
    reader = reader_of(path, form)
    items: list[list[str | None]] = []
    for batch in reader:
        part = batch.slice(0, rows - len(items))
        cells = (column.to_pylist() for column in part.columns)
        items += [[_said(value) for value in row] for row in zip(*cells, strict=True)]
        if len(items) >= rows:
            break
    return list(reader.schema.names), items


def _said(value: object) -> str | None:
    if value is None:
        return None
    return f"{number_of(len(value), 'bytes')}" if isinstance(value, bytes) else str(value)[:500]


Findings = Sequence[Mapping[str, Any]]
