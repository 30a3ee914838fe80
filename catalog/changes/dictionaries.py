"""Data dictionaries as a table: one line a column of a dataset, in its order; the second sheet of a workbook, or a CSV of its own.

The lines of a dataset are its whole dictionary: a line taken out takes the column out. A dataset without a line keeps its dictionary,
a head that is left out changes nothing of its columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from catalog.changes import rules
from catalog.changes.models import Difference
from catalog.changes.rules import Unfit
from catalog.fields import FieldSpec
from catalog.models import ColumnCreate
from catalog.proposals.rules import columns_difference
from core.faults import sentences
from core.sheets import Sheet
from core.text import Lang, Text

FIELD: Final = "columns"
KEY, VERSION, COLUMN = "resource_code", "version", "column"
LABEL: Final = Text("数据字典", "Data dictionary")
HEADS: Final = {
    KEY: Text("信息资源代码", "Resource code"),
    VERSION: Text("记录版本（勿改）", "Record version (leave it)"),
    COLUMN: Text("列名", "Column"),
}
WHOLE, FLAG, DOCUMENT = frozenset({"length", "precision"}), frozenset({"required", "primary", "nullable", "timestamp", "classified", "sensitive"}), frozenset({"code_list", "codes"})  # fmt: skip
_LISTED: Final = {
    "type": "column_type", "level": "data_level", "identifier_kind": "identifier_kind", "format": "cell_format",
    "mask_method": "mask_method", "share_type": "share_type", "open_type": "open_type",
}  # fmt: skip
_LABELS: Final = {
    "title_zh": Text("中文名称", "Title (Chinese)"), "title_en": Text("英文名称", "Title (English)"),
    "definition_zh": Text("定义", "Definition (Chinese)"), "definition_en": Text("英文定义", "Definition (English)"),
    "type": Text("类型", "Type"), "length": Text("长度", "Length"), "precision": Text("小数位", "Decimal places"),
    "unit": Text("单位", "Unit"), "level": Text("级别", "Level"), "identifier_kind": Text("标识符类别", "Identifier"),
    "code_list": Text("允许的值", "Allowed values"), "codes": Text("代码及名称", "Codes and labels"),
    "format": Text("单元格写法", "How cells are written"), "required": Text("文件中必备", "Required in the file"),
    "primary": Text("主键", "Key"), "nullable": Text("单元格可空", "Cells may be empty"), "mask_method": Text("脱敏方式", "Masking"),
    "timestamp": Text("时间列", "When the row was true"), "classified": Text("涉密", "Classified"), "sensitive": Text("敏感", "Sensitive"),
    "share_type": Text("共享类型", "Sharing type"), "open_type": Text("开放类型", "Open type"),
    "condition_zh": Text("条件", "Condition (Chinese)"), "condition_en": Text("英文条件", "Condition (English)"),
    "standard_code": Text("数据元代码", "Data element"),
}  # fmt: skip
ATTRIBUTES: Final = {
    name: FieldSpec(
        name, label, "identity", kind="code" if name in _LISTED else "text", codes=_LISTED.get(name)
    )
    for name, label in _LABELS.items()
}
_BLANK: Final = ColumnCreate(name="x").model_dump(mode="json")
_YES: Final = {"是": True, "yes": True, "true": True, "1": True, "y": True, "否": False, "no": False, "false": False, "0": False, "n": False}  # fmt: skip


def sheet(records: Iterable[tuple[str, int, Sequence[Mapping[str, Any]]]]) -> Sheet:
    """The table of these dictionaries: code, version and columns of each dataset, as JSON."""
    labels = [*HEADS.values(), *_LABELS.values()]
    told = [
        f"# {label.zh} {label.en}" if n == 0 else f"{label.zh} {label.en}" for n, label in enumerate(labels)
    ]
    rows = [
        [code, version, _kept(column["name"]), *(_kept(cell(name, column[name])) for name in ATTRIBUTES)]
        for code, version, columns in records
        for column in columns
    ]
    return Sheet(FIELD, [*HEADS, *ATTRIBUTES], [told, *rows])


def _kept(text: str) -> str:
    return f"'{text}" if text.startswith("'") else text


def cell(name: str, value: Any) -> str:  # noqa: ANN401 - a value of a column
    """A value as the text of a cell; `value_of` reads it back."""
    if value is None:
        return ""
    if name in FLAG:
        return "是" if value else "否"
    if name in DOCUMENT and not (isinstance(value, str) and value[:1] not in ('"', "[", "{")):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def value_of(name: str, text: str) -> Any:  # noqa: ANN401 - a value of a column
    """The value that a cell's text means; empty is what a column has by itself. Raises Unfit."""
    text = text.strip()
    if not text:
        return _BLANK[name]
    if name in FLAG:
        if text.lower() not in _YES:
            raise Unfit(Text(f"“{text}”应为 是 或 否", f"“{text}” must be yes or no"))
        return _YES[text.lower()]
    if name in WHOLE:
        if not (text.isdecimal() and text.isascii() and len(text) < 10):
            raise Unfit(Text(f"“{text}”不是整数", f"“{text}” is not a whole number"))
        return int(text)
    if name in DOCUMENT and text[:1] in ('"', "[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            raise Unfit(Text(f"“{text[:60]}”不是 JSON", f"“{text[:60]}” is not JSON")) from None
    found = rules.value_of(ATTRIBUTES[name], text)
    return int(found) if name == "level" else found


def attribute(head: str) -> str | None:
    """The attribute that a head names, by its name or label."""
    return next((name for name, label in _LABELS.items() if head in (name, label.zh, label.en)), None)


def merged(
    present: Sequence[Mapping[str, Any]], wished: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[tuple[str, str, Text]]]:
    """The columns as wished, with what a wish leaves open as it is at present, and what is wrong with them (column, attribute, why)."""
    known = {str(column["name"]): column for column in present}
    made, problems = [], []
    for wish in wished:
        name = str(wish.get("name", ""))
        try:
            made.append(ColumnCreate.model_validate({**known.get(name, {}), **wish}).model_dump(mode="json"))
        except ValidationError as fault:
            problems += [(name, field, text) for field, text in sentences(fault, _LABELS)]
    return made, problems


def differences(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """What becomes of each column, a line for each fact."""
    found = []
    for name, kind, facts in columns_difference(before, after):
        place = Text(f"列 {name}", f"Column {name}")
        if kind == "changed":
            found += [
                _difference(f"{FIELD}.{fact}", place, _LABELS[fact], old, new)
                for fact, (old, new) in facts.items()
            ]
        else:
            old, new = {"added": (None, name), "removed": (name, None), "moved": (_place(before, name), _place(after, name))}[kind]  # fmt: skip
            found.append(_difference(FIELD, place, _BECAME[kind], old, new))
    return found


_BECAME: Final = {"added": Text("新增", "added"), "removed": Text("删去", "taken out"), "moved": Text("移动", "moved")}  # fmt: skip


def _place(columns: Sequence[Mapping[str, Any]], name: str) -> int | None:
    return next((n for n, column in enumerate(columns, 1) if column["name"] == name), None)


def _difference(name: str, place: Text, what: Text, before: Any, after: Any) -> Difference:  # noqa: ANN401 - values of a column
    return Difference(
        name=name, label_zh=f"{place.zh}：{what.zh}", label_en=f"{place.en}: {what.en}", before=before, after=after
    )  # fmt: skip


def told(name: str, value: Any, lang: Lang) -> str:  # noqa: ANN401 - a value of a column
    """A fact of a column in words: yes and no, codes by their labels, nothing as a dash."""
    fact = name.removeprefix(f"{FIELD}.")
    if value is None or value == "":
        return "—"
    if fact in FLAG:
        return Text("是", "yes").in_(lang) if value else Text("否", "no").in_(lang)
    if fact in _LISTED:
        from catalog import codes

        return codes.load(_LISTED[fact]).text(value).in_(lang)
    return cell(fact, value)
