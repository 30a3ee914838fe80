"""The desk of one reading: scratch folder, database of bounded memory, findings; and the way from an opened file to a staged one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import duckdb

from core.errors import InputRefused
from core.text import Text
from datasets.intake import detection, one_pass
from datasets.intake.container import Opened, looks_like_json
from datasets.intake.delimited import Delimited, sniff_delimiter
from datasets.intake.dictionary import Dictionary
from datasets.intake.encodings import SURE, Utf8Text, to_utf8
from datasets.intake.facts import FindingLog, InputFacts
from datasets.intake.guesses import UNSPLIT
from datasets.intake.json_table import stage_json
from datasets.intake.layout import column_names
from datasets.intake.parquet import stage_parquet
from datasets.intake.sheets import open_sheet
from datasets.intake.staging import Grid, Head, Staged, read_head, stage_grid, stage_text


@dataclass
class Desk:
    """What every step of one reading needs. `typed`: the table, where splitting the text already wrote it.

    alone: the file is the whole table, so that it may be typed while it is split.
    """

    folder: Path
    dictionary: Dictionary
    log: FindingLog
    out: Path
    numbered: bool
    memory_limit_mb: int
    typed: one_pass.Typed | None = None
    alone: bool = True

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

    def beside(self, folder: Path, log: FindingLog) -> Desk:
        """A desk for one of several files of one table: its own folder and findings, the same database."""
        own = replace(self, folder=folder, log=log, typed=None, alone=False)
        own.__dict__["db"] = self.db
        return own

    def close(self) -> None:
        if "db" in self.__dict__:
            self.db.close()


@contextmanager
def at_desk(out: Path, dictionary: Dictionary, memory_limit_mb: int, *, numbered: bool) -> Iterator[Desk]:
    """A scratch folder beside `out` and a database of bounded memory; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".intake-", dir=out.parent))
    desk = Desk(folder, dictionary, FindingLog(), out, numbered, memory_limit_mb)
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


def stage(desk: Desk, opened: Opened, facts: InputFacts) -> Staged:
    """The file's cells as text (of Parquet: as typed), with what was seen on the way in `facts` and the log."""
    match opened.format:
        case "parquet":
            return stage_parquet(desk.db, opened.path, desk.log)
        case "xlsx" | "xls" | "ods":
            return _stage_sheet(desk, opened, facts)
        case "json":
            return _stage_json(desk, opened, facts)
        case "text":
            return _stage_text(desk, opened, facts)
        case "zip":  # several members as one table are united first
            raise AssertionError


def _stage_sheet(desk: Desk, opened: Opened, facts: InputFacts) -> Staged:
    sheet = open_sheet(
        opened.path, opened.format, desk.dictionary.sheet, desk.log, desk.dictionary.header_line
    )
    head = head_of(desk, sheet)
    facts.sheet, facts.header_line = sheet.name, head.line
    guesses = [detection.of_sheet(sheet.name, sheet.sizes)]
    facts.detection = detection.with_header(guesses, head.sample, head.line, desk.dictionary)
    return stage_grid(sheet, head, desk.folder, desk.log)


def head_of(desk: Desk, grid: Grid) -> Head:
    """The header, with what was told and the names that are known."""
    told = desk.dictionary
    known = detection.known_names(told)
    return read_head(grid, told.header_line, desk.log, known, header_rows=told.header_rows)


def _decoded(desk: Desk, opened: Opened, facts: InputFacts, *, line_limit: bool) -> Utf8Text:
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


def _stage_json(desk: Desk, opened: Opened, facts: InputFacts) -> Staged:
    text = _decoded(desk, opened, facts, line_limit=False)
    key = desk.dictionary.member if opened.member is None else None
    staged, facts.format, inner = stage_json(text.path, desk.folder, key, desk.log)
    facts.member = opened.member or inner
    return staged


def columns_of(desk: Desk, opened: Opened, facts: InputFacts) -> list[str]:
    """The names of the columns; of delimited text no more than the head is read."""
    if opened.format == "text" and (found := _lines_of(desk, opened, facts)) is not None:
        _, _, head = found
        width = len(head.cells) or max(len(record.cells) for record in head.body)
        return column_names(head.cells, width, head.line or None, desk.log)
    return stage(desk, opened, facts).headers


def _lines_of(desk: Desk, opened: Opened, facts: InputFacts) -> tuple[Utf8Text, Delimited, Head] | None:
    """Text as records with their header, and what was concluded about it; None where it is JSON in UTF-16 or UTF-32."""
    text = _decoded(desk, opened, facts, line_limit=True)
    if text.encoding.startswith(("utf-16", "utf-32")):
        with text.path.open("rb") as file:
            if looks_like_json(file.read(4096)):
                return None
    delimiter = desk.dictionary.delimiter or sniff_delimiter(text.path)
    if delimiter == UNSPLIT:
        delimiter = None
    grid = Delimited(text.path, delimiter, desk.log, desk.dictionary.quote or '"')
    head = head_of(desk, grid)
    facts.format = "tsv" if delimiter == "\t" else "csv"
    facts.delimiter, facts.header_line = delimiter, head.line
    guesses = [
        *facts.detection,
        detection.of_delimiter(text.path, delimiter),
        detection.of_quote(text.path, delimiter, grid.quote),
    ]
    facts.detection = detection.with_header(guesses, head.sample, head.line, desk.dictionary)
    return text, grid, head


def _stage_text(desk: Desk, opened: Opened, facts: InputFacts) -> Staged:
    if (found := _lines_of(desk, opened, facts)) is None:
        return _stage_json(desk, opened, facts)
    text, grid, head = found
    if desk.alone:
        desk.typed = one_pass.read(
            desk.db,
            text,
            grid,
            head,
            desk.dictionary,
            desk.out,
            desk.folder,
            desk.log,
            numbered=desk.numbered,
        )
    if desk.typed is not None:
        return desk.typed.staged
    return stage_text(desk.db, text, grid, head, desk.folder, desk.log)
