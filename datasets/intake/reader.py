"""Read one file of any supported kind into one typed Parquet table."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import move
from typing import Final

import duckdb

from core.text import Text
from datasets.intake import detection, suspects, totals
from datasets.intake.casts import quoted
from datasets.intake.container import open_input
from datasets.intake.desk import Desk, at_desk, stage
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import ColumnFacts, InputFacts, Intake, Look, Preview
from datasets.intake.staging import Staged
from datasets.intake.table import (
    Plan,
    path_literal,
    plan_columns,
    report_columns,
    write_typed,
    zone_guess,
)
from datasets.intake.unite import unite

WIDE: Final = 300
PREVIEW_FIRST: Final = 20
PREVIEW_LAST: Final = 5
PREVIEW_CHARS: Final = 500
Progress = Callable[[float, Text], None]

OPENING: Final = Text("打开文件", "Opening the file")
SPLITTING: Final = Text("识别编码与表头，拆分记录", "Finding encoding and header, splitting records")
TYPING: Final = Text("识别并转换类型", "Finding types and converting")
REPORTING: Final = Text("汇总结果", "Summing up")
DONE: Final = Text("读取完成", "Read")


def read_table(
    source: Path,
    out: Path,
    *,
    dictionary: Dictionary | None = None,
    name: str | None = None,
    numbered: bool = True,
    look: bool = False,
    memory_limit_mb: int = 800,
    on_progress: Progress | None = None,
    untyped: Path | None = None,
) -> Intake:
    """Write `source` as typed Parquet to `out` and say how it was read.

    untyped: where every cell goes that its declared type cannot hold (`datasets.intake.untyped`); not written where there is none.
    look: search for cells that a person should look at. name: the file's own name, where `source` is called otherwise. The table has the file's columns in
    their order and, last, if `numbered`, `__row__`: the record's number from 1. Nothing is written unless all of it is.
    Raises InputRefused with one sentence that says what is wrong, where, and what to do.
    """
    progress = on_progress or (lambda _share, _step: None)
    progress(0.0, OPENING)
    with (
        ThreadPoolExecutor(1) as beside,
        at_desk(out, dictionary or Dictionary(), memory_limit_mb, numbered=numbered) as desk,
    ):
        digest = beside.submit(_digest, source)
        opened = open_input(source, desk.folder, desk.dictionary.member, desk.dictionary.format)
        facts = InputFacts(
            path=name or source.name,
            sha256="",
            bytes=source.stat().st_size,
            format=opened.format,
            container=opened.container,
            member=opened.member,
        )
        progress(0.1, SPLITTING)
        staged = (
            unite(desk, opened, facts, lambda share: progress(0.1 + 0.4 * share, SPLITTING))
            if opened.parts
            else stage(desk, opened, facts)
        )
        facts.detection = detection.completed(facts, desk.dictionary, opened, staged)
        progress(0.5, TYPING)
        listed = desk.folder / "untyped.parquet"
        plans, columns = _typed(desk, staged, listed, lambda: progress(0.9, REPORTING))
        if (zone := zone_guess(plans, desk.dictionary.zone)) is not None:
            facts.detection.append(zone)
        words = [plan.name for plan in plans if plan.kind == "string"]
        totals.report(desk.db, out, words, staged, desk.log)
        preview = _preview(desk.db, plans, out, staged.rows)
        facts.sha256 = digest.result()
        if untyped is not None and listed.exists():
            move(listed, untyped)
        progress(1.0, DONE)
        return Intake(
            input=facts,
            columns=columns,
            rows=staged.rows,
            findings=desk.log.kept,
            findings_total=desk.log.total,
            untyped_cells=sum(column.untyped for column in columns),
            preview=preview,
            look=_look(desk, plans, staged, facts) if look else None,
        )


def _typed(
    desk: Desk, staged: Staged, untyped: Path, reporting: Callable[[], None]
) -> tuple[list[Plan], list[ColumnFacts]]:
    """The typed table at `desk.out`, unless one pass has written it already; and what it holds."""
    if desk.typed is not None:
        reporting()
        return desk.typed.plans, desk.typed.columns
    if len(staged.fields) > WIDE:  # looking for common parts takes time with the square of the columns
        desk.db.execute("SET disabled_optimizers = 'common_subexpressions'")
    plans = plan_columns(desk.db, staged, desk.dictionary, desk.log)
    write_typed(desk.db, staged, plans, desk.out, numbered=desk.numbered)
    reporting()
    return plans, report_columns(desk.db, staged, plans, desk.out, desk.log, untyped)


def _look(desk: Desk, plans: list[Plan], staged: Staged, facts: InputFacts) -> Look:
    """Cells to look at, each with its member where there are several."""
    seen = suspects.look(desk.db, desk.out, plans, staged)
    for each in seen.cells:
        each.member = facts.member_of(each.row) if each.row else None
    return seen


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _preview(db: duckdb.DuckDBPyConnection, plans: list[Plan], out: Path, rows: int) -> Preview:
    listed = ", ".join(f"left(CAST({quoted(plan.name)} AS VARCHAR), {PREVIEW_CHARS})" for plan in plans)
    query = f"SELECT {listed} FROM read_parquet({path_literal(out)}, file_row_number = true)"
    first = db.execute(f"{query} LIMIT {PREVIEW_FIRST}").fetchall()
    last = db.execute(  # the number as a literal: only so are the row groups before it skipped
        f"{query} WHERE file_row_number >= {max(PREVIEW_FIRST, rows - PREVIEW_LAST)} ORDER BY file_row_number"
    ).fetchall()
    return Preview(
        columns=[plan.name for plan in plans],
        first=[list(row) for row in first],
        last=[list(row) for row in last],
    )
