"""Rows of open releases, read in place from their Parquet: filters, words, sorting, paging. Nothing is loaded anywhere first.

Names follow CKAN's DataStore, whose clients ask for them. Only releases that anybody may download are read here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import InputRefused
from core.text import Text

MOST: Final = 32_000
MOST_WORDS: Final = 32
MOST_VALUES: Final = 1_000
MOST_CONDITIONS: Final = 100
LONGEST_S: Final = 10
_LANES: Final = threading.BoundedSemaphore(2)  # visitors share two cores' worth at most
_OPERATORS: Final[Mapping[str, str]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_TYPES: Final = (
    ("int", "int8"), ("float", "float8"), ("double", "float8"), ("decimal", "numeric"), ("bool", "bool"),
    ("timestamp", "timestamp"), ("date", "date"), ("time", "time"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one table. `filters`: column → value, list of values, or {gt|gte|lt|lte|eq|ne: value}; `words`: anywhere, or by column."""

    filters: Mapping[str, Any]
    words: str | Mapping[str, str] = ""
    fields: Sequence[str] = ()
    sort: str = ""
    distinct: bool = False
    limit: int = 100
    offset: int = 0
    total: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """`fields`: name, CKAN type, labels; `total` of all rows asked for, when wanted."""

    fields: list[dict[str, Any]]
    records: list[dict[str, Any]]
    total: int | None


def fields_of(path: Path) -> list[dict[str, Any]]:
    """The table's columns in CKAN's words; `_id` counts rows from 1 in the order of the release."""
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = [{"id": "_id", "type": "int"}]
    for field in pq.read_schema(path):
        words = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        kind = next((ours for theirs, ours in _TYPES if str(field.type).startswith(theirs)), "text")
        label = {"label": words["title_zh"]} if "title_zh" in words else {}
        notes = {"notes": "; ".join(words[key] for key in ("title_en", "unit") if key in words)}
        found.append({"id": field.name, "type": kind, "info": label | (notes if notes["notes"] else {})})
    return found


def read(path: Path, ask: Ask, memory_limit_mb: int) -> Rows:
    """Raises InputRefused for a column that there is none of, a value that does not fit, or a question that costs too much."""
    import duckdb

    known = fields_of(path)
    names = [each["id"] for each in known]
    shown = [_one_of(name, names, "fields") for name in ask.fields] or names
    condition, values = _condition(ask, names)
    table = "(SELECT file_row_number + 1 AS _id, * EXCLUDE (file_row_number) FROM read_parquet($path, file_row_number = true))"
    chosen = ", ".join(_name(name) for name in shown)
    base = f"SELECT {'DISTINCT ' if ask.distinct else ''}{chosen} FROM {table} WHERE {condition}"  # noqa: S608 - names are quoted, values bound
    order = _order(ask, names, shown)
    given = values | {"path": str(path)}
    with _LANES, duckdb.connect(config={"memory_limit": f"{memory_limit_mb}MB", "threads": 2}) as engine:
        clock = threading.Timer(LONGEST_S, engine.interrupt)
        clock.start()
        try:
            answer = engine.execute(
                f"{base} ORDER BY {order} LIMIT {ask.limit:d} OFFSET {ask.offset:d}", given
            )
            columns = [each[0] for each in answer.description or []]
            records = [dict(zip(columns, map(_plain, row), strict=True)) for row in answer.fetchall()]
            counted = f"SELECT count(*) FROM ({base})"  # noqa: S608 - as above
            total = engine.execute(counted, given).fetchone() if ask.total else None
        except duckdb.InterruptException:
            raise _refused(
                "query",
                f"超过 {LONGEST_S} 秒，已停止；请缩小条件",
                f"Stopped after {LONGEST_S} s; ask for less",
            ) from None
        except (duckdb.ConversionException, duckdb.BinderException, duckdb.InvalidInputException):
            raise _refused("filters", "条件中的值与列的类型不符", "A value does not fit its column") from None
        finally:
            clock.cancel()
    return Rows([each for each in known if each["id"] in shown], records, total[0] if total else None)


def _one_of(name: str, names: Sequence[str], where: str) -> str:
    if name not in names:
        raise _refused(where, f"没有列 {name}", f"Unknown field: {name}")
    return name


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _condition(ask: Ask, names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    parts: list[str] = ["true"]
    values: dict[str, Any] = {}

    def bound(value: object) -> str:
        values[f"v{len(values)}"] = value
        if len(values) > MOST_CONDITIONS:
            raise _refused(
                "filters", f"条件最多 {MOST_CONDITIONS} 个", f"At most {MOST_CONDITIONS} conditions"
            )
        return f"$v{len(values) - 1}"

    for name, wanted in ask.filters.items():
        column = _name(_one_of(name, names, "filters"))
        if isinstance(wanted, dict):
            for operator, value in wanted.items():
                sign = _OPERATORS.get(_one_of(operator, list(_OPERATORS), "filters"))
                parts.append(f"{column} {sign} {bound(_plain_value(value))}")
        elif wanted is None:
            parts.append(f"{column} IS NULL")
        elif isinstance(wanted, list):
            if len(wanted) > MOST_VALUES:
                raise _refused(
                    "filters", f"一列最多 {MOST_VALUES} 个值", f"At most {MOST_VALUES} values for one column"
                )
            kinds = {type(_plain_value(value)) for value in wanted}
            as_text = kinds != {int} and kinds != {float}
            listed = [str(value) for value in wanted] if as_text else wanted
            held = f"CAST({column} AS VARCHAR)" if as_text else column
            parts.append(f"{held} = ANY({bound(listed)})" if listed else "false")
        else:
            parts.append(f"{column} = {bound(_plain_value(wanted))}")
    spoken = ask.words if isinstance(ask.words, Mapping) else {"": ask.words} if ask.words else {}
    for name, text in spoken.items():
        within = [_one_of(name, names, "q")] if name else [each for each in names if each != "_id"]
        words = str(text).split()
        if len(words) > MOST_WORDS:
            raise _refused("q", f"最多 {MOST_WORDS} 个词", f"At most {MOST_WORDS} words")
        for word in words:
            mark = bound(word.lower())
            hits = (f"contains(lower(CAST({_name(each)} AS VARCHAR)), {mark})" for each in within)
            parts.append("(" + " OR ".join(hits) + ")")
    return " AND ".join(parts), values


def _plain_value(value: object) -> str | int | float | bool:
    if not isinstance(value, str | int | float | bool):
        raise _refused(
            "filters", "条件的值须为文本、数或真假", "A filter's value is text, a number or true/false"
        )
    return value


def _refused(field: str, zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en), field=field)


def _order(ask: Ask, names: Sequence[str], shown: Sequence[str]) -> str:
    found = []
    for part in filter(None, (each.strip() for each in ask.sort.split(","))):
        name, _, way = part.rpartition(" ") if part.lower().endswith((" asc", " desc")) else (part, "", "asc")
        column = _one_of(name.strip().strip('"'), shown if ask.distinct else names, "sort")
        found.append(f"{_name(column)} {'DESC' if way.lower() == 'desc' else 'ASC'} NULLS LAST")
    rest = shown if ask.distinct else ["_id"]
    return ", ".join([*found, *(_name(name) for name in rest)])


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A cell as JSON knows it: times as CKAN prints them, what JSON has no word for as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
