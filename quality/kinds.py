"""Kinds of column values and how a bound written in JSON becomes a value of that kind.

Why this exists: engines disagree on implicit casts ('5' against 5, 1.1 against DECIMAL, text against dates).
Every bound passes here first, so that each engine compares values of one kind, or the rule is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    OTHER = "other"


NUMERIC: Final = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})
MOMENTS: Final = frozenset({Kind.DATE, Kind.DATETIME})
ORDERED: Final = NUMERIC | MOMENTS | {Kind.TEXT, Kind.TIME}


class KindMismatch(ValueError):
    """A value cannot be read as the column's kind; the message is for people."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the checked table. `zoned`: a DATETIME that carries a time zone (compared in UTC)."""

    name: str
    kind: Kind
    zoned: bool = False

    @property
    def sql(self) -> str:
        return '"' + self.name.replace('"', '""') + '"'


def kind_of(arrow: pa.DataType) -> Kind:
    from pyarrow import types

    if types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    for test, kind in (
        (types.is_boolean, Kind.BOOLEAN),
        (types.is_integer, Kind.INTEGER),
        (types.is_floating, Kind.NUMBER),
        (types.is_decimal, Kind.DECIMAL),
        (types.is_string, Kind.TEXT),
        (types.is_large_string, Kind.TEXT),
        (types.is_date, Kind.DATE),
        (types.is_timestamp, Kind.DATETIME),
        (types.is_time, Kind.TIME),
    ):
        if test(arrow):
            return kind
    return Kind.OTHER


def column_of(field: pa.Field) -> Column:
    kind = kind_of(field.type)
    return Column(field.name, kind, zoned=kind is Kind.DATETIME and field.type.tz is not None)


def coerce(value: Any, column: Column) -> Any:
    """`value` (from JSON) as a value of the column's kind; raises KindMismatch."""
    readers = {
        Kind.INTEGER: _number,
        Kind.NUMBER: _number,
        Kind.DECIMAL: _decimal,
        Kind.TEXT: _text,
        Kind.BOOLEAN: _boolean,
        Kind.TIME: _time,
    }
    try:
        if column.kind in MOMENTS:
            return _moment(value, column.zoned)
        return readers[column.kind](value)
    except (KeyError, ValueError, TypeError, OverflowError, InvalidOperation):
        raise KindMismatch(
            f'the value {value!r} cannot be compared with column "{column.name}", which holds {column.kind}'
        ) from None


def members(values: Any, column: Column) -> list[Any]:
    """The members of a value set that a column of this kind can hold; null and foreign kinds never match."""
    found: list[Any] = []
    for value in values:
        try:
            member = coerce(value, column)
        except KindMismatch:
            continue
        if column.kind is Kind.INTEGER and isinstance(member, float):
            if not member.is_integer():
                continue
            member = int(member)
        found.append(member)
    return list(dict.fromkeys(found))


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return float(value) if isinstance(value, Decimal) else value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(value)
    return Decimal(str(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _time(value: Any) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _moment(value: Any, zoned: bool) -> datetime:
    """A date or time stamp; without a zone it is taken as UTC where the column is zoned."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    else:
        moment = read_moment(_text(value))
    if zoned:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def read_moment(text: str) -> datetime:
    """ISO 8601 first, then the spellings dateutil knows; a text without any date is refused."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if not any(sign.isdigit() for sign in text):
            raise
        import dateutil.parser  # type: ignore[import-untyped]

        moment: datetime = dateutil.parser.parse(text, default=datetime(1, 1, 1))  # noqa: DTZ001 - zone decided by the column
        return moment


# Names for types: the data dictionary's, SQL's, pandas', Arrow's. Width is not compared.
_NAMES: Final[dict[Kind, str]] = {
    Kind.INTEGER: "integer int int8 int16 int32 int64 uint8 uint16 uint32 uint64 tinyint smallint bigint hugeint"
    " utinyint usmallint uinteger ubigint int4 long short",
    Kind.NUMBER: "number float double real float16 float32 float64 halffloat double_precision float4 float8",
    Kind.DECIMAL: "decimal numeric decimal128 decimal256",
    Kind.TEXT: "text string str varchar char object large_string nvarchar bpchar stringdtype utf8",
    Kind.BOOLEAN: "boolean bool bool_ logical",
    Kind.DATE: "date date32 date64",
    Kind.DATETIME: "datetime timestamp datetime64 timestamp_s timestamp_ms timestamp_us timestamp_ns timestamptz"
    " timestamp_with_time_zone datetimetzdtype",
    Kind.TIME: "time time32 time64",
    Kind.OTHER: "other geometry binary blob bytes list struct map json",
}
_KIND_BY_NAME: Final = {name: kind for kind, names in _NAMES.items() for name in names.split()}


def kind_named(name: str) -> Kind:
    """The kind that a type name means: `BIGINT`, `int64`, `VARCHAR(20)`, `datetime64[us]`, `date32[day][pyarrow]`."""
    bare = name.strip().lower().split("[")[0].split("(")[0].strip().replace(" ", "_")
    if bare not in _KIND_BY_NAME:
        raise KindMismatch(f"the type name {name!r} is not known")
    return _KIND_BY_NAME[bare]


def type_matches(name: str, kind: Kind) -> bool:
    """Whether a column of `kind` is what the type name asks for. `number` also admits exact decimals."""
    wanted = kind_named(name)
    return wanted is kind or (
        wanted is Kind.NUMBER and kind is Kind.DECIMAL and name.strip().lower() == "number"
    )
