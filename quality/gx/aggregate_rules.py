"""The rules that judge a column as a whole, each said twice: as DuckDB SQL and over a pandas series.

Both forms give the same plain value: an int, a float (decimals too), a text, a moment, or None where there is none.
Infinities take part; a deviation over them does not exist. A sum over nothing is 0, a share of nothing is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pandas as pd

from quality import sql
from quality.gx import duck, frame, tally
from quality.gx.facts import TABLE, plain
from quality.gx.row_rules import VAST, bounds, deviation_sql, double, mean_sql
from quality.kinds import NUMERIC, ORDERED, Column, Kind, KindMismatch, members

Args = Mapping[str, Any]
Series = pd.Series


class Aggregate(NamedTuple):
    """One number from one scan; Great Expectations bundles all of them. `frame` gets the values that are present."""

    metric: str
    kinds: frozenset[Kind]
    duck: Callable[[Column], str]
    frame: Callable[[Column, Series], Any]


class Asked(NamedTuple):
    """A value that needs queries of its own. duck: column, arguments, FROM clause, engine."""

    metric: str
    duck: Callable[[Column, Args, str, duck.DuckDBExecutionEngine], Any]
    frame: Callable[[Column, Args, Series], Any]


ANY: frozenset[Kind] = frozenset(Kind)


def needs(column: Column, kinds: frozenset[Kind]) -> None:
    if column.kind not in kinds:
        raise KindMismatch(
            f'column "{column.name}" holds {column.kind}; this rule cannot be computed over it'
        )


def _end_sql(function: str) -> Callable[[Column], str]:
    def as_sql(column: Column) -> str:
        found = f"{function}({column.sql})"
        if column.kind is Kind.DATE:
            return f"CAST({found} AS TIMESTAMP)"
        return f"CAST({found} AS VARCHAR)" if column.kind is Kind.TIME else found

    return as_sql


def _end_of(function: str) -> Callable[[Column, Series], Any]:
    def of(column: Column, values: Series) -> Any:
        if not len(values):
            return None
        if column.kind in {Kind.TEXT, Kind.TIME, Kind.DECIMAL}:
            found = (min if function == "min" else max)(values)
            return (
                frame.text_of(pd.Series([found], dtype=object), column)[0]
                if column.kind is Kind.TIME
                else found
            )
        return getattr(values, function)()

    return of


def _numbers(values: Series) -> Series:
    return values.astype("float64")


def _sum_of(column: Column, values: Series) -> Any:
    if column.kind is Kind.NUMBER:
        return math.fsum(values) if all(map(math.isfinite, values)) else values.sum()
    return sum(values.astype(object), 0)


def _deviation_of(_: Column, values: Series) -> Any:
    numbers = _numbers(values)
    if len(numbers) < 2 or bool((numbers.abs() > VAST).any()):
        return None
    return numbers.std()


AGGREGATES: tuple[Aggregate, ...] = (
    Aggregate("column.min", ORDERED, _end_sql("min"), _end_of("min")),
    Aggregate("column.max", ORDERED, _end_sql("max"), _end_of("max")),
    Aggregate("column.mean", NUMERIC, mean_sql, lambda _, values: _numbers(values).mean()),
    Aggregate("column.standard_deviation", NUMERIC, deviation_sql, _deviation_of),
    Aggregate("column.sum", NUMERIC, lambda column: f"coalesce({_sum_sql(column)}, 0)", _sum_of),
    Aggregate(
        "column.distinct_values.count",
        ANY,
        lambda column: f"count(DISTINCT {column.sql})",
        lambda _, values: values.nunique(),
    ),
    Aggregate(
        "column.non_null_count", ANY, lambda column: f"count({column.sql})", lambda _, values: len(values)
    ),
)


def _sum_sql(column: Column) -> str:
    """fsum is exact enough to agree with pandas whatever the order of the threads."""
    return f"fsum({column.sql})" if column.kind is Kind.NUMBER else f"sum({column.sql})"


# --- quantiles --------------------------------------------------------------------------------------------------


def _median_sql(column: Column, _: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> Any:
    needs(column, NUMERIC)
    if column.kind is Kind.INTEGER and rows == sql.name(TABLE) and (table := engine.tally(column)):
        counted = f"SELECT {column.sql}, {sql.name(tally.COUNT)} FROM {table} WHERE {column.sql} IS NOT NULL ORDER BY 1"
        values = engine.rows_of(counted)
        if all(abs(value) < tally.EXACT for value, _ in values):
            return tally.median(values)
    return plain(engine.rows_of(f"SELECT quantile_cont({double(column)}, 0.5) FROM {rows}")[0][0])


def _median_of(column: Column, _: Args, values: Series) -> Any:
    needs(column, NUMERIC)
    return plain(_numbers(values).quantile(0.5)) if len(values) else None


def _places(quantile: float, count: int, method: str) -> tuple[int, int]:
    """The two sorted places (from 0) that a quantile lies between, as NumPy's named methods choose them."""
    exact = Fraction(quantile) * (count - 1)
    low, high = math.floor(exact), math.ceil(exact)
    if method == "nearest":
        low = high = round(float(exact))
    elif method == "lower":
        high = low
    elif method == "higher":
        low = high
    return low, high


def _method(args: Args) -> str:
    asked = args.get("allow_relative_error")
    if asked in (None, False, True):
        return "nearest"
    if asked not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise ValueError(f"allow_relative_error={asked!r} is not a way to choose a quantile")
    return str(asked)


def _between_places(pair: tuple[Any, Any], quantile: float, count: int, method: str) -> Any:
    low, high = (float(value) if method in ("linear", "midpoint") else value for value in pair)
    if low == high:
        return plain(low)
    share = 0.5 if method == "midpoint" else quantile * (count - 1) - math.floor(quantile * (count - 1))
    return low + (high - low) * share


def _quantiles_sql(column: Column, args: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> list[Any]:
    needs(column, NUMERIC)
    quantiles, method = list(args["quantiles"]), _method(args)
    count = engine.rows_of(f"SELECT count({column.sql}) FROM {rows}")[0][0]
    if not count:
        return [None] * len(quantiles)
    pairs = [_places(quantile, count, method) for quantile in quantiles]
    wanted = ", ".join(f"{(place + 0.5) / count!r}" for pair in pairs for place in pair)
    found = engine.rows_of(f"SELECT quantile_disc({column.sql}, [{wanted}]) FROM {rows}")[0][0]
    return [
        plain(_between_places((found[2 * n], found[2 * n + 1]), quantile, count, method))
        for n, quantile in enumerate(quantiles)
    ]


def _quantiles_of(column: Column, args: Args, values: Series) -> list[Any]:
    needs(column, NUMERIC)
    quantiles, method = list(args["quantiles"]), _method(args)
    if not len(values):
        return [None] * len(quantiles)
    ranked = sorted(values)
    found = []
    for quantile in quantiles:
        low, high = _places(quantile, len(ranked), method)
        found.append(
            plain(_between_places((plain(ranked[low]), plain(ranked[high])), quantile, len(ranked), method))
        )
    return found


# --- sets -------------------------------------------------------------------------------------------------------


def _as_text(value: Any, column: Column) -> Any:
    """Moments leave as ISO text so that sets from JSON can be compared with them."""
    if value is None or column.kind in {Kind.TEXT, Kind.BOOLEAN, Kind.INTEGER}:
        return plain(value)
    if column.kind in {Kind.NUMBER, Kind.DECIMAL}:
        return float(value)
    moment = plain(value)
    if column.kind is Kind.DATE:
        return (moment.date() if hasattr(moment, "date") else moment).isoformat()
    return moment.isoformat() if hasattr(moment, "isoformat") else str(moment)


def _outside_sql(column: Column, args: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> list[Any]:
    wanted = sql.member_of(column.sql, members(args["value_set"], column))
    limit = f"LIMIT {int(args['limit'])}" if args.get("limit") else ""
    query = f"SELECT DISTINCT {column.sql} FROM {rows} WHERE {column.sql} IS NOT NULL AND NOT ({wanted}) ORDER BY 1 {limit}"
    return [_as_text(row[0], column) for row in engine.rows_of(query)]


def _outside_of(column: Column, args: Args, values: Series) -> list[Any]:
    wanted = frame.among(values, members(args["value_set"], column), column)
    found = [_as_text(value, column) for value in sorted(values[~wanted].unique())]
    return found[: int(args["limit"])] if args.get("limit") else found


def _outside_count_sql(column: Column, args: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> int:
    wanted = sql.member_of(column.sql, members(args["value_set"], column))
    query = (
        f"SELECT count(DISTINCT {column.sql}) FROM {rows} WHERE {column.sql} IS NOT NULL AND NOT ({wanted})"
    )
    return int(engine.rows_of(query)[0][0])


def _absent(column: Column, args: Args, present: Sequence[Any]) -> list[Any]:
    """Members of the wanted set that the column lacks; a member the column could never hold is lacking too."""
    held = set(present)
    lacking = []
    for value in args["value_set"]:
        member = members([value], column)
        if value is not None and (not member or _as_text(member[0], column) not in held):
            lacking.append(value)
    return list(dict.fromkeys(lacking))


def _present_sql(column: Column, args: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> list[Any]:
    wanted = sql.member_of(column.sql, members(args["value_set"], column))
    found = engine.rows_of(f"SELECT DISTINCT {column.sql} FROM {rows} WHERE {wanted}")
    return [_as_text(row[0], column) for row in found]


def _present_of(column: Column, args: Args, values: Series) -> list[Any]:
    wanted = frame.among(values, members(args["value_set"], column), column)
    return [_as_text(value, column) for value in values[wanted].unique()]


def _commonest_sql(column: Column, _: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> list[Any]:
    counts = (
        f"SELECT {column.sql} AS value, count(*) AS n FROM {rows} WHERE {column.sql} IS NOT NULL GROUP BY 1"
    )
    found = engine.rows_of(
        f"WITH counts AS ({counts}) SELECT value FROM counts WHERE n = (SELECT max(n) FROM counts) ORDER BY 1"
    )
    return [_as_text(row[0], column) for row in found]


def _commonest_of(column: Column, _: Args, values: Series) -> list[Any]:
    counts = values.value_counts()
    return [_as_text(value, column) for value in sorted(counts[counts == counts.max()].index)]


def _between_count_sql(column: Column, args: Args, rows: str, engine: duck.DuckDBExecutionEngine) -> int:
    inside = " AND ".join(f"{column.sql} {op} {sql.literal(value)}" for op, value in bounds(column, args))
    return int(engine.rows_of(f"SELECT count(*) FROM {rows} WHERE {inside}")[0][0])


def _between_count_of(column: Column, args: Args, values: Series) -> int:
    inside = pd.Series(True, index=values.index)
    for op, value in bounds(column, args):
        inside &= frame.compared(values, op, value)
    return int(inside.sum())


ASKED: tuple[Asked, ...] = (
    Asked("column_values.between.count", _between_count_sql, _between_count_of),
    Asked("column.median", _median_sql, _median_of),
    Asked("column.quantile_values", _quantiles_sql, _quantiles_of),
    Asked("column.distinct_values.not_in_set", _outside_sql, _outside_of),
    Asked(
        "column.distinct_values.not_in_set.count",
        _outside_count_sql,
        lambda column, args, values: len(_outside_of(column, args, values)),
    ),
    Asked(
        "column.distinct_values.missing_from_column",
        lambda column, args, rows, engine: _absent(column, args, _present_sql(column, args, rows, engine)),
        lambda column, args, values: _absent(column, args, _present_of(column, args, values)),
    ),
    Asked(
        "column.distinct_values.missing_from_column.count",
        lambda column, args, rows, engine: len(
            _absent(column, args, _present_sql(column, args, rows, engine))
        ),
        lambda column, args, values: len(_absent(column, args, _present_of(column, args, values))),
    ),
    Asked("column.most_common_value", _commonest_sql, _commonest_of),
)
