"""The rules that judge several columns of one row, each said twice: as a DuckDB condition and as a pandas mask.

Here a SQL condition is never NULL: a comparison with a missing value is not fulfilled, unless both are missing and
the rule asks for equality. Rows whose values are missing are left out beforehand as `ignore_row_if` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd

from quality import sql
from quality.gx import frame
from quality.gx.duck import Rows
from quality.gx.proved import Later
from quality.kinds import MOMENTS, NUMERIC, Column, Kind, KindMismatch, coerce, members

Args = Mapping[str, Any]
Columns = Sequence[Column]
Series = pd.Series


class RecordRule(NamedTuple):
    """duck: columns, arguments, the rows looked at (called: their FROM clause). frame: columns, arguments, the rows.

    takes: the arguments of a metric of ours; those of the others are known to Great Expectations' registry.
    """

    metric: str
    duck: Callable[[Columns, Args, Rows], str | Later]
    frame: Callable[[Columns, Args, pd.DataFrame], Series]
    takes: tuple[str, ...] = ()


def comparable(left: Column, right: Column) -> None:
    """Numbers with numbers, moments with moments, otherwise the same kind."""
    for family in (NUMERIC, MOMENTS):
        if left.kind in family and right.kind in family and left.zoned == right.zoned:
            return
    if left.kind is not right.kind or left.kind is Kind.OTHER or left.zoned != right.zoned:
        raise KindMismatch(
            f'columns "{left.name}" ({left.kind}) and "{right.name}" ({right.kind}) cannot be compared'
        )


def _compare_sql(left: Column, op: str, right: Column) -> str:
    """Exact decimals meet binary numbers as binary numbers, as pandas does it."""
    comparable(left, right)
    if Kind.NUMBER in {left.kind, right.kind} and left.kind is not right.kind:
        return f"coalesce(CAST({left.sql} AS DOUBLE) {op} CAST({right.sql} AS DOUBLE), FALSE)"
    return f"coalesce({left.sql} {op} {right.sql}, FALSE)"


def _compare_mask(left: Column, op: str, right: Column, rows: pd.DataFrame) -> Series:
    comparable(left, right)
    one, other = rows[left.name], rows[right.name]
    if left.kind in NUMERIC and left.kind is not right.kind:
        if Kind.NUMBER in {left.kind, right.kind}:
            one, other = one.astype("float64"), other.astype("float64")
        else:
            one, other = _exact(one), _exact(other)
    return frame.compared(one, op, other)


def _exact(values: Series) -> Series:
    return values.astype(object).map(lambda value: None if pd.isna(value) else Decimal(value))


def _equal_sql(columns: Columns, _: Args, rows: Callable[[], str]) -> str:
    return _compare_sql(columns[0], "=", columns[1])


def _equal_mask(columns: Columns, _: Args, rows: pd.DataFrame) -> Series:
    return _compare_mask(columns[0], "==", columns[1], rows)


def _greater(args: Args) -> str:
    return ">=" if args.get("or_equal") else ">"


def _pair_members(columns: Columns, args: Args) -> list[tuple[Any, Any]]:
    """Pairs that the two columns can hold; null in a pair stands for a missing value."""
    pairs = []
    for pair in args["value_pairs_set"]:
        sides = [
            [None] if value is None else members([value], column)
            for value, column in zip(pair, columns, strict=True)
        ]
        if all(sides):
            pairs.append((sides[0][0], sides[1][0]))
    return pairs


def _pair_in_set_sql(columns: Columns, args: Args, rows: Callable[[], str]) -> str:
    same = "{} IS NOT DISTINCT FROM {}".format
    parts = [
        f"({same(columns[0].sql, sql.literal(one))} AND {same(columns[1].sql, sql.literal(other))})"
        for one, other in _pair_members(columns, args)
    ]
    return "(" + " OR ".join(parts) + ")" if parts else "FALSE"


def _pair_in_set_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    def holds(column: Column, value: Any) -> Series:
        values = rows[column.name]
        return values.isna() if value is None else frame.among(values, [value], column)

    found = pd.Series(False, index=rows.index)
    for one, other in _pair_members(columns, args):
        found |= holds(columns[0], one) & holds(columns[1], other)
    return found


def _unique_sql(columns: Columns, _: Args, rows: Rows) -> Later:
    return rows.unrepeated(columns)


def _unique_mask(columns: Columns, _: Args, rows: pd.DataFrame) -> Series:
    return ~rows[[column.name for column in columns]].duplicated(keep=False)


def _within_record_sql(columns: Columns, _: Args, rows: Callable[[], str]) -> str:
    for left, right in combinations(columns, 2):
        comparable(left, right)
    same = [f"{left.sql} IS NOT DISTINCT FROM {right.sql}" for left, right in combinations(columns, 2)]
    return "NOT (" + " OR ".join(same) + ")" if same else "TRUE"


def _within_record_mask(columns: Columns, _: Args, rows: pd.DataFrame) -> Series:
    same = pd.Series(False, index=rows.index)
    for left, right in combinations(columns, 2):
        same |= _same_mask(left, right, rows)
    return ~same


def _same_mask(left: Column, right: Column, rows: pd.DataFrame) -> Series:
    both_missing = rows[left.name].isna() & rows[right.name].isna()
    return _compare_mask(left, "==", right, rows) | both_missing


def _all_equal_sql(columns: Columns, _: Args, rows: Callable[[], str]) -> str:
    parts = [
        f"({_compare_sql(columns[0], '=', other)} OR ({columns[0].sql} IS NULL AND {other.sql} IS NULL))"
        for other in columns[1:]
    ]
    return "(" + " AND ".join(parts) + ")" if parts else "TRUE"


def _all_equal_mask(columns: Columns, _: Args, rows: pd.DataFrame) -> Series:
    result = pd.Series(True, index=rows.index)
    for other in columns[1:]:
        result &= _same_mask(columns[0], other, rows)
    return result


def _total(columns: Columns, args: Args) -> tuple[bool, Any]:
    """Whether to add exactly (no binary numbers among the columns), and the wanted total."""
    for column in columns:
        if column.kind not in NUMERIC:
            raise KindMismatch(f'column "{column.name}" holds {column.kind}; a sum needs numbers')
    exact = all(column.kind is not Kind.NUMBER for column in columns)
    return exact, coerce(args["sum_total"], Column("sum", Kind.DECIMAL if exact else Kind.NUMBER))


def _sum_sql(columns: Columns, args: Args, rows: Callable[[], str]) -> str:
    exact, total = _total(columns, args)
    terms = [column.sql if exact else f"CAST({column.sql} AS DOUBLE)" for column in columns]
    if exact:
        terms = [f"CAST({term} AS DECIMAL(38, 10))" for term in terms]
        return f"coalesce({' + '.join(terms)} = {sql.literal(total)}, FALSE)"
    return f"coalesce({' + '.join(terms)} = {sql.literal(float(total))}, FALSE)"


def _sum_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    exact, total = _total(columns, args)
    parts = [
        _exact(rows[column.name]) if exact else rows[column.name].astype("float64") for column in columns
    ]
    missing = rows[[column.name for column in columns]].isna().any(axis=1)
    if not exact:
        added = parts[0]
        for part in parts[1:]:
            added = added + part
        return (added == float(total)) & ~missing
    sums = [None if gap else sum(values, Decimal(0)) for gap, *values in zip(missing, *parts, strict=True)]
    return pd.Series([value == total for value in sums], index=rows.index, dtype=bool)


PAIR_RULES: tuple[RecordRule, ...] = (
    RecordRule("column_pair_values.equal", _equal_sql, _equal_mask),
    RecordRule(
        "column_pair_values.a_greater_than_b",
        lambda columns, args, _: _compare_sql(columns[0], _greater(args), columns[1]),
        lambda columns, args, rows: _compare_mask(columns[0], _greater(args), columns[1], rows),
    ),
    RecordRule("column_pair_values.in_set", _pair_in_set_sql, _pair_in_set_mask),
)
RECORD_RULES: tuple[RecordRule, ...] = (
    RecordRule("compound_columns.unique", _unique_sql, _unique_mask),
    RecordRule("select_column_values.unique.within_record", _within_record_sql, _within_record_mask),
    RecordRule("multicolumn_values.equal", _all_equal_sql, _all_equal_mask),
    RecordRule("multicolumn_sum.equal", _sum_sql, _sum_mask),
)
