"""Read one file of any supported kind into one typed Parquet table."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import duckdb

from core.errors import InputRefused
from core.text import Text
from datasets.intake import detection, one_pass, suspects, totals
from datasets.intake.container import Opened, looks_like_json, open_input
from datasets.intake.delimited import Delimited, sniff_delimiter
from datasets.intake.dictionary import Dictionary
from datasets.intake.encodings import SURE, Utf8Text, to_utf8
from datasets.intake.facts import ColumnFacts, FindingLog, InputFacts, Intake, Preview
from datasets.intake.guesses import UNSPLIT
from datasets.intake.json_table import stage_json
from datasets.intake.parquet import stage_parquet
from datasets.intake.sheets import open_sheet
from datasets.intake.staging import Grid, Head, Staged, read_head, stage_grid, stage_text
from datasets.intake.table import (
    Plan,
    path_literal,
    plan_columns,
    quoted,
    report_columns,
    write_typed,
    zone_guess,
)

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


@dataclass
class _Desk:
    """What every step of one reading needs. `typed`: the table, where splitting the text already wrote it."""

    folder: Path
    dictionary: Dictionary
    log: FindingLog
    out: Path
    numbered: bool
    memory_limit_mb: int
    typed: one_pass.Typed | None = None

    @cached_property
    def db(self) -> duckdb.DuckDBPyConnection:
        """A database of bounded memory, opened when first asked for: many a refusal comes before."""
        db = duckdb.connect(
            config={
                "memory_limit": f"{self.memory_limit_mb}MB",
                "temp_directory": str(self.folder / "spill"),
                "autoinstall_known_extensions": False,
            }
        )
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")  # it would print into a command's answer
        return db

    def close(self) -> None:
        if "db" in self.__dict__:
            self.db.close()


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
) -> Intake:
    """Write `source` as typed Parquet to `out` and say how it was read.

    look: search for cells that a person should look at. name: the file's own name, where `source` is called otherwise. The table has the file's columns in
    their order and, last, if `numbered`, `__row__`: the record's number from 1. Nothing is written unless all of it is.
    Raises InputRefused with one sentence that says what is wrong, where, and what to do.
    """
    progress = on_progress or (lambda _share, _step: None)
    progress(0.0, OPENING)
    with (
        ThreadPoolExecutor(1) as beside,
        _desk(out, dictionary or Dictionary(), memory_limit_mb, numbered=numbered) as desk,
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
        staged = _stage(desk, opened, facts)
        facts.detection = detection.completed(facts, desk.dictionary, opened, staged)
        progress(0.5, TYPING)
        plans, columns = _typed(desk, staged, lambda: progress(0.9, REPORTING))
        if (zone := zone_guess(plans, desk.dictionary.zone)) is not None:
            facts.detection.append(zone)
        words = [plan.name for plan in plans if plan.kind == "string"]
        totals.report(desk.db, out, words, staged, desk.log)
        preview = _preview(desk.db, plans, out, staged.rows)
        facts.sha256 = digest.result()
        progress(1.0, DONE)
        return Intake(
            input=facts,
            columns=columns,
            rows=staged.rows,
            findings=desk.log.kept,
            findings_total=desk.log.total,
            untyped_cells=sum(column.untyped for column in columns),
            preview=preview,
            look=suspects.look(desk.db, out, plans, staged) if look else None,
        )


def _typed(
    desk: _Desk, staged: Staged, reporting: Callable[[], None]
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
    return plans, report_columns(desk.db, staged, plans, desk.out, desk.log)


@contextmanager
def _desk(out: Path, dictionary: Dictionary, memory_limit_mb: int, *, numbered: bool) -> Iterator[_Desk]:
    """A scratch folder beside `out` and a database of bounded memory; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".intake-", dir=out.parent))
    desk = _Desk(folder, dictionary, FindingLog(), out, numbered, memory_limit_mb)
    try:
        yield desk
    except duckdb.Error as error:
        raise _unreadable(error) from error
    finally:
        desk.close()
        shutil.rmtree(folder, ignore_errors=True)
        out.with_name(f".{out.name}.part").unlink(missing_ok=True)


def _unreadable(error: duckdb.Error) -> InputRefused:
    if isinstance(error, duckdb.OutOfMemoryException):
        return InputRefused(
            Text(
                "读取时超出内存上限；请拆分文件，或改用 CSV、Parquet 提交。",
                "Reading the file takes more memory than allowed; split it, or hand it in as CSV or Parquet.",
            )
        )
    reason = str(error).splitlines()[0][:200]
    return InputRefused(
        Text(
            f"文件内容已损坏，无法读完（{reason}）；请重新导出后提交。",
            f"The file's content is damaged and cannot be read to its end ({reason}); export it again.",
        )
    )


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stage(desk: _Desk, opened: Opened, facts: InputFacts) -> Staged:
    match opened.format:
        case "parquet":
            return stage_parquet(desk.db, opened.path, desk.log)
        case "xlsx" | "xls" | "ods":
            return _stage_sheet(desk, opened, facts)
        case "json":
            return _stage_json(desk, opened, facts)
        case "text":
            return _stage_text(desk, opened, facts)


def _stage_sheet(desk: _Desk, opened: Opened, facts: InputFacts) -> Staged:
    sheet = open_sheet(
        opened.path, opened.format, desk.dictionary.sheet, desk.log, desk.dictionary.header_line
    )
    head = _head(desk, sheet)
    facts.sheet, facts.header_line = sheet.name, head.line
    guesses = [detection.of_sheet(sheet.name, sheet.sizes)]
    facts.detection = detection.with_header(guesses, head.sample, head.line, desk.dictionary)
    return stage_grid(sheet, head, desk.folder, desk.log)


def _head(desk: _Desk, grid: Grid) -> Head:
    told = desk.dictionary
    known = detection.known_names(told)
    return read_head(grid, told.header_line, desk.log, known, header_rows=told.header_rows)


def _decoded(desk: _Desk, opened: Opened, facts: InputFacts, *, line_limit: bool) -> Utf8Text:
    wanted = desk.dictionary.encoding
    text = (
        to_utf8(opened.path, desk.folder, wanted)
        if line_limit
        else to_utf8(opened.path, desk.folder, wanted, line_limit=None)
    )
    facts.encoding, facts.encoding_confidence = text.encoding, text.confidence
    facts.detection = [detection.of_encoding(text)]
    if text.confidence < SURE:
        desk.log.add(
            "encoding-unsure",
            Text(
                f"编码按 {text.encoding} 读取，但把握不大；请核对文字，必要时在数据字典中指明 encoding。",
                f"The text was read as {text.encoding} without much certainty; check it, "
                "and name the encoding in the dictionary if it is wrong.",
            ),
        )
    return text


def _stage_json(desk: _Desk, opened: Opened, facts: InputFacts) -> Staged:
    text = _decoded(desk, opened, facts, line_limit=False)
    key = desk.dictionary.member if opened.member is None else None
    staged, facts.format, inner = stage_json(text.path, desk.folder, key, desk.log)
    facts.member = opened.member or inner
    return staged


def _stage_text(desk: _Desk, opened: Opened, facts: InputFacts) -> Staged:
    text = _decoded(desk, opened, facts, line_limit=True)
    if text.encoding.startswith(("utf-16", "utf-32")):
        with text.path.open("rb") as file:
            if looks_like_json(file.read(4096)):
                return _stage_json(desk, opened, facts)
    delimiter = desk.dictionary.delimiter or sniff_delimiter(text.path)
    if delimiter == UNSPLIT:
        delimiter = None
    grid = Delimited(text.path, delimiter, desk.log, desk.dictionary.quote or '"')
    head = _head(desk, grid)
    facts.format = "tsv" if delimiter == "\t" else "csv"
    facts.delimiter, facts.header_line = delimiter, head.line
    guesses = [
        *facts.detection,
        detection.of_delimiter(text.path, delimiter),
        detection.of_quote(text.path, delimiter, grid.quote),
    ]
    facts.detection = detection.with_header(guesses, head.sample, head.line, desk.dictionary)
    desk.typed = one_pass.read(
        desk.db, text, grid, head, desk.dictionary, desk.out, desk.folder, desk.log, numbered=desk.numbered
    )
    if desk.typed is not None:
        return desk.typed.staged
    return stage_text(desk.db, text, grid, head, desk.folder, desk.log)


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
