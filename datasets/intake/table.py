"""A staged table becomes the typed Parquet; every cell that its declared type cannot hold is reported."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake import clocks, codes, datum, null_marks, units
from datasets.intake import survey as surveys
from datasets.intake import untyped as untyped_cells
from datasets.intake.casts import (
    CANONICAL,
    SQL_TYPE,
    TYPE_NAMES,
    matches,
    one_of,
    plain,
    quoted,
    text_literal,
    typed,
)
from datasets.intake.dictionary import Column, Dictionary
from datasets.intake.facts import FINDINGS_KEPT, ROW_COLUMN, UNTYPED, ColumnFacts, FindingLog, shares
from datasets.intake.guesses import Guess
from datasets.intake.inference import infer
from datasets.intake.layout import clean_name
from datasets.intake.parquet import kind_of
from datasets.intake.scan import aggregates, count_of, text_aggregates
from datasets.intake.staging import Staged, rows_per_group


@dataclass(slots=True)
class Plan:
    """One column: where it is read, what it is called, its type, and the SQL of its value.

    cast: SQL of the cast that `value` is made of, where it is worked out beforehand.
    readings: how many cells stand in a form worth telling (see `survey`).
    clocks: how many times carry which offset, where some carry one.
    """

    field: str
    header: str
    name: str
    declared: Column | None
    kind: str = "string"
    text: str = ""
    value: str = ""
    cast: str = ""
    readings: Mapping[str, int] = made(default_factory=dict)
    clocks: Mapping[str, int] = made(default_factory=dict)


def path_literal(path: Path) -> str:
    return text_literal(str(path))


def table_of(staged: Staged) -> str:
    """SQL of the staged records, with `file_row_number` from 0."""
    if staged.native:  # a Parquet as handed in is taken to its last row
        return f"read_parquet({path_literal(staged.path)}, file_row_number = true)"
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
    _settle_crs(db, table, plans, staged, dictionary, log)
    open_ = {p.name: p.text for p in plans if not _is_declared(p) and p.field not in staged.native}
    found = infer(db, table, open_)
    if not dictionary.null_values:
        texts = {p.name: p.text for p in plans if p.name in found and found[p.name] is None}
        values, types = null_marks.find(db, table, texts, log)
        found |= types
        for plan in plans:
            plan.text = values.get(plan.name, plan.text)
    _settle_declared(db, table, [plan for plan in plans if _is_declared(plan)], staged, dictionary.zone)
    for plan in plans:
        if _is_declared(plan):
            continue
        if native := staged.native.get(plan.field):
            plan.kind, plan.value = kind_of(native), _native_value(plan, native, dictionary)
        elif (candidate := found[plan.name]) is not None:
            plan.kind, plan.value = candidate.kind, candidate.cast(plan.text)
        else:
            plan.value = plan.text
    return plans


UNEXPECTED: Final = "error('a cell is not as the sample said')"


def plan_by_sample(
    db: duckdb.DuckDBPyConnection, sample: Staged, dictionary: Dictionary, log: FindingLog
) -> list[Plan] | None:
    """What `plan_columns` would say of the whole text if it is all like the sample; None where that is not sure.

    Each plan's value, over `cells_of`, ends the query with an error at the first cell that might make `plan_columns` say
    otherwise.
    """
    plans = _matched(sample, dictionary, log)
    for plan in plans:
        plan.text = _text_of(plan.field, sample, dictionary.null_values)
    if any(_is_declared(plan) and not _is_canonical(plan) for plan in plans):
        return None
    table = table_of(sample)
    found = infer(db, table, {p.name: p.text for p in plans if not _is_declared(p)})
    words = {p.name: p.text for p in plans if p.name in found and found[p.name] is None}
    marks = () if dictionary.null_values else null_marks.MARKS
    unmarked = {name: null_marks.without(text, marks) if marks else text for name, text in words.items()}
    counts = text_aggregates(db, table, [count_of(v) for v in (*unmarked.values(), *words.values())])
    filled = dict(zip(words, counts, strict=False))
    present = dict(zip(words, counts[len(words) :], strict=True))
    marked = {name: text for name, text in unmarked.items() if filled[name] != present[name]}
    if any(infer(db, table, marked).values()):
        return None  # a column of numbers with NA in it: count and report them
    if any(present[name] and not filled[name] for name in words):
        return None  # nothing but marks: what they stand for depends on the rest
    _settle_declared(db, table, [plan for plan in plans if _is_declared(plan)], sample)
    for plan in plans:
        if _is_declared(plan):
            if plan.readings:
                return None
            plan.value = _as_declared(plan)
        elif (candidate := found[plan.name]) is not None:
            plan.kind = candidate.kind
            plan.cast, text, cast = candidate.cast(plan.text), plan.field, f"{plan.field}_cast"
            fits = candidate.test(text).replace(candidate.cast(text), cast)  # worked out once, used twice
            plan.value = f"CASE WHEN {fits} THEN {cast} WHEN {text} IS NOT NULL THEN {UNEXPECTED} END"
        elif filled[plan.name]:
            plan.value = plan.field
        else:  # an empty column is text as long as it stays empty
            plan.value = f"CASE WHEN {plan.field} IS NULL THEN {plan.field} ELSE {UNEXPECTED} END"
    return plans


def cells_of(plans: Sequence[Plan], records: str) -> str:
    """SQL of the texts that `plan_by_sample` works on, under the names of their fields, and of what they are cast to."""
    cells = [f"{plan.text} AS {plan.field}" for plan in plans]
    cells += [f"{plan.cast} AS {plan.field}_cast" for plan in plans if plan.cast]
    return f"(SELECT {', '.join(cells)} FROM {records})"


def _is_canonical(plan: Plan) -> bool:
    """Whether the plain way of writing this declared type needs no look at the column as a whole."""
    column = plan.declared
    known = column is not None and (column.type in ("string", "boolean") or column.type in CANONICAL)
    return known and column is not None and column.format is None


def _as_declared(plan: Plan) -> str:
    """The declared value; ends the query at a cell that is not canonical or would be a finding."""
    if plan.kind == "string":
        return plan.value
    form = CANONICAL.get(plan.kind)
    plain_cell = f"CASE WHEN {matches(plan.text, form)} THEN {plan.value} END" if form else plan.value
    return f"CASE WHEN {plan.text} IS NOT NULL THEN coalesce({plain_cell}, {UNEXPECTED}) END"


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
        value = native_text(value, staged.native[field])
    if staged.empty_is_null:
        value = f"nullif({value}, '')"
    if marks := [mark for mark in null_values if mark]:
        known = one_of(f"trim({value})", [mark.strip() for mark in marks])
        value = f"(CASE WHEN NOT {known} THEN {value} END)"
    return value


def native_text(value: str, native: str) -> str:
    """SQL of a Parquet column's value as text; nested values as JSON."""
    nested = native.endswith("]") or native.startswith(("STRUCT", "MAP", "UNION"))
    return f"CAST(to_json({value}) AS VARCHAR)" if nested else f"CAST({value} AS VARCHAR)"


def _native_value(plan: Plan, native: str, dictionary: Dictionary) -> str:
    """A Parquet column that nobody declared keeps its type; nested and rare types become text."""
    if kind_of(native) == "string" and not native.startswith("BLOB"):
        return plan.text
    if not dictionary.null_values:
        return quoted(plan.field)
    return f"(CASE WHEN {plan.text} IS NOT NULL THEN {quoted(plan.field)} END)"


def _settle_crs(
    db: duckdb.DuckDBPyConnection,
    table: str,
    plans: Sequence[Plan],
    staged: Staged,
    dictionary: Dictionary,
    log: FindingLog,
) -> None:
    """Refuse coordinates that the file puts in another reference system than the record does."""
    shapes = [plan.text for plan in plans if plan.declared is not None and plan.declared.type == "geometry"]
    stated = [staged.crs] if staged.crs else []
    if staged.native:
        stated += datum.of_geoparquet(pq.read_schema(staged.path).metadata)
    datum.hold_against([*stated, *datum.of_cells(db, table, shapes)], dictionary.crs, log)


def _settle_declared(
    db: duckdb.DuckDBPyConnection,
    table: str,
    plans: Sequence[Plan],
    staged: Staged,
    zone: str | None = None,
) -> None:
    """Types of the declared columns, after one look at how each writes what one cell alone cannot tell."""
    asked: dict[str, tuple[str, Column]] = {}
    for plan in plans:
        column = plan.declared
        assert column is not None and column.type is not None  # noqa: PT018, S101
        native = staged.native.get(plan.field)
        plan.kind = column.type
        if native is not None and kind_of(native) == plan.kind and plan.kind != "string":
            plan.value = f"try_cast({quoted(plan.field)} AS {SQL_TYPE[plan.kind]})"
        else:
            asked[plan.name] = plan.text, column
    seen = surveys.survey(db, table, asked)
    for plan in plans:
        if plan.name in asked and plan.declared is not None and plan.declared.type is not None:
            plan.text = codes.mapped(plan.text, plan.declared)
            plan.value = typed(plan.text, plan.declared.type, seen[plan.name].hints)
            plan.readings = seen[plan.name].readings
    _settle_zone(db, table, [plan for plan in plans if plan.readings.get("offset")], seen, zone)


def zone_guess(plans: Sequence[Plan], zone: str | None) -> Guess | None:
    """What times without an offset were taken for, where other cells of their column carry one."""
    return clocks.settle({plan.name: plan.clocks for plan in plans}, zone)


def _settle_zone(
    db: duckdb.DuckDBPyConnection,
    table: str,
    plans: Sequence[Plan],
    seen: Mapping[str, surveys.Seen],
    zone: str | None,
) -> None:
    for plan in plans:
        plan.clocks = clocks.count(db, table, plan.text, seen[plan.name].hints)
    if (guess := zone_guess(plans, zone)) is None:
        return
    away = clocks.minutes(str(guess.value))
    for plan in plans:
        if clocks.is_mixed(plan.clocks):
            hints = seen[plan.name].hints._replace(zone=away)
            plan.value = typed(plan.text, "datetime", hints)
            form = "written" if away is None else "zone"
            plan.readings = {**plan.readings, form: plan.clocks[clocks.NAIVE]}


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
                f"The file should hold {number_of(staged.rows, 'records')} but only {rows} could be read; export it again.",
            )
        )
    part.replace(out)
    return int(rows)


def report_columns(
    db: duckdb.DuckDBPyConnection,
    staged: Staged,
    plans: Sequence[Plan],
    out: Path,
    log: FindingLog,
    listed: Path,
) -> list[ColumnFacts]:
    """Count nulls, and report the cells of declared columns that hold something but could not be typed.

    The first of them are findings, all of them stand in `listed`, which is written only where there are any.
    """
    written = f"read_parquet({path_literal(out)})"
    kept = aggregates(db, written, [count_of(quoted(plan.name)) for plan in plans])
    strict = [plan for plan in plans if _is_declared(plan) and plan.kind != "string"]
    counts = aggregates(db, table_of(staged), [count_of(_something(plan.text)) for plan in strict])
    given = {plan.name: number for plan, number in zip(strict, counts, strict=True)}
    lost = [max(0, given.get(plan.name, number) - number) for plan, number in zip(plans, kept, strict=True)]
    if any(lost):
        cells = [_lost(plan) for plan, number in zip(plans, lost, strict=True) if number]
        untyped_cells.write(db, table_of(staged), cells, listed, line=staged.line, member=staged.member)
    facts = []
    for plan, number, untyped, shown in zip(plans, kept, lost, shares(lost, FINDINGS_KEPT), strict=True):
        if untyped:
            _report_untyped(db, listed, plan, untyped, shown, log)
        if plan.declared is not None:
            surveys.report(plan.name, plan.declared, plan.readings, log)
            where = staged.line or "NULL"
            codes.report_unknown(db, table_of(staged), plan.name, plan.text, plan.declared, log, where)
        facts.append(
            ColumnFacts(
                name=plan.name,
                type=plan.kind,
                nulls=staged.rows - number,
                header=plan.header,
                declared=plan.declared is not None,
                untyped=untyped,
                readings=dict(plan.readings),
            )
        )
    return facts


def _something(text: str) -> str:
    """SQL of the text, NULL where it is only blanks."""
    return f"nullif({plain(text)}, '')"


def _lost(plan: Plan) -> untyped_cells.Cell:
    is_lost = f"{_something(plan.text)} IS NOT NULL AND ({plan.value}) IS NULL"
    return untyped_cells.Cell(plan.name, plan.kind, plan.text, is_lost)


def _report_untyped(
    db: duckdb.DuckDBPyConnection, listed: Path, plan: Plan, untyped: int, shown: int, log: FindingLog
) -> None:
    """`shown` of the `untyped` cells, the first ones, cell by cell; the others are counted."""
    rows = db.execute(
        f"SELECT row, line, value FROM read_parquet({path_literal(listed)}) "
        f'WHERE "column" = {text_literal(plan.name)} ORDER BY row LIMIT {shown}'
    ).fetchall()
    wanted = TYPE_NAMES[plan.kind]
    for row, line, value in rows:
        brief = re.sub(r"\s+", " ", value)[:60]
        where = f"第 {line} 行" if line else f"第 {row} 条记录"
        place = f"line {line}" if line else f"record {row}"
        why = units.clash(value, plan.declared.unit) if plan.declared and plan.kind in ("integer", "number") else None  # fmt: skip
        log.add(
            UNTYPED,
            Text(
                f"{where}“{plan.name}”的值“{brief}”不是{wanted.zh}{f'（{why.zh}）' if why else ''}，记为空。",
                f"“{brief}” in “{plan.name}”, {place}, is not {wanted.en}{f' ({why.en})' if why else ''}; taken as empty.",
            ),
            row=row,
            line=line,
            column=plan.name,
            value=value,
            wanted=plan.kind,
        )
    log.count_only(untyped - len(rows))
