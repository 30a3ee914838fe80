"""What the intake says about a file: how it was read, what came out, and everything that did not fit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import BaseModel

from core.text import Text
from datasets.intake.guesses import Guess

ROW_COLUMN: Final = "__row__"
ROW_OF_FILE: Final = "file_row_number"  # DuckDB's own name for the place of a row in a Parquet file
FINDINGS_KEPT: Final = 1000
UNTYPED: Final = "untyped-cell"
MAX_COLUMNS: Final = 4096


class Finding(BaseModel):
    """One thing a person should know. `row` counts records from 1, `line` counts lines or sheet rows (of the `member`, where
    several members of an archive are one table)."""

    code: str
    row: int | None = None
    line: int | None = None
    member: str | None = None
    column: str | None = None
    value: str | None = None
    wanted: str | None = None
    text: Text


class MemberFacts(BaseModel):
    """One of several members that are one table; its records begin at `first_row`."""

    name: str
    rows: int
    first_row: int
    bytes: int
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    sheet: str | None = None


class InputFacts(BaseModel):
    """How the file was read. `sha256` and `bytes` are those of the file as handed in, still packed.

    `detection` says of each conclusion how sure it is, why, and what else it might be. `members`: those that were read as
    one table, in order; `member` is then the pattern that they fit.
    """

    path: str
    sha256: str
    bytes: int
    format: str
    container: str | None = None
    encoding: str | None = None
    encoding_confidence: float | None = None
    delimiter: str | None = None
    header_line: int | None = None
    sheet: str | None = None
    member: str | None = None
    members: list[MemberFacts] = []
    detection: list[Guess] = []

    def member_of(self, row: int) -> str | None:
        """The member that a record came from, where several are one table."""
        at = bisect_right(self.members, row, key=lambda each: each.first_row)
        return self.members[at - 1].name if at else None


class ColumnFacts(BaseModel):
    """One column of the table; `header` is how the file names it, `untyped` counts cells not typeable.

    readings: cells of a declared column by the form they were written in (percent, unit, degrees, roc, months, offset,
    zone, written, epoch, mapped, numeral, currency, daypart); plain cells are not counted.
    """

    name: str
    type: str
    nulls: int
    header: str | None = None
    declared: bool = False
    untyped: int = 0
    readings: dict[str, int] = {}


class Preview(BaseModel):
    """The first and the last records as text, in the order of the columns; for a person to look at."""

    columns: list[str]
    first: list[list[str | None]]
    last: list[list[str | None]]


class Look(BaseModel):
    """Cells to look at: the first few hundred of `total`, searched for in `rows` rows.

    line_shift: line minus record number, where that is the same for every record.
    """

    cells: list[Finding]
    total: int
    rows: int
    line_shift: int | None = None


class Intake(BaseModel):
    """The whole answer. `findings` holds the first thousand; `findings_total` counts all of them."""

    input: InputFacts
    columns: list[ColumnFacts]
    rows: int
    findings: list[Finding]
    findings_total: int
    untyped_cells: int
    preview: Preview
    look: Look | None = None


class FindingLog:
    """Collects findings; keeps the first thousand and counts the rest.

    Cells that could not be typed have a thousand places of their own: somebody has to mend each of them.
    """

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.total = 0
        self.member_of: Callable[[int], str | None] | None = None
        self._room = {True: FINDINGS_KEPT, False: FINDINGS_KEPT}

    def add(
        self,
        code: str,
        text: Text,
        *,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        wanted: str | None = None,
    ) -> None:
        self.total += 1
        if self._takes(code):
            shown = value if value is None or len(value) <= 200 else value[:199] + "…"
            member = self.member_of(row) if self.member_of and row else None
            self.kept.append(
                Finding(
                    code=code, row=row, line=line, member=member, column=column, value=shown, wanted=wanted,
                    text=_in_member(member, text) if member else text,
                )
            )  # fmt: skip

    def take(self, other: FindingLog) -> None:
        """Everything that `other` collected, after what is here."""
        self.kept += [each for each in other.kept if self._takes(each.code)]
        self.total += other.total

    def take_of(self, member: str, before: int, other: FindingLog) -> None:
        """Everything that was noticed of a member whose records come after `before` others."""
        for each in other.kept:
            if self._takes(each.code):
                row = each.row + before if each.row else None
                text = _in_member(member, each.text)
                self.kept.append(each.model_copy(update={"member": member, "row": row, "text": text}))
        self.total += other.total

    def count_only(self, number: int) -> None:
        """Findings that are known by number only, because no more can be kept."""
        self.total += number

    @property
    def has_room(self) -> bool:
        """For findings other than cells that could not be typed."""
        return self._room[False] > 0

    def _takes(self, code: str) -> bool:
        is_cell = code == UNTYPED
        self._room[is_cell] -= 1
        return self._room[is_cell] >= 0


def _in_member(member: str, text: Text) -> Text:
    return Text(f"{member}：{text.zh}", f"{member}: {text.en}")


def shares(counts: Sequence[int], room: int) -> list[int]:
    """How many of each count find room: evenly, so that none is left out for another; what one does not need, others get."""
    found = [0] * len(counts)
    order = sorted(range(len(counts)), key=lambda place: counts[place])
    for done, place in enumerate(order):
        found[place] = min(counts[place], -(-room // (len(counts) - done)))
        room -= found[place]
    return found
