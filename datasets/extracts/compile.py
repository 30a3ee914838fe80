"""A grant's filter and masks as DuckDB expressions. No SQL text is ever made from what people sent.

A row filter is right when it agrees with `auth.policy.filters.rules.matches` (the slow reference); a test compares them. Naive
timestamps are local time (UTC+8), as everywhere in a release.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any, Final, NamedTuple, assert_never

import duckdb
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression

from auth.policy.filters.model import All, Any_, Between, In, IsNull, Leaf, Not, RowFilter
from auth.policy.filters.rules import LOCAL, literal, values_of
from auth.policy.model import (
    DIVISION_DIGITS,
    ClampMask,
    ColumnTerm,
    DivisionMask,
    DropMask,
    GridMask,
    KeepMask,
    Mask,
    RedactMask,
    RoundMask,
    TruncateMask,
    Use,
)

DIVISION_CODE: Final = "[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}"
GRID_CELL: Final = "grid_cell"  # the engine knows it by `datasets.extracts.places.teach`
PSEUDONYM_HEX: Final = 20  # 80 bits: no collisions to fear below 10^9 values
_FLOATS: Final = frozenset({"DOUBLE", "FLOAT"})
_COMPARISONS: Final[Mapping[str, str]] = {
    "eq": "__eq__",
    "ne": "__ne__",
    "lt": "__lt__",
    "le": "__le__",
    "gt": "__gt__",
    "ge": "__ge__",
}


class Held(NamedTuple):
    """A released column inside the engine: the safe name it goes by there, and its DuckDB type.

    Why a safe name: the engine folds case, splits at dots and reads `*` as every column; a released name may be any text.
    """

    name: str
    type: str


Columns = Mapping[str, Held]


def type_word(duck_type: str) -> str:
    """The dictionary's type word for a DuckDB type; raises ValueError for one that filters cannot read."""
    base = duck_type.split("(")[0]
    if base in {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
    }:
        return "integer"
    if base in {"DOUBLE", "FLOAT", "DECIMAL"}:
        return "number"
    if base.startswith("TIMESTAMP"):
        return "datetime"
    known = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIME": "time"}
    if base not in known:
        raise ValueError(f"a filter cannot read a column of type {duck_type}")
    return known[base]


def condition(row_filter: RowFilter, columns: Columns) -> Expression:
    """The filter over released columns, by name. A row passes only where it is true.

    Raises KeyError for a column that the release lacks, ValueError or TypeError for a value that does not fit its type.
    """
    match row_filter:
        case All():
            return reduce(and_, (condition(part, columns) for part in row_filter.args))
        case Any_():
            return reduce(or_, (condition(part, columns) for part in row_filter.args))
        case Not():
            return ~condition(row_filter.arg, columns)
        case _:
            return _leaf(row_filter, columns[row_filter.column])


def _leaf(leaf: Leaf, held: Held) -> Expression:
    column = present(held)
    if isinstance(leaf, IsNull):
        return column.isnull()
    values = [_constant(value, held.type) for value in values_of(leaf)]
    match leaf:
        case Between():
            return (column >= values[0]) & (column <= values[1])
        case In():
            # not `isin`: that becomes a join, which loses the order of the rows
            return FunctionExpression("list_contains", FunctionExpression("list_value", *values), column)
        case _:
            compared: Expression = getattr(column, _COMPARISONS[leaf.op])(values[0])
            return compared


def present(held: Held) -> Expression:
    """The column; NaN counts as missing."""
    column = ColumnExpression(held.name)
    if held.type not in _FLOATS:
        return column
    return CaseExpression(FunctionExpression("isnan", column), ConstantExpression(None)).otherwise(column)


def _constant(value: Any, duck_type: str) -> Expression:  # noqa: ANN401 - a JSON scalar
    meant = literal(value, type_word(duck_type))
    if isinstance(meant, datetime) and "TIME ZONE" not in duck_type:
        meant = meant.astimezone(LOCAL).replace(tzinfo=None)
    return ConstantExpression(meant)


def leaving(term: ColumnTerm, held: Held, key: bytes) -> Expression:
    """What leaves of a column under its term, still under its safe name. `key`: the grant's pseudonym key, 32 bytes."""
    column = ColumnExpression(held.name)
    match term.use:
        case Use.PLAIN:
            out = column
        case Use.PSEUDONYMISED:
            out = hashed(column.cast(duckdb.sqltypes.VARCHAR), key)
        case Use.MASKED if term.mask is not None:
            out = _masked(column, term.mask, held.type)
        case _:
            raise ValueError(f"column {term.name} may not leave ({term.use})")
    return out.alias(held.name)


def unhashed(held: Held) -> Expression:
    """The text that `hashed` makes a pseudonym of; it must not leave."""
    return ColumnExpression(held.name).cast(duckdb.sqltypes.VARCHAR).alias(held.name)


def hashed(text: Expression, key: bytes) -> Expression:
    """HMAC-SHA256 of a text, first 20 hex digits; null stays null. Bit-equal to `pseudonym`."""
    block = key.ljust(64, b"\0")
    inner_pad, outer_pad = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    inner = FunctionExpression("unhex", _sha256(inner_pad, FunctionExpression("encode", text)))
    return FunctionExpression("left", _sha256(outer_pad, inner), ConstantExpression(PSEUDONYM_HEX))


def _sha256(pad: bytes, data: Expression) -> Expression:
    return FunctionExpression("sha256", FunctionExpression("||", ConstantExpression(pad), data))


def pseudonym(value: str, key: bytes) -> str:
    """The same pseudonym computed without the engine: to prove, and to trace a leaked value."""
    return hmac.digest(key, value.encode(), "sha256").hex()[:PSEUDONYM_HEX]


def _masked(column: Expression, mask: Mask, duck_type: str) -> Expression:
    match mask:
        case DropMask():
            return ConstantExpression(None).cast(duckdb.dtype(duck_type))
        case RedactMask():
            return CaseExpression(column.isnotnull(), ConstantExpression("***"))
        case KeepMask():
            return _keep(column, mask)
        case RoundMask():
            step = ConstantExpression(mask.step)
            return (FunctionExpression("floor", column / step) * step).cast(duckdb.dtype(duck_type))
        case TruncateMask():
            return _truncated(column, mask, duck_type)
        case ClampMask():
            return _clamped(column, mask, duck_type)
        case GridMask():
            if duck_type != "BLOB":
                raise ValueError(f"a grid has no cells for a column of type {duck_type}")
            return FunctionExpression(GRID_CELL, column, ConstantExpression(mask.step))
        case DivisionMask():
            return _raised(column, mask, duck_type)
        case _:
            assert_never(mask)


def _keep(column: Expression, mask: KeepMask) -> Expression:
    length = FunctionExpression("length", column)
    hidden = length - ConstantExpression(mask.head + mask.tail)
    parts = (
        FunctionExpression("left", column, ConstantExpression(mask.head)),
        FunctionExpression("repeat", ConstantExpression("*"), hidden),
        FunctionExpression("right", column, ConstantExpression(mask.tail)),
    )
    shown = reduce(lambda left, right: FunctionExpression("||", left, right), parts)
    all_hidden = FunctionExpression("repeat", ConstantExpression("*"), length)
    return CaseExpression(hidden > ConstantExpression(0), shown).otherwise(all_hidden)


def _raised(column: Expression, mask: DivisionMask, duck_type: str) -> Expression:
    """The first digits of the code, the rest zeros; null for anything else."""
    code = column.cast(duckdb.sqltypes.VARCHAR)
    kept = FunctionExpression("left", code, ConstantExpression(DIVISION_DIGITS[mask.level]))
    whole = FunctionExpression(
        "rpad",
        kept,
        FunctionExpression("length", code).cast(duckdb.sqltypes.INTEGER),
        ConstantExpression("0"),
    )
    is_code = FunctionExpression("regexp_full_match", code, ConstantExpression(DIVISION_CODE))
    return CaseExpression(is_code, whole).cast(duckdb.dtype(duck_type))


def _clamped(column: Expression, mask: ClampMask, duck_type: str) -> Expression:
    """Null stays null, NaN stays NaN, which the engine sorts above every number."""
    whole = type_word(duck_type) == "integer"  # compared as integers, so that large ones stay exact
    out = column
    if mask.low is not None:
        low = ConstantExpression(math.ceil(mask.low) if whole else mask.low)
        out = CaseExpression(out < low, low).otherwise(out)
    if mask.high is not None:
        high = ConstantExpression(math.floor(mask.high) if whole else mask.high)
        above = out > high
        if duck_type in _FLOATS:
            above &= ~FunctionExpression("isnan", column)
        out = CaseExpression(above, high).otherwise(out)
    return out.cast(duckdb.dtype(duck_type))


def _truncated(column: Expression, mask: TruncateMask, duck_type: str) -> Expression:
    """Local beginnings: an instant is moved to UTC+8 first, and back."""
    moved = duckdb.dtype("TIMESTAMP")
    unit = ConstantExpression(mask.unit)
    if "TIME ZONE" not in duck_type:
        return FunctionExpression("date_trunc", unit, column).cast(duckdb.dtype(duck_type))
    hours = FunctionExpression("to_hours", ConstantExpression(8))
    local = FunctionExpression("date_trunc", unit, column.cast(moved) + hours)
    return (local.cast(moved) - hours).cast(duckdb.dtype(duck_type))
