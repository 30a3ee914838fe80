"""What a reader types as conditions, made a question that the DataStore answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.errors import InputRefused
from core.text import Text
from datasets.datastore import Ask

OPERATORS: Final[Mapping[str, Text]] = {
    "has": Text("包含", "contains"), "eq": Text("等于", "is"), "ne": Text("不等于", "is not"), "gte": Text("不小于", "is at least"),
    "lte": Text("不大于", "is at most"), "empty": Text("为空", "is empty"),
}  # fmt: skip
Condition = tuple[str, str, str]  # column, operator, value


def question(
    fields: Iterable[Mapping[str, Any]], conditions: Iterable[Condition], words: str, sort: str, limit: int, offset: int
) -> Ask:  # fmt: skip
    """`sort`: a column, with `-` in front for the other way. Raises InputRefused for what is no column or does not fit it."""
    types = {str(field["id"]): str(field["type"]) for field in fields}
    filters: list[dict[str, Any]] = []
    held: dict[str, str] = {}
    for column, operator, value in conditions:
        if column not in types:
            raise _refused(column, f"没有列 {column}", f"There is no column {column}")
        if operator == "has":
            held[column] = f"{held.get(column, '')} {value}".strip()
        elif operator == "empty":
            filters.append({column: None})
        elif operator in OPERATORS:
            filters.append({column: {operator: _typed(column, types[column], value)}})
        else:
            raise _refused(column, f"没有条件 {operator}", f"There is no operator {operator}")
    if words and held:
        raise _refused("q", "检索词与“包含”条件请只用一种", "Use either words or “contains”, not both")
    name = sort.removeprefix("-")
    order = f'"{name}" {"desc" if sort.startswith("-") else "asc"}' if name in types else ""
    return Ask(
        filters={"$and": filters} if filters else {},
        words=held or words,
        sort=order,
        limit=limit,
        offset=offset,
    )


def _typed(column: str, kind: str, value: str) -> str | int | float | bool:
    try:
        if kind.startswith("int"):
            return int(value)
        if kind in ("float8", "numeric"):
            return float(value)
    except ValueError:
        raise _refused(
            column,
            f"列 {column} 是数值列，“{value}”不是数字",
            f"Column {column} holds numbers; “{value}” is none",
        ) from None
    if kind == "bool":
        return value.strip().lower() in ("true", "1", "yes", "是")
    return value


def _refused(field: str, zh: str, en: str) -> InputRefused:
    return InputRefused(Text(f"{zh}。", f"{en}."), field=field)
