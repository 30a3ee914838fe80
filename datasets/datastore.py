"""Rows of a table, read in place from its Parquet: filters, words, sorting, paging. Nothing is loaded anywhere first.

Names follow CKAN's DataStore, whose clients ask for them. A table is a release that anybody may download, or a grant's own view: whoever
calls has asked whether it may be read, and what the file does not hold does not exist here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputRefused
from core.text import Text

if TYPE_CHECKING:
    import duckdb

MOST: Final = 32_000
MOST_WORDS: Final = 32
MOST_VALUES: Final = 1_000
MOST_CONDITIONS: Final = 100
LONGEST_S: Final = 10
DUMP_S: Final = 60
DEEPEST: Final = 8
_CHUNK: Final = 5_000
_LANES: Final = threading.BoundedSemaphore(2)  # visitors share two cores' worth at most
_DUMP_LANE: Final = threading.BoundedSemaphore(1)
_OPERATORS: Final[Mapping[str, str]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_TYPES: Final = (
    ("int", "int8"), ("float", "float8"), ("double", "float8"), ("decimal", "numeric"), ("bool", "bool"),
    ("timestamp", "timestamp"), ("date", "date"), ("time", "time"),
)  # fmt: skip


Words = str | Mapping[str, str]
_NULLS: Final = re.compile(r"\s+nulls\s+(first|last)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one table.

    filters: column → value, list of values, or {gt|gte|lt|lte|eq|ne: value}; `$and` and `$or` → list of such; a list is an `$or`.
    words: anywhere, or by column; each table of hits has a column that says how well a row fits. limit: None = all.
    """

    filters: Mapping[str, Any] | Sequence[Any]
    words: Words = ""
    fields: Sequence[str] = ()
    sort: str = ""
    distinct: bool = False
    limit: int | None = 100
    offset: int = 0
    total: bool = True

    @property
    def next_operator(self) -> str | None:
        """How the key of the last row bounds the next page; None where the rows are not in the key's order."""
        order = " ".join(self.sort.replace('"', "").split()).lower()
        if self.distinct or (self.words and not order):
            return None
        return {"": "gt", "_id": "gt", "_id asc": "gt", "_id desc": "lt"}.get(order)


@dataclass(frozen=True, slots=True)
class Rows:
    """`fields`: name, CKAN type, labels; `total` of all rows asked for, when wanted; `next_page`: the filter that leads on, if more follow."""

    fields: list[dict[str, Any]]
    records: list[dict[str, Any]]
    total: int | None
    next_page: dict[str, Any] | None = None


def fields_of(path: Path) -> list[dict[str, Any]]:
    """The table's columns in CKAN's words; `_id` counts rows from 1 in the order of the release."""
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = [{"id": "_id", "type": "int"}]
    for field in pq.read_schema(path):
        words = {
            key.decode().removeprefix("datagrant:"): value.decode()
            for key, value in (field.metadata or {}).items()
        }
        kind = next((ours for theirs, ours in _TYPES if str(field.type).startswith(theirs)), "text")
        label = {"label": words["title_zh"]} if "title_zh" in words else {}
        notes = {"notes": "; ".join(words[key] for key in ("title_en", "unit") if key in words)}
        found.append({"id": field.name, "type": kind, "info": label | (notes if notes["notes"] else {})})
    return found


def rows_in(path: Path) -> int:
    """How many rows a table has."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def read(path: Path, ask: Ask, memory_limit_mb: int) -> Rows:
    """Raises InputRefused for a column that there is none of, a value that does not fit, or a question that costs too much."""
    asked = _Asked(path, ask)
    with _LANES, _engine(memory_limit_mb, LONGEST_S) as engine:
        more = ask.limit is not None and ask.next_operator is not None and "_id" in asked.shown
        records = [dict(zip(asked.shown, row, strict=True)) for row in asked.rows(engine, 1 if more else 0)]
        total = asked.count(engine) if ask.total else None
    is_cut = more and ask.limit is not None and len(records) > ask.limit
    records = records[: ask.limit]
    following = {"_id": {ask.next_operator: records[-1]["_id"]}} if is_cut and records else None
    return Rows(asked.fields, records, total, following)


@contextmanager
def pages(
    path: Path, ask: Ask, memory_limit_mb: int
) -> Iterator[tuple[list[dict[str, Any]], Iterator[list[Any]]]]:
    """The fields, and the rows one after another, for writing them all down; one such look at a time. Raises as `read` does."""
    asked = _Asked(path, ask)
    with _DUMP_LANE, _engine(memory_limit_mb, DUMP_S) as engine:
        yield asked.fields, asked.rows(engine)


@contextmanager
def looking(memory_limit_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine for another look at an open table, in the same lanes as `read` and as long as that at most."""
    with _LANES, _engine(memory_limit_mb, LONGEST_S) as engine:
        yield engine


@contextmanager
def _engine(memory_limit_mb: int, longest_s: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that is stopped when it takes too long; what goes wrong is said in our words."""
    import duckdb

    with duckdb.connect(config={"memory_limit": f"{memory_limit_mb}MB", "threads": 2}) as engine:
        clock = threading.Timer(longest_s, engine.interrupt)
        clock.start()
        try:
            engine.execute("SET TimeZone = 'UTC'")  # instants are told and compared alike on every machine
            yield engine
        except duckdb.InterruptException:
            raise _refused(
                "query",
                f"超过 {longest_s} 秒，已停止；请缩小条件",
                f"Stopped after {longest_s} s; ask for less",
            ) from None
        except (duckdb.ConversionException, duckdb.BinderException, duckdb.InvalidInputException):
            raise _refused("filters", "条件中的值与列的类型不符", "A value does not fit its column") from None
        finally:
            clock.cancel()


class _Asked:
    """A question in the engine's words. `shown`: the columns of the answer, in order."""

    def __init__(self, path: Path, ask: Ask) -> None:
        known = fields_of(path)
        self._names = [each["id"] for each in known]
        self._ask = ask
        self._where = _Where(self._names, {each["id"] for each in known if each["type"] == "text"})
        condition = " AND ".join([self._where.of(ask.filters), *self._where.words(ask.words)])
        ranks = {} if ask.distinct else self._where.ranks(ask.words)
        plain = [_one_of(name, [*self._names, *ranks], "fields") for name in ask.fields] or self._names
        self.shown = [*(name for name in plain if name not in ranks), *ranks]
        self.fields = [
            next((each for each in known if each["id"] == name), {"id": name, "type": "float"})
            for name in self.shown
        ]
        table = "(SELECT file_row_number + 1 AS _id, * EXCLUDE (file_row_number) FROM read_parquet($path, file_row_number = true))"
        chosen = ", ".join(
            f"{ranks[name]} AS {quoted(name)}" if name in ranks else quoted(name) for name in self.shown
        )
        self._base = f"SELECT {'DISTINCT ' if ask.distinct else ''}{chosen} FROM {table} WHERE {condition}"  # noqa: S608 - names are quoted, values bound
        self._order = _order(ask, [*self._names, *ranks], self.shown, ranks)
        self._given = self._where.values | {"path": str(path)}

    def rows(self, engine: duckdb.DuckDBPyConnection, beyond: int = 0) -> Iterator[list[Any]]:
        """The rows in order, `beyond` more than asked for."""
        ask = self._ask
        limit = "" if ask.limit is None else f" LIMIT {ask.limit + beyond:d}"
        answer = engine.execute(
            f"{self._base} ORDER BY {self._order}{limit} OFFSET {ask.offset:d}", self._given
        )
        while chunk := answer.fetchmany(_CHUNK):
            for row in chunk:
                yield [_plain(cell) for cell in row]

    def count(self, engine: duckdb.DuckDBPyConnection) -> int:
        found = engine.execute(f"SELECT count(*) FROM ({self._base})", self._given).fetchone()  # noqa: S608 - as above
        return int(found[0]) if found else 0


def _one_of(name: str, names: Sequence[str], where: str) -> str:
    if name not in names:
        raise _refused(where, f"没有列 {name}", f"Unknown field: {name}")
    return name


def quoted(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


class _Where:
    """Conditions over the columns `names`; values are bound, never written into the text."""

    def __init__(self, names: Sequence[str], texts: set[str]) -> None:
        self._names, self._texts = names, texts
        self._conditions = 0
        self.values: dict[str, Any] = {}

    def _bound(self, *values: object) -> str:
        """Values of one condition, by the names under which they are given."""
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise _refused(
                "filters", f"条件最多 {MOST_CONDITIONS} 个", f"At most {MOST_CONDITIONS} conditions"
            )
        first = len(self.values)
        self.values |= {f"v{n}": value for n, value in enumerate(values, first)}
        return ", ".join(f"$v{n}" for n in range(first, len(self.values)))

    def _fit(self, name: str, value: object) -> str | int | float | bool:
        """A value as its column is compared with; a column of text with text, every other as the engine reads it."""
        plain = _plain_value(value)
        return json.dumps(plain) if name in self._texts and not isinstance(plain, str) else plain

    def of(self, filters: Any, depth: int = 0) -> str:  # noqa: ANN401 - JSON
        if depth > DEEPEST:
            raise _refused("filters", f"条件嵌套超过 {DEEPEST} 层", f"Filters nested deeper than {DEEPEST}")
        if isinstance(filters, list):
            return self._any(filters, depth)
        if not isinstance(filters, Mapping):
            raise _refused("filters", "条件须为对象", "Filters must be an object")
        parts = ["true"]
        for name, wanted in filters.items():
            if name == "$or":
                parts.append(self._any(wanted, depth))
            elif name == "$and":
                parts += [self.of(each, depth + 1) for each in _listed(wanted)]
            else:
                parts.append(self._column(_one_of(name, self._names, "filters"), wanted))
        return "(" + " AND ".join(parts) + ")"

    def _any(self, wanted: Any, depth: int) -> str:  # noqa: ANN401 - JSON
        return "(" + " OR ".join(self.of(each, depth + 1) for each in _listed(wanted)) + ")"

    def _column(self, name: str, wanted: Any) -> str:  # noqa: ANN401 - JSON
        column = quoted(name)
        if isinstance(wanted, dict):
            if not wanted:
                return "true"
            signs = [
                (_OPERATORS[_one_of(operator, list(_OPERATORS), "filters")], value)
                for operator, value in wanted.items()
            ]
            return " AND ".join(
                f"{column} {sign} {self._bound(self._fit(name, value))}" for sign, value in signs
            )
        if wanted is None:
            return f"{column} IS NULL"
        if not isinstance(wanted, list):
            return f"{column} = {self._bound(self._fit(name, wanted))}"
        if len(wanted) > MOST_VALUES:
            raise _refused(
                "filters", f"一列最多 {MOST_VALUES} 个值", f"At most {MOST_VALUES} values for one column"
            )
        listed = [self._fit(name, value) for value in wanted]
        return f"{column} IN ({self._bound(*listed)})" if listed else "false"

    def words(self, words: Words) -> list[str]:
        """Each word stands somewhere in the row (or in its column); any part of a word counts, so 成 finds 成都."""
        return [f"({' OR '.join(hits)})" for _, each in _spoken(words) for hits in self._hits(each, words)]

    def _hits(self, name: str, words: Words) -> list[list[str]]:
        within = (
            [_one_of(name, self._names, "q")] if name else [each for each in self._names if each != "_id"]
        )
        return [
            [f"contains(lower(CAST({quoted(each)} AS VARCHAR)), {self._bound(word)})" for each in within[:1]]
            + [
                f"contains(lower(CAST({quoted(each)} AS VARCHAR)), $v{len(self.values) - 1})"
                for each in within[1:]
            ]
            for word in _split(words, name)
        ]

    def ranks(self, words: Words) -> dict[str, str]:
        """How well a row fits: per column of answer, hits by columns looked at; a cell that is the word counts double."""
        found: dict[str, str] = {}
        for label, name in _spoken(words):
            within = [name] if name else [each for each in self._names if each != "_id"]
            parts = []
            for word in _split(words, name):
                mark = self._bound(word)
                for each in within:
                    cell = f"lower(CAST({quoted(each)} AS VARCHAR))"
                    parts.append(
                        f"coalesce(CAST(contains({cell}, {mark}) AS INTEGER) + CAST({cell} = {mark} AS INTEGER), 0)"
                    )
            if parts:
                label = f"_{label}" if label in self._names else label
                found[label] = f"round(({' + '.join(parts)}) / {2 * len(parts)}.0, 6)"
        return found


def _listed(wanted: Any) -> list[Any]:  # noqa: ANN401 - JSON
    if not isinstance(wanted, list) or not wanted or not all(isinstance(each, Mapping) for each in wanted):
        raise _refused("filters", "$and 与 $or 须为对象的列表", "$and and $or take a list of objects")
    return wanted


def _spoken(words: Words) -> list[tuple[str, str]]:
    """Name of the rank and column, as CKAN calls them; no column = anywhere."""
    if isinstance(words, Mapping):
        return [(f"rank {name}", name) for name in words]
    return [("rank", "")] if words else []


def _split(words: Words, name: str) -> list[str]:
    found = str(words[name] if isinstance(words, Mapping) else words).lower().split()
    if len(found) > MOST_WORDS:
        raise _refused("q", f"最多 {MOST_WORDS} 个词", f"At most {MOST_WORDS} words")
    return found


def _plain_value(value: object) -> str | int | float | bool:
    if not isinstance(value, str | int | float | bool):
        raise _refused(
            "filters", "条件的值须为文本、数或真假", "A filter's value is text, a number or true/false"
        )
    return value


def _refused(field: str, zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en), field=field)


def _order(ask: Ask, names: Sequence[str], shown: Sequence[str], ranks: Mapping[str, str]) -> str:
    found = []
    for part in filter(None, (each.strip() for each in ask.sort.split(","))):
        plain = _NULLS.sub("", part)
        name, _, way = (
            plain.rpartition(" ") if plain.lower().endswith((" asc", " desc")) else (plain, "", "asc")
        )
        column = _one_of(name.strip().strip('"'), shown if ask.distinct else names, "sort")
        nulls = "FIRST" if part.lower().endswith("first") and plain != part else "LAST"
        found.append(f"{quoted(column)} {'DESC' if way.lower() == 'desc' else 'ASC'} NULLS {nulls}")
    if not found:
        found = [f"{quoted(each)} DESC" for each in ranks]
    rest = shown if ask.distinct else ["_id"]
    return ", ".join([*found, *(quoted(name) for name in rest)])


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A cell as JSON knows it: times as CKAN prints them, what JSON has no word for as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
