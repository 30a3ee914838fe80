"""Records as a table that people edit in a spreadsheet and hand back: CSV or XLSX, one line a record, one column a field.

Line 1 names the fields; a line whose first cell begins with `#` is for people and is not read. A column that is left out changes
nothing; an empty cell empties its field. What would run as a formula has an apostrophe in front, which reading takes away. U+FFFE
and U+FFFF, which are no characters and which no XML holds, come out of a workbook as `_xFFFE_` and `_xFFFF_`; CSV keeps them.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from catalog.changes import column_lines, dictionaries
from catalog.changes.models import MOST, Problem, Wish
from catalog.changes.rules import Unfit, cell, letters, spec_of, value_of
from catalog.fields import BY_NAME, FIELDS, FieldSpec
from core.errors import InputRefused
from core.sheets import Sheet
from core.text import Text

KEY, VERSION, PUBLISHER = "resource_code", "version", "publisher"
_READ_ONLY: Final = {
    KEY: Text("信息资源代码", "Resource code"),
    VERSION: Text("记录版本（勿改）", "Record version (leave it)"),
    PUBLISHER: Text("提供方（不可改）", "Publisher (cannot be changed)"),
}
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
LARGEST: Final = 8 * 1024 * 1024
_UNPACKED: Final = 64 * 1024 * 1024


def sheet(records: Iterable[dict[str, Any]]) -> Sheet:
    """The table of these records, each as `DatasetRead` says it in JSON."""
    labels = [*_READ_ONLY.values(), *(spec.label for spec in FIELDS)]
    told = [
        f"# {label.zh} {label.en}" if n == 0 else f"{label.zh} {label.en}" for n, label in enumerate(labels)
    ]
    rows = [
        [r[KEY], r[VERSION], r[PUBLISHER], *(_kept(cell(spec, r[spec.name])) for spec in FIELDS)]
        for r in records
    ]
    return Sheet("records", [*_READ_ONLY, *BY_NAME], [told, *rows])


def _kept(text: str) -> str:
    return f"'{text}" if text.startswith("'") else text


def read(content: bytes) -> tuple[list[Wish], list[Problem]]:
    """What a table wishes, and every cell that cannot be read. Raises InputRefused where the file is no such table."""
    if len(content) > LARGEST:
        raise _refused("文件超过 8 MiB；请分几次导入。", "The file is larger than 8 MiB; import it in parts.")
    wishes: list[Wish] = []
    problems: list[Problem] = []
    tables = _xlsx(content) if content[:2] == b"PK" else [("", _csv(content))]
    is_empty = True
    for place, (name, lines) in enumerate(tables):
        number, heads = next(((n, row) for n, row in lines if any(row)), (0, []))
        if not heads:
            continue
        is_empty = False
        if dictionaries.COLUMN in heads:
            column_lines.read(name, number, heads, lines, wishes, problems)
        elif place == 0:
            _records(number, heads, lines, wishes, problems)
    if is_empty:
        raise _refused("文件是空的。", "The file is empty.")
    if not wishes and not problems:
        raise _refused("表头之下没有记录。", "There is no record below the heads.")
    return wishes, problems


def _records(
    number: int, heads: Sequence[str], lines: Iterator[tuple[int, list[str]]], wishes: list[Wish], problems: list[Problem]
) -> None:  # fmt: skip
    specs, unknown = _columns(heads, number)
    problems += unknown
    for line, row in lines:
        if not any(row) or row[0].lstrip("'").startswith("#"):
            continue
        if len(wishes) == MOST:
            raise _refused(
                f"一次最多 {MOST} 条记录；请分几次导入。",
                f"At most {MOST} records at once; import them in parts.",
            )
        wish = _wish(line, row, specs, problems)
        if any(each.dataset_id == wish.dataset_id for each in wishes):
            problems.append(
                _problem(
                    wish,
                    KEY,
                    0,
                    "twice",
                    Text("这一代码在文件中出现多次", "this code stands in the file more than once"),
                )
            )
        wishes.append(wish)


def _columns(heads: Sequence[str], line: int) -> tuple[list[str | FieldSpec | None], list[Problem]]:
    found: list[str | FieldSpec | None] = []
    problems = []
    for place, head in enumerate(heads):
        try:
            found.append(head if head in _READ_ONLY else spec_of(head) if head else None)
        except Unfit as fault:
            found.append(None)
            problems.append(
                Problem(
                    line=line,
                    column=letters(place),
                    field=head,
                    code="unknown-column",
                    zh=f"第 {line} 行 {letters(place)} 列：{fault.text.zh}",
                    en=f"Line {line}, column {letters(place)}: {fault.text.en}",
                )
            )
    if KEY not in found:
        raise _refused(
            f"第 {line} 行没有 {KEY} 列；请用导出的表修改。",
            f"Line {line} has no column {KEY}; edit a table that was exported here.",
        )
    names = [each if isinstance(each, str) else each.name for each in found if each]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _refused(
            f"列 {'、'.join(twice)} 出现多次。", f"Columns that stand more than once: {', '.join(twice)}."
        )
    return found, problems


def _wish(
    line: int, row: Sequence[str], specs: Sequence[str | FieldSpec | None], problems: list[Problem]
) -> Wish:
    wish = Wish(dataset_id="", line=line, fields={})
    padded = [*row, *[""] * (len(specs) - len(row))]
    wish.dataset_id = padded[specs.index(KEY)].strip()[:80]
    for place, spec in enumerate(specs):
        text = padded[place]
        if spec == VERSION and text:
            if text.isdecimal() and text.isascii() and len(text) < 10:
                wish.version = int(text)
            else:
                problems.append(
                    _problem(
                        wish,
                        VERSION,
                        place,
                        "version",
                        Text(f"“{text}”不是版本号", f"“{text}” is no version"),
                    )
                )
        elif isinstance(spec, FieldSpec):
            try:
                wish.fields[spec.name] = value_of(spec, text)
            except Unfit as fault:
                problems.append(_problem(wish, spec.name, place, "value", fault.text))
    return wish


def _problem(wish: Wish, field: str, place: int, code: str, text: Text) -> Problem:
    label = BY_NAME[field].label if field in BY_NAME else _READ_ONLY[field]
    column = letters(place)
    return Problem(
        dataset_id=wish.dataset_id, field=field, line=wish.line, column=column, code=code,
        zh=f"第 {wish.line} 行 {column} 列（{label.zh}）：{text.zh}", en=f"Line {wish.line}, column {column} ({label.en}): {text.en}",
    )  # fmt: skip


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    line = 1
    try:
        for row in rows:
            yield line, [_plain(each) for each in row]
            line = rows.line_num + 1
    except csv.Error as fault:
        raise _refused(
            f"第 {line} 行无法作为 CSV 读取：{fault}", f"Line {line} cannot be read as CSV: {fault}"
        ) from None


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused(
        "既不是 UTF-8 也不是 GB18030 编码的 CSV；请另存为 CSV UTF-8 或 XLSX。",
        "Neither UTF-8 nor GB18030; save it as CSV UTF-8 or XLSX.",
    )


def _xlsx(content: bytes) -> list[tuple[str, Iterator[tuple[int, list[str]]]]]:
    """Every sheet, by name."""
    import python_calamine

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _UNPACKED:
                raise _refused("工作簿解压后过大。", "The workbook is too large once unpacked.")
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            sheets = [
                (name, book.get_sheet_by_index(place).to_python(skip_empty_area=False))
                for place, name in enumerate(book.sheet_names)
            ]
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError, OSError):
        raise _refused(
            "工作簿打不开；请另存为 XLSX 再试。",
            "The workbook cannot be opened; save it as XLSX and try again.",
        ) from None
    return [(name, _lines(rows)) for name, rows in sheets]


def _lines(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 1):
        yield number, [_plain(_text(each)) for each in row]


def _text(value: Any) -> str:  # noqa: ANN401 - a cell
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time().isoformat() == "00:00:00" else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(text: str) -> str:
    """Without the apostrophe that stands before what would run as a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_STARTS) else text


def _refused(zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en), field="file")
