"""A staged table becomes the typed Parquet; every cell that its declared type cannot hold is reported."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from core.errors import InputRefused
from core.text import Text
from datasets.intake import null_marks
from datasets.intake.casts import SQL_TYPE, TYPE_NAMES, Hints, matches, one_of, plain, text_literal, typed
from datasets.intake.dictionary import Column, Dictionary
from datasets.intake.facts import FINDINGS_KEPT, ROW_COLUMN, ColumnFacts, FindingLog
from datasets.intake.inference import infer
from datasets.intake.layout import clean_name
from datasets.intake.parquet import kind_of
from datasets.intake.scan import aggregates, count_of
from datasets.intake.staging import Staged, rows_per_group

PERCENT_UNITS = frozenset({"%", "％", "percent", "百分比", "pct"})


@dataclass(slots=True)
class Plan:
    """One column: where it is read, what it is called, its type, and the SQL of its value."""

    field: str
    header: str
    name: str
    declared: Column | None
    kind: str = "string"
    text: str = ""
    value: str = ""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def path_literal(path: Path) -> str:
    return text_literal(str(path))


def table_of(staged: Staged) -> str:
    """SQL of the staged records, with `file_row_number` from 0."""
    return (
        f"(SELECT * FROM read_parquet({path_literal(staged.path)}, file_row_number = true) "
        f"WHERE file_row_number < {staged.rows})"
    )


def plan_columns(
    db: duckdb.DuckDBPyConnection, staged: Staged, dictionary: Dictionary, log: FindingLog
) -> list[Plan]:
    """Match the dictionary with the file and settle each column's type."""
    plans = _matched(staged, dictionary, log)
    table = table_of(staged)
    for plan in plans:
        plan.text = _text_of(plan.field, staged, dictionary.null_values)
    open_ = {p.name: p.text for p in plans if not _is_declared(p) and p.field not in staged.native}
    found = infer(db, table, open_)
    if not dictionary.null_values:
        texts = {p.name: p.text for p in plans if p.name in found and found[p.name] is None}
        values, types = null_marks.find(db, table, texts, log)
        found |= types
        for plan in plans:
            plan.text = values.get(plan.name, plan.text)
    for plan in plans:
        if plan.declared is not None and plan.declared.type is not None:
            plan.kind = plan.declared.type
            plan.value = _declared_value(db, table, plan, staged)
        elif native := staged.native.get(plan.field):
            plan.kind, plan.value = kind_of(native), _native_value(plan, native, dictionary)
        elif (candidate := found[plan.name]) is not None:
            plan.kind, plan.value = candidate.kind, candidate.cast(plan.text)
        else:
            plan.value = plan.text
    return plans


def _is_declared(plan: Plan) -> bool:
    return plan.declared is not None and plan.declared.type is not None


def _matched(staged: Staged, dictionary: Dictionary, log: FindingLog) -> list[Plan]:
    headers = {header.casefold() for header in staged.headers}
    by_header: dict[str, Column] = {}
    for column in dictionary.columns:
        titles = [clean_name(title) for title in (column.title_zh, column.title_en) if title]
        names = [clean_name(column.name), *titles]
        header = next((name.casefold() for name in names if name.casefold() in headers), None)
        if header is not None:
            by_header.setdefault(header, column)
    if staged.header_line == 0 and not by_header:
        by_header = {h.casefold(): c for h, c in zip(staged.headers, dictionary.columns, strict=False)}
    _refuse_missing([c for c in dictionary.columns if c not in by_header.values()], staged, log)
    plans = [
        Plan(f, h, h, by_header.get(h.casefold())) for f, h in zip(staged.fields, staged.headers, strict=True)
    ]
    taken = {plan.declared.name.casefold() for plan in plans if plan.declared is not None}
    for plan in plans:
        if plan.declared is not None:
            plan.name = plan.declared.name
        while plan.declared is None and plan.name.casefold() in taken:
            plan.name += "_"
    return plans


def _refuse_missing(missing: Sequence[Column], staged: Staged, log: FindingLog) -> None:
    if required := [column.name for column in missing if column.required]:
        names, present = ", ".join(required), ", ".join(staged.headers[:20])
        raise InputRefused(
            Text(
                f"文件缺少必填列：{names}（文件的列是：{present}）；请补齐后重新提交。",
                f"Required columns are missing from the file: {names} (it has: {present}); "
                "add them and hand it in again.",
            ),
            missing=required,
        )
    for column in missing:
        log.add(
            "column-missing",
            Text(
                f"文件里没有数据字典中的列“{column.name}”。",
                f"The file has no column “{column.name}” of the dictionary.",
            ),
            column=column.name,
        )


def _text_of(field: str, staged: Staged, null_values: Sequence[str]) -> str:
    """SQL of a cell's text, NULL where the cell is empty or holds one of the agreed null marks."""
    value = quoted(field)
    if field in staged.native and not staged.native[field].startswith("VARCHAR"):
        value = _native_text(value, staged.native[field])
    if staged.empty_is_null:
        value = f"nullif({value}, '')"
    if marks := [mark for mark in null_values if mark]:
        known = one_of(f"trim({value})", [mark.strip() for mark in marks])
        value = f"(CASE WHEN NOT {known} THEN {value} END)"
    return value


def _native_text(value: str, native: str) -> str:
    nested = native.endswith("]") or native.startswith(("STRUCT", "MAP", "UNION"))
    return f"CAST(to_json({value}) AS VARCHAR)" if nested else f"CAST({value} AS VARCHAR)"


def _native_value(plan: Plan, native: str, dictionary: Dictionary) -> str:
    """A Parquet column that nobody declared keeps its type; nested and rare types become text."""
    if kind_of(native) == "string" and not native.startswith("BLOB"):
        return plan.text
    if not dictionary.null_values:
        return quoted(plan.field)
    return f"(CASE WHEN {plan.text} IS NOT NULL THEN {quoted(plan.field)} END)"


def _declared_value(db: duckdb.DuckDBPyConnection, table: str, plan: Plan, staged: Staged) -> str:
    assert plan.declared is not None and plan.declared.type is not None  # noqa: PT018, S101
    native = staged.native.get(plan.field)
    if native is not None and kind_of(native) == plan.kind and plan.kind != "string":
        return f"try_cast({quoted(plan.field)} AS {SQL_TYPE[plan.kind]})"
    return typed(plan.text, plan.declared.type, _hints(db, table, plan))


def _hints(db: duckdb.DuckDBPyConnection, table: str, plan: Plan) -> Hints:
    """Ask the whole column how it writes what one cell alone cannot tell."""
    assert plan.declared is not None  # noqa: S101
    text = plain(plan.text)
    if plan.kind == "number":
        comma, point = _any_all(
            db,
            table,
            f"{matches(text, '[-+]?[0-9]+,([0-9]{1,2}|[0-9]{4,}) ?%?')} OR {matches(text, '[-+]?0[0-9]*,[0-9]+ ?%?')}",
            f"{matches(text, '.*[0-9][.][0-9].*')} OR {matches(text, '.*,.*,.*')}",
        )
        kept = (plan.declared.unit or "").strip().casefold() in PERCENT_UNITS
        return Hints(decimal_comma=bool(comma and not point), percent_kept=kept)
    if plan.kind in ("date", "datetime"):
        day_month = "([0-9]{1,2})[-/]([0-9]{1,2})[-/][0-9]{4}.*"
        first, second = (
            f"try_cast(regexp_extract({text}, '^{day_month}', {i}) AS INTEGER) > 12" for i in (1, 2)
        )
        roc, day, month = _any_all(
            db, table, matches(text, "1[0-9]{2}[-/.年] ?[0-9]{1,2}[-/.月] ?[0-9].*"), first, second
        )
        return Hints(roc=bool(roc), day_first=None if bool(day) == bool(month) else bool(day))
    return Hints()


def _any_all(db: duckdb.DuckDBPyConnection, table: str, *conditions: str) -> tuple[bool | None, ...]:
    asked = ", ".join(f"bool_or({condition})" for condition in conditions)
    row: tuple[bool | None, ...] = db.execute(f"SELECT {asked} FROM {table}").fetchall()[0]
    return row


def write_typed(
    db: duckdb.DuckDBPyConnection, staged: Staged, plans: Sequence[Plan], out: Path, *, numbered: bool
) -> int:
    """Write the table beside `out` and move it into place; returns the rows written."""
    listed = ", ".join(f"{plan.value} AS {quoted(plan.name)}" for plan in plans)
    if numbered:
        listed += f", CAST(file_row_number + 1 AS BIGINT) AS {quoted(ROW_COLUMN)}"
    part = out.with_name(f".{out.name}.part")
    rows = db.execute(
        f"COPY (SELECT {listed} FROM {table_of(staged)}) TO {path_literal(part)} "
        f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {rows_per_group(len(plans))})"
    ).fetchall()[0][0]
    if rows != staged.rows:
        part.unlink(missing_ok=True)
        raise InputRefused(
            Text(
                f"文件应有 {staged.rows} 条记录，只读出 {rows} 条，文件可能不完整；请重新导出后提交。",
                f"The file should hold {staged.rows} records but only {rows} could be read; export it again.",
            )
        )
    part.replace(out)
    return int(rows)


def report_columns(
    db: duckdb.DuckDBPyConnection, staged: Staged, plans: Sequence[Plan], out: Path, log: FindingLog
) -> list[ColumnFacts]:
    """Count nulls, and report the cells of declared columns that hold something but could not be typed."""
    written = f"read_parquet({path_literal(out)})"
    kept = aggregates(db, written, [count_of(quoted(plan.name)) for plan in plans])
    strict = [plan for plan in plans if _is_declared(plan) and plan.kind != "string"]
    counts = aggregates(db, table_of(staged), [count_of(_something(plan.text)) for plan in strict])
    given = {plan.name: number for plan, number in zip(strict, counts, strict=True)}
    facts = []
    for plan, number in zip(plans, kept, strict=True):
        untyped = max(0, given.get(plan.name, number) - number)
        if untyped:
            _report_untyped(db, staged, plan, untyped, log)
        facts.append(
            ColumnFacts(
                name=plan.name,
                type=plan.kind,
                nulls=staged.rows - number,
                header=plan.header,
                declared=plan.declared is not None,
                untyped=untyped,
            )
        )
    return facts


def _something(text: str) -> str:
    """SQL of the text, NULL where it is only blanks."""
    return f"nullif({plain(text)}, '')"


def _report_untyped(
    db: duckdb.DuckDBPyConnection, staged: Staged, plan: Plan, untyped: int, log: FindingLog
) -> None:
    shown = min(untyped, FINDINGS_KEPT - len(log.kept))
    rows = db.execute(
        f"SELECT file_row_number + 1, {staged.line or 'NULL'}, {plan.text} FROM {table_of(staged)} "
        f"WHERE {_something(plan.text)} IS NOT NULL AND ({plan.value}) IS NULL "
        f"ORDER BY file_row_number LIMIT {shown}"
    ).fetchall()
    wanted = TYPE_NAMES[plan.kind]
    for row, line, value in rows:
        brief = re.sub(r"\s+", " ", value)[:60]
        where = f"第 {line} 行" if line else f"第 {row} 条记录"
        place = f"line {line}" if line else f"record {row}"
        log.add(
            "untyped-cell",
            Text(
                f"{where}“{plan.name}”的值“{brief}”不是{wanted.zh}，记为空。",
                f"“{brief}” in “{plan.name}”, {place}, is not {wanted.en}; taken as empty.",
            ),
            row=row,
            line=line,
            column=plan.name,
            value=value,
            wanted=plan.kind,
        )
    log.count_only(untyped - len(rows))
