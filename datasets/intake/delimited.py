"""Delimited text split into records, strictly enough that no record is lost and none is doubled."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.errors import InputRefused
from core.text import Text
from datasets.intake.encodings import MAX_LINE_BYTES
from datasets.intake.facts import FindingLog
from datasets.intake.layout import Record

DELIMITERS: Final = (",", "\t", ";", "|", "\x01", "^", "~", ":")
SAMPLE_CHARS: Final = 256 << 10
SAMPLE_LINES: Final = 1000


def sniff_delimiter(path: Path) -> str | None:
    """The character that splits most records into the same number of fields; None for a single column."""
    with path.open(encoding="utf-8-sig", newline="", errors="ignore") as file:
        text = file.read(SAMPLE_CHARS)
    lines = text.splitlines(keepends=True)
    lines = (lines[:-1] or lines)[:SAMPLE_LINES]
    best: tuple[float, int, str] | None = None
    for rank, delimiter in enumerate(DELIMITERS):
        if not any(delimiter in line for line in lines):
            continue
        share, fields = _consistency(lines, delimiter)
        if fields > 1 and share >= (0.3 if delimiter in ",\t;|" else 0.9):
            score = (round(share, 1) + min(fields, 20) * 0.005, -rank, delimiter)
            best = max(best, score) if best else score
    return best[2] if best else None


def _consistency(lines: list[str], delimiter: str) -> tuple[float, int]:
    counts: Counter[int] = Counter()
    try:
        counts.update(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return 0.0, 0
    several = Counter({fields: n for fields, n in counts.items() if fields > 1})
    if not several:
        return 0.0, 0
    fields, number = several.most_common(1)[0]
    return number / counts.total(), fields


class Delimited:
    """The records of one delimited file; may be iterated again, each time from the start."""

    def __init__(self, path: Path, delimiter: str | None, log: FindingLog, quote: str = '"') -> None:
        self.path = path
        self.delimiter = delimiter
        self.quote = quote
        self.blank_lines = 0
        self._log = log
        csv.field_size_limit(MAX_LINE_BYTES)

    def records(self, *, report: bool = False) -> Iterator[Record]:
        """Every record that is not a blank line. With `report`, malformed quotes go to the log."""
        self.blank_lines = 0
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file)
            mark = None if self.quote == "none" else self.quote
            reader = csv.reader(
                lines, delimiter=self.delimiter or "\x1f", strict=True,
                quotechar=mark, quoting=csv.QUOTE_MINIMAL if mark else csv.QUOTE_NONE,
            )  # fmt: skip
            while True:
                begins = lines.number + 1
                lines.held.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    cells = self._again(begins, lines.held, error, report)
                if cells:
                    yield Record(begins, cells)
                else:
                    self.blank_lines += 1

    def _again(self, begins: int, held: list[str], error: csv.Error, report: bool) -> list[str]:
        if "field larger" in str(error):
            raise InputRefused(
                Text(
                    f"第 {begins} 行起的一个单元格超过 {MAX_LINE_BYTES >> 20} MiB；请检查引号与换行后重新导出。",
                    f"A cell that begins in line {begins} is longer than {MAX_LINE_BYTES >> 20} MiB; "
                    "check quotes and line breaks and export again.",
                )
            ) from error
        if "unexpected end" in str(error):
            raise InputRefused(
                Text(
                    f"第 {begins} 行打开的引号直到文件结尾都没有关闭，文件可能不完整；请重新导出。",
                    f"A quotation mark opened in line {begins} is never closed, the file may be cut off; "
                    "export it again.",
                ),
                line=begins,
            ) from error
        if report:
            self._log.add(
                "malformed-quotes",
                Text(
                    f"第 {begins} 行的引号不规范，按原文读取；请核对该行。",
                    f"Line {begins} has malformed quotes; its text was taken as it stands, check it.",
                ),
                line=begins,
                value="".join(held).rstrip("\r\n"),
            )
        text = "".join(held).rstrip("\r\n")
        return text.split(self.delimiter) if self.delimiter else [text]


class _Lines:
    """Lines of a file, numbered, those of the current record kept."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.held: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.held.append(line)
        return line
