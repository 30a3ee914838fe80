"""What a row filter means: which columns it reads, whether it fits a dataset, and which rows it lets through.

`matches` is the slow reference: three-valued logic written out. A fast engine is right when it agrees with it. A row is
visible only where the filter is true; unknown (a NULL was asked) is not visible, also under `not`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, assert_never

from auth.asset import Asset, AssetColumn
from auth.policy.filters.model import All, Any_, Between, Compare, In, IsNull, Leaf, Not, RowFilter, Scalar
from core.errors import Reason
from core.text import Text

BASIS: Final = "行过滤规则 · row filters"
LOCAL: Final = timezone(timedelta(hours=8), "UTC+8")  # times without an offset are local time here
_ORDERED: Final = frozenset({"string", "integer", "number", "date", "datetime", "time"})
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def leaves(row_filter: RowFilter | None) -> Iterator[Leaf]:
    """The conditions on columns, left to right."""
    match row_filter:
        case None:
            return
        case All() | Any_():
            for part in row_filter.args:
                yield from leaves(part)
        case Not():
            yield from leaves(row_filter.arg)
        case _:
            yield row_filter


def columns_of(row_filter: RowFilter | None) -> frozenset[str]:
    """Every column the filter reads."""
    return frozenset(leaf.column for leaf in leaves(row_filter))


def values_of(leaf: Leaf) -> tuple[Scalar, ...]:
    match leaf:
        case Compare():
            return (leaf.value,)
        case In():
            return leaf.values
        case Between():
            return (leaf.low, leaf.high)
        case IsNull():
            return ()
        case _:
            assert_never(leaf)


def check(row_filter: RowFilter | None, asset: Asset) -> tuple[Reason, ...]:
    """Every place where the filter does not fit the dataset; () when it can be evaluated."""
    return tuple(reason for leaf in leaves(row_filter) for reason in _unfit(leaf, asset))


def _unfit(leaf: Leaf, asset: Asset) -> Iterator[Reason]:
    if (column := asset.column(leaf.column)) is None:
        yield _refused("filter-column-unknown", leaf, "数据集没有该列", "the dataset has no such column")
        return
    if isinstance(leaf, IsNull):
        return
    ordering = isinstance(leaf, Between) or leaf.op in ("lt", "le", "gt", "ge")
    if column.type not in _ORDERED and (ordering or column.type != "boolean"):
        yield _refused(
            "filter-type", leaf, f"{column.type} 类型不支持此比较", f"{column.type} cannot be compared so"
        )
        return
    for value in values_of(leaf):
        if not _fits(value, column):
            said = f"{value!r}"
            yield _refused(
                "filter-value", leaf, f"值 {said} 不是 {column.type}", f"{said} is no {column.type}"
            )


def _refused(code: str, leaf: Leaf, zh: str, en: str) -> Reason:
    text = Text(f"行过滤条件中的列 {leaf.column}：{zh}。", f"Row filter on column {leaf.column}: {en}.")
    return Reason(code, text, BASIS, {"column": leaf.column})


def _fits(value: Scalar, column: AssetColumn) -> bool:
    try:
        literal(value, column.type)
    except (ValueError, TypeError):
        return False
    return True


def literal(value: Scalar, type_word: str) -> Any:  # noqa: ANN401 - a value of the column's type
    """The value that a filter means for a column of that type.

    Dates and times are ISO 8601 text. A datetime comes back aware: without an offset it is read as UTC+8.
    Raises ValueError or TypeError when the value does not fit the type.
    """
    match type_word:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "date" if isinstance(value, str):
            return date.fromisoformat(value)
        case "time" if isinstance(value, str):
            read = time.fromisoformat(value)
            if read.tzinfo is not None:
                raise ValueError("a time of day has no offset")
            return read
        case "datetime" if isinstance(value, str):
            return aware(datetime.fromisoformat(value))
    raise TypeError(f"{value!r} does not fit {type_word}")


def aware(moment: datetime) -> datetime:
    """The instant in UTC; a time without an offset is local (UTC+8)."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)).astimezone(UTC)


def matches(row_filter: RowFilter | None, row: Mapping[str, Any]) -> bool:
    """Whether the row is visible. Raises KeyError for a column that the row lacks, TypeError for values that do not compare."""
    return row_filter is None or truth(row_filter, row) is True


def truth(row_filter: RowFilter, row: Mapping[str, Any]) -> bool | None:
    """True, False, or None where a NULL makes the answer unknown (SQL's own logic)."""
    match row_filter:
        case All():
            parts = [truth(part, row) for part in row_filter.args]
            return False if False in parts else None if None in parts else True
        case Any_():
            parts = [truth(part, row) for part in row_filter.args]
            return True if True in parts else None if None in parts else False
        case Not():
            inner = truth(row_filter.arg, row)
            return None if inner is None else not inner
        case _:
            return _leaf_truth(row_filter, row[row_filter.column])


def _leaf_truth(leaf: Leaf, found: Any) -> bool | None:  # noqa: ANN401 - any column value
    if isinstance(found, float) and found != found:
        found = None  # a NaN is no number: treated as missing
    if isinstance(leaf, IsNull):
        return found is None
    if found is None:
        return None
    cell = aware(found) if isinstance(found, datetime) else found
    wanted = [literal(value, _type_of(found)) for value in values_of(leaf)]
    match leaf:
        case Between():
            return bool(wanted[0] <= cell <= wanted[1])
        case In():
            return any(cell == value for value in wanted)
        case Compare():
            return _COMPARE[leaf.op](cell, wanted[0])
        case _:
            assert_never(leaf)


def _type_of(found: Any) -> str:  # noqa: ANN401
    """The type word of a value as it stands in a row."""
    words: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        ((int, float, Decimal), "number"),
        (datetime, "datetime"),
        (date, "date"),
        (time, "time"),
    )
    return next((word for kind, word in words if isinstance(found, kind)), "string")
