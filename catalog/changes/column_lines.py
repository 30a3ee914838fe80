"""Lines of a table of data dictionaries, read into wishes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from catalog.changes import dictionaries
from catalog.changes.dictionaries import COLUMN, FIELD, HEADS, KEY, VERSION
from catalog.changes.models import MOST, Problem, Wish
from catalog.changes.rules import Unfit, letters
from core.errors import InputRefused
from core.text import Text

MOST_LINES: Final = 50_000


def read(
    sheet: str, number: int, heads: Sequence[str], lines: Iterator[tuple[int, list[str]]], wishes: list[Wish], problems: list[Problem],
) -> None:  # fmt: skip
    """Take the dictionaries into the wishes for their records; what cannot be read becomes a problem. Raises InputRefused."""
    if KEY not in heads:
        raise _refused(
            f"第 {number} 行没有 {KEY} 列；请用导出的表修改。", f"Line {number} has no column {KEY}; edit a table that was exported here."
        )  # fmt: skip
    names = [head if head in HEADS else dictionaries.attribute(head) for head in heads]
    for place, (head, name) in enumerate(zip(heads, names, strict=True)):
        if head and name is None:
            problems.append(_problem(sheet, number, place, head, "", "unknown-column", Text(f"没有名为“{head}”的项", f"there is no field “{head}”")))  # fmt: skip
    if len({name for name in names if name}) < len([name for name in names if name]):
        raise _refused("有列出现多次。", "A head stands more than once.")
    known = {wish.dataset_id: wish for wish in wishes}
    for count, (line, row) in enumerate(lines):
        if count > MOST_LINES:
            raise _refused(f"一次最多 {MOST_LINES} 行；请分几次导入。", f"At most {MOST_LINES} lines at once; import them in parts.")  # fmt: skip
        if not any(row) or row[0].lstrip("'").startswith("#"):
            continue
        cells = dict(zip(names, [*row, *[""] * len(names)], strict=False))
        code = (cells[KEY] or "").strip()[:80]
        if code not in known:
            if len(known) == MOST:
                raise _refused(f"一次最多 {MOST} 条记录；请分几次导入。", f"At most {MOST} records at once; import them in parts.")  # fmt: skip
            known[code] = Wish(dataset_id=code, line=line, fields={})
            wishes.append(known[code])
        wish = known[code]
        column = {"name": cells[COLUMN].strip()}
        for place, (name, text) in enumerate(zip(names, row, strict=False)):
            if name == VERSION and text:
                if text.isdecimal() and text.isascii() and len(text) < 10:
                    wish.version = min(int(text), wish.version or int(text))
                else:
                    problems.append(_problem(sheet, line, place, name, code, "version", Text(f"“{text}”不是版本号", f"“{text}” is no version")))  # fmt: skip
            elif name and name not in HEADS:
                try:
                    column[name] = dictionaries.value_of(name, text)
                except Unfit as fault:
                    problems.append(_problem(sheet, line, place, name, code, "value", fault.text))
        at = names.index(COLUMN)
        if not column["name"]:
            problems.append(_problem(sheet, line, at, COLUMN, code, "missing", Text("列名必须填写", "the column needs a name")))  # fmt: skip
        elif any(column["name"] == each["name"] for each in wish.fields.get(FIELD, [])):
            problems.append(_problem(sheet, line, at, COLUMN, code, "twice", Text(f"列 {column['name']} 出现多次", f"column {column['name']} stands more than once")))  # fmt: skip
        wish.fields.setdefault(FIELD, []).append(column)


def _problem(sheet: str, line: int, place: int, field: str, code: str, kind: str, text: Text) -> Problem:
    label = HEADS.get(field) or (dictionaries.ATTRIBUTES[field].label if field in dictionaries.ATTRIBUTES else Text(field, field))  # fmt: skip
    column = letters(place)
    where = Text(f"工作表 {sheet} ", f"Sheet {sheet}, ") if sheet else Text("", "")
    return Problem(
        dataset_id=code, field=f"{FIELD}.{field}", line=line, column=column, code=kind,
        zh=f"{where.zh}第 {line} 行 {column} 列（{label.zh}）：{text.zh}", en=f"{where.en}{'line' if sheet else 'Line'} {line}, column {column} ({label.en}): {text.en}",
    )  # fmt: skip


def _refused(zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en), field="file")
