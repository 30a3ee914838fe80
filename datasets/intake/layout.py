"""Where the table begins and ends inside a grid of cells: titles above, header line, footers below.

Pure: works on records already split. A header is the first record that fills most of the table's width;
a table has no header when its first record is made of the same numbers and dates as the records below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, Literal, NamedTuple

from core.text import Text
from datasets.intake.facts import ROW_COLUMN, ROW_OF_FILE, FindingLog

Kind = Literal["", "number", "date", "text"]
SAMPLE_RECORDS: Final = 400
MAX_NAME_CHARS: Final = 255
FOOTERS_LOOKED_AT: Final = 30
HEADERS_LOOKED_AT: Final = 30
HALF: Final = 0.5
NUMBER: Final = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)([.,]\d+)?([eE][-+]?\d+)?%?")
DATE: Final = re.compile(
    r"\d{2,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?([T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?"
)
NOTE: Final = re.compile(
    r"\s*[\"'“*#]*\s*(注|备注|備註|说明|說明|数据来源|資料來源|来源|來源|填报|制表|审核|免责|免責|note|source|remark|disclaimer)",
    re.I,
)
RULED: Final = re.compile(r"([*=_~-])\1{4,}")
INVISIBLE: Final = re.compile("[\\u200b-\\u200f\\u2060\\ufeff\\x00-\\x08\\x0e-\\x1f]")


class Record(NamedTuple):
    """One record: the line (or sheet row) where it begins, and its cells; None and "" are both empty."""

    line: int
    cells: Sequence[str | None]


def kind_of(cell: str | None) -> Kind:
    text = (cell or "").strip()
    if not text:
        return ""
    if DATE.fullmatch(text):
        return "date"
    return "number" if NUMBER.fullmatch(text) else "text"


def filled(cells: Sequence[str | None]) -> int:
    """How many cells hold something."""
    return sum(1 for cell in cells if cell and not cell.isspace())


def find_header(records: Sequence[Record], known: Collection[str] = ()) -> int | None:
    """Index of the header among `records` (the head of the file), or None when there is no header.

    known: names that the header may carry, casefolded; a line made of them is the header wherever it stands.
    """
    named = [known_share(record, known) for record in records[:HEADERS_LOOKED_AT]] if known else []
    if named and max(named) >= HALF:
        return named.index(max(named))
    widths = Counter(len(r.cells) for r in records if len(r.cells) > 1)
    width = widths.most_common(1)[0][0] if widths else 1
    wanted = max(min(2, width), -(-6 * min(width, _usual_filled(records)) // 10))
    at = next((i for i, r in enumerate(records) if filled(r.cells) >= wanted), None)
    if at is None:
        at = max(range(len(records)), key=lambda i: (filled(records[i].cells), -i))
    at = _past_group_title(records, at, width)
    return None if _is_data(records[at].cells, records[at + 1 :]) else at


def known_share(record: Record, known: Collection[str]) -> float:
    """Share of the record's filled cells that are known names."""
    names = [name for cell in record.cells if (name := clean_name(cell).casefold())]
    return sum(name in known for name in names) / len(names) if names else 0.0


def _usual_filled(records: Sequence[Record]) -> int:
    """How many cells a record of the table's body usually fills."""
    counts = sorted(filled(r.cells) for r in records[len(records) // 4 :])
    return max(1, counts[len(counts) // 2])


def _past_group_title(records: Sequence[Record], at: int, width: int) -> int:
    """A half-filled line right above a full line of distinct words is a title, not the header."""
    if filled(records[at].cells) >= width or at + 1 >= len(records):
        return at
    below = [(cell or "").strip() for cell in records[at + 1].cells]
    words = all(kind_of(cell) == "text" for cell in below) and len(set(below)) == len(below) == width
    rest = records[at + 2 :]
    typed = any(column_kind(rest, i) in ("number", "date") for i in range(width))
    return at + 1 if words and typed and width > 1 else at


def column_kind(body: Sequence[Record], index: int) -> Kind:
    kinds = Counter(kind for r in body[:100] if index < len(r.cells) and (kind := kind_of(r.cells[index])))
    if not kinds:
        return ""
    kind, number = kinds.most_common(1)[0]
    return kind if number >= 0.8 * kinds.total() else "text"


def _is_data(first: Sequence[str | None], body: Sequence[Record]) -> bool:
    """Whether the would-be header is made of the same numbers and dates as what follows."""
    same: list[str] = []
    for index, cell in enumerate(first):
        above, below = kind_of(cell), column_kind(body, index)
        if below in ("number", "date"):
            if above == "text":
                return False
            if above == below:
                same.append((cell or "").strip())
    return bool(same) and not is_series(same)


def is_series(cells: Sequence[str]) -> bool:
    """Years, months or ids in rising or falling order are names of columns, not data."""
    if len(cells) < 2:
        return False
    try:
        numbers = [float(cell.replace(",", "")) for cell in cells]
    except ValueError:
        return False
    if all(1900 <= number < 2101 for number in numbers):
        return True
    return len(cells) > 2 and (
        numbers == sorted(set(numbers)) or numbers == sorted(set(numbers), reverse=True)
    )


def footer_length(tail: Sequence[Record], body: Sequence[Record], width: int) -> int:
    """How many of the last records are notes below the table. `tail` is in file order.

    Notes begin at the first record that is one and reach to the end: every record after it fills at most
    its first cell, or the note is a ruled line and none below it fills half of the table. Empty records at the
    very end belong to them.
    """
    if width < 2:
        return 0
    run = 0
    for record in reversed(tail):
        if filled(record.cells) > 1 or (filled(record.cells) == 1 and not (record.cells[0] or "").strip()):
            break
        run += 1
    below = tail[len(tail) - run :]
    first = next((i for i, r in enumerate(below) if _is_note(r, body)), run)
    while first > 0 and filled(below[first - 1].cells) == 0:
        first -= 1
    return max(run - first, _below_a_rule(tail, width))


def _below_a_rule(tail: Sequence[Record], width: int) -> int:
    """How many records a ruled line (*****) sets apart from the table above it, the line itself among them."""
    for at, record in enumerate(tail):
        cells = [cell for cell in record.cells if cell and cell.strip()]
        if (
            len(cells) == 1
            and RULED.fullmatch(cells[0].strip())
            and all(filled(below.cells) < HALF * width for below in tail[at:])
        ):
            return len(tail) - at
    return 0


def _is_note(record: Record, body: Sequence[Record]) -> bool:
    cells = [cell for cell in record.cells if cell and cell.strip()]
    if len(cells) != 1:
        return False
    text = cells[0]
    if NOTE.match(text):
        return True
    kind = column_kind(body, 0)
    longest = max((len(r.cells[0] or "") for r in body if r.cells), default=0)
    return (kind in ("number", "date") and kind_of(text) == "text") or len(text) > max(20, 2 * longest)


def clean_name(cell: str | None) -> str:
    """A header cell as a column name: one line of bounded length, nothing invisible, no outer blanks."""
    return " ".join(INVISIBLE.sub("", cell or "").split())[:MAX_NAME_CHARS]


def column_names(header: Sequence[str | None], width: int, line: int | None, log: FindingLog) -> list[str]:
    """Unique names, in order; every name that had to be made up or changed is a finding.

    Names that differ only by case count as the same: SQL engines cannot tell them apart.
    """
    names: list[str] = []
    taken = {ROW_COLUMN, ROW_OF_FILE}
    wanted = [clean_name(cell) for cell in header]
    reserved = {name.casefold() for name in wanted if name}
    if not wanted:
        log.add(
            "no-header",
            Text(
                f"文件没有表头，列名记作 column_1 … column_{width}；可在数据字典中给出列名。",
                f"The file has no header; its columns are called column_1 … column_{width}. "
                "A dictionary can name them.",
            ),
        )
    for index in range(width):
        base = wanted[index] if index < len(wanted) else ""
        name = base or f"column_{index + 1}"
        number = 2
        while name.casefold() in taken or (name != base and name.casefold() in reserved):
            name = f"{base or f'column_{index + 1}'}_{number}"
            number += 1
        taken.add(name.casefold())
        names.append(name)
        if wanted and name != base:
            log.add(
                "column-renamed",
                Text(
                    f"第 {index + 1} 列的列名{f'“{base}”重复' if base else '为空'}，记作“{name}”。",
                    f"Column {index + 1} has {f'the repeated name “{base}”' if base else 'no name'}; "
                    f"it is called “{name}” here.",
                ),
                line=line,
                column=name,
                value=base or None,
            )
    return names
