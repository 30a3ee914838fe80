"""The rules that judge single rows, each said twice: as a DuckDB condition and as a pandas mask.

Great Expectations counts, applies `mostly` and row conditions; what it means for one value to be right stands here,
because its own engines disagree on it (regex dialect, text length, dates against text, missing values, order).
A SQL condition may be NULL only where the value is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pandas as pd

from quality import predicates, sql
from quality.gx import duck, frame
from quality.gx.proved import Later
from quality.kinds import NUMERIC, ORDERED, Column, Kind, KindMismatch, coerce, members
from quality.patience import Test, shared
from quality.patterns import like_to_regex, to_re2

Args = Mapping[str, Any]
Series = pd.Series


class Scope(NamedTuple):
    """What a SQL rule sees: the column, the arguments, the FROM clause of the rows looked at, the engine."""

    column: Column
    args: Args
    rows: Callable[[], str]
    engine: duck.DuckDBExecutionEngine


class View(NamedTuple):
    """What a pandas rule sees: the column, the arguments and the values, missing ones left out."""

    column: Column
    args: Args
    values: Series


class RowRule(NamedTuple):
    """`metric`: Great Expectations' name, whose arguments are known to its registry; or one of ours without any."""

    metric: str
    duck: Callable[[Scope], str | Later]
    frame: Callable[[View], Series]


# --- bounds -----------------------------------------------------------------------------------------------------


def bounds(column: Column, args: Args) -> list[tuple[str, Any]]:
    """The bounds as comparisons, values in the column's kind."""
    if column.kind not in ORDERED:
        raise KindMismatch(f'column "{column.name}" holds {column.kind}, which has no order')
    pairs = (
        (">" if args.get("strict_min") else ">=", args.get("min_value")),
        ("<" if args.get("strict_max") else "<=", args.get("max_value")),
    )
    given = [(op, coerce(value, column)) for op, value in pairs if value is not None]
    if not given:
        raise ValueError("neither min_value nor max_value is given")
    return given


def _between_sql(scope: Scope) -> str:
    wanted = bounds(scope.column, scope.args)
    return " AND ".join(f"{scope.column.sql} {op} {sql.literal(value)}" for op, value in wanted)


def _between_mask(view: View) -> Series:
    return _all(frame.compared(view.values, op, value) for op, value in bounds(view.column, view.args))


_LENGTH = Column("length", Kind.INTEGER)


def text_sql(column: Column) -> str:
    return column.sql if column.kind is Kind.TEXT else f"CAST({column.sql} AS VARCHAR)"


def _length_between_sql(scope: Scope) -> str:
    wanted = bounds(_LENGTH, scope.args)
    return " AND ".join(f"length({text_sql(scope.column)}) {op} {sql.literal(value)}" for op, value in wanted)


def _lengths(view: View) -> Series:
    return frame.text_of(view.values, view.column).map(len).astype("int64")


def _length_between_mask(view: View) -> Series:
    lengths = _lengths(view)
    return _all(frame.compared(lengths, op, value) for op, value in bounds(_LENGTH, view.args))


def _length_equals_sql(scope: Scope) -> str:
    return f"length({text_sql(scope.column)}) = {sql.literal(coerce(scope.args['value'], _LENGTH))}"


def _all(masks: Iterable[Series]) -> Series:
    first, *others = list(masks)
    for mask in others:
        first = first & mask
    return first


# --- sets -------------------------------------------------------------------------------------------------------


def _in_set_sql(scope: Scope) -> str:
    return sql.member_of(scope.column.sql, members(scope.args["value_set"], scope.column))


def _in_set_mask(view: View) -> Series:
    return frame.among(view.values, members(view.args["value_set"], view.column), view.column)


# --- text -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _re2(pattern: str) -> str | None:
    """RE2's wording, if there is one and DuckDB accepts it."""
    said = to_re2(pattern)
    return said if said is not None and duck.accepts_pattern(said) else None


def _search_sql(column: Column, pattern: str) -> str:
    text = text_sql(column)
    if (said := _re2(pattern)) is not None:
        return f"regexp_matches({text}, {sql.literal(said)})"
    return f"dg_matches({text}, {sql.literal(pattern)})"


def _search_mask(view: View, pattern: str) -> Series:
    texts = frame.text_of(view.values, view.column)
    if _re2(pattern) is None:
        return _patient_mask(texts, "matches", pattern)
    return texts.map(lambda text: predicates.matches(text, pattern)).astype(bool)


def _patient_mask(texts: Series, test: Test, argument: str) -> Series:
    """Asked of the child process, as DuckDB does."""
    return pd.Series(shared().ask(test, list(texts), argument), index=texts.index, dtype=bool)


def _like_sql(column: Column, pattern: str, args: Args) -> str:
    escape = f" ESCAPE {sql.literal(args['escape'])}" if args.get("escape") else ""
    return f"{text_sql(column)} LIKE {sql.literal(pattern)}{escape}"


def _like_mask(view: View, pattern: str) -> Series:
    return _search_mask(view, like_to_regex(pattern, view.args.get("escape")))


def _several_sql(parts: list[str], match_on: str | None) -> str:
    return "(" + (" AND " if match_on == "all" else " OR ").join(parts) + ")"


def _several_mask(masks: list[Series], match_on: str | None) -> Series:
    table = pd.concat(masks, axis=1)
    return table.all(axis=1) if match_on == "all" else table.any(axis=1)


def _text_rule(
    key: str, sql_of: Callable[[Scope, str], str], mask_of: Callable[[View, str], Series]
) -> list[RowRule]:
    """The four rules of a pattern family: match, not match, match list, not match list."""
    many = f"{key}_list"

    def one_sql(scope: Scope) -> str:
        return sql_of(scope, scope.args[key])

    def one_mask(view: View) -> Series:
        return mask_of(view, view.args[key])

    def many_sql(scope: Scope) -> str:
        return _several_sql([sql_of(scope, each) for each in scope.args[many]], scope.args.get("match_on"))

    def many_mask(view: View) -> Series:
        return _several_mask([mask_of(view, each) for each in view.args[many]], view.args.get("match_on"))

    return [
        RowRule(f"column_values.match_{key}", one_sql, one_mask),
        RowRule(f"column_values.not_match_{key}", _not_sql(one_sql), _not_mask(one_mask)),
        RowRule(f"column_values.match_{key}_list", many_sql, many_mask),
        RowRule(f"column_values.not_match_{key}_list", _not_sql(many_sql), _not_mask(many_mask)),
    ]


def _not_sql(rule: Callable[[Scope], str]) -> Callable[[Scope], str]:
    return lambda scope: f"NOT ({rule(scope)})"


def _not_mask(rule: Callable[[View], Series]) -> Callable[[View], Series]:
    return lambda view: ~rule(view)


def asked_of_python(metric: str, predicate: str, argument: Callable[[Args], str]) -> RowRule:
    """A rule that Python itself answers, value by value, on text columns only."""
    test = predicates.PREDICATES[predicate]

    def as_sql(scope: Scope) -> str:
        _needs_text(scope.column)
        return f"{predicate}({scope.column.sql}, {sql.literal(argument(scope.args))})"

    def as_mask(view: View) -> Series:
        _needs_text(view.column)
        wanted = argument(view.args)
        return view.values.astype(object).map(lambda text: test(text, wanted)).astype(bool)

    return RowRule(metric, as_sql, as_mask)


_SCHEMA: Final = asked_of_python(
    "column_values.match_json_schema",
    "dg_obeys_schema",
    lambda args: predicates.schema_text(args["json_schema"]),
)


def _schema_sql(scope: Scope) -> str | Later:
    schema = predicates.schema_text(scope.args["json_schema"])
    if not predicates.has_patterns(schema):
        return _SCHEMA.duck(scope)
    _needs_text(scope.column)
    return f"dg_obeys_patiently({scope.column.sql}, {sql.literal(schema)})"


def _schema_mask(view: View) -> Series:
    schema = predicates.schema_text(view.args["json_schema"])
    if not predicates.has_patterns(schema):
        return _SCHEMA.frame(view)
    _needs_text(view.column)
    return _patient_mask(view.values.astype(object), "obeys_schema", schema)


def _needs_text(column: Column) -> None:
    if column.kind is not Kind.TEXT:
        raise KindMismatch(f'column "{column.name}" holds {column.kind}; this rule reads text')


# --- uniqueness and order ---------------------------------------------------------------------------------------


def _unique_sql(scope: Scope) -> Later:
    return scope.engine.proofs.unrepeated([scope.column], scope.rows(), with_nulls=False)


def _ordered(op: str, strict: str) -> tuple[Callable[[Scope], Later], Callable[[View], Series]]:
    """Each value against the one before it in the file, missing values left out."""

    def sign(column: Column, args: Args) -> str:
        if column.kind not in ORDERED:
            raise KindMismatch(f'column "{column.name}" holds {column.kind}, which has no order')
        return strict if args.get("strictly") else op

    def as_sql(scope: Scope) -> Later:
        return scope.engine.proofs.ordered(scope.column, sign(scope.column, scope.args), scope.rows())

    def as_mask(view: View) -> Series:
        earlier = view.values.shift()
        return frame.compared(view.values, sign(view.column, view.args), earlier) | earlier.isna()

    return as_sql, as_mask


# --- spread -----------------------------------------------------------------------------------------------------


def _needs_number(column: Column) -> None:
    if column.kind not in NUMERIC:
        raise KindMismatch(f'column "{column.name}" holds {column.kind}; this rule needs numbers')


VAST: Final = 1e150
"""Beyond this a square, or a sum of squares, may be infinite."""


def double(column: Column) -> str:
    return f"CAST({column.sql} AS DOUBLE)"


def deviation_sql(column: Column) -> str:
    """Sample standard deviation; none where the column holds a value whose square may be infinite (DuckDB refuses)."""
    value = double(column)
    vast = f"abs({value}) > {sql.literal(VAST)}"
    return f"CASE WHEN bool_or({vast}) THEN NULL ELSE stddev_samp(CASE WHEN {vast} THEN NULL ELSE {value} END) END"


def mean_sql(column: Column) -> str:
    value = double(column)
    return f"CASE WHEN isnan(avg({value})) THEN NULL ELSE avg({value}) END"


def _spread(scope: Scope, *names: str) -> dict[str, float | None]:
    """Some of mean, deviation, low and high quartile of the rows looked at; None where it is not finite."""
    _needs_number(scope.column)
    value = double(scope.column)
    known = {
        "mean": mean_sql(scope.column),
        "deviation": deviation_sql(scope.column),
        "low": f"quantile_cont({value}, 0.25)",
        "high": f"quantile_cont({value}, 0.75)",
    }
    query = f"SELECT {', '.join(known[name] for name in names)} FROM {scope.rows()}"
    return dict(zip(names, map(_finite, scope.engine.remembered(query)), strict=True))


def _spread_of(view: View) -> dict[str, float | None]:
    _needs_number(view.column)
    numbers = view.values.astype("float64")
    infinite = bool((numbers.abs() > VAST).any())
    found = {
        "mean": numbers.mean() if len(numbers) else None,
        "deviation": None if infinite or len(numbers) < 2 else numbers.std(),
        "low": _quartile(numbers, 1),
        "high": _quartile(numbers, 3),
    }
    return {name: _finite(value) for name, value in found.items()}


def _quartile(numbers: Series, which: int) -> float | None:
    """As DuckDB says it: one that falls on a value is that value, even beside an infinite one (pandas says NaN there)."""
    if not len(numbers):
        return None
    place, rest = divmod((len(numbers) - 1) * which, 4)
    return float(numbers.sort_values().iloc[place] if rest == 0 else numbers.quantile(which / 4))


def _finite(value: Any) -> float | None:
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(value)


def _z_window(spread: Mapping[str, float | None], args: Args) -> tuple[float, float] | None:
    """The open interval that passes, or None when the column has no spread to measure against."""
    mean, deviation = spread["mean"], spread["deviation"]
    if mean is None or not deviation:
        return None
    reach = args["threshold"] * deviation
    if args.get("double_sided"):
        return mean - abs(reach), mean + abs(reach)
    return float("-inf"), mean + reach


def _outlier_window(spread: Mapping[str, float | None], args: Args) -> tuple[float, float, bool] | None:
    """Low, high, and whether the ends belong to it (quartile fences do, a distance from the mean does not)."""
    multiplier = args.get("multiplier")
    multiplier = 1.5 if multiplier is None else multiplier
    if (args.get("method") or "iqr") == "iqr":
        low, high = spread["low"], spread["high"]
        if low is None or high is None:
            return None
        reach = multiplier * (high - low)
        return low - reach, high + reach, True
    mean, deviation = spread["mean"], spread["deviation"]
    if mean is None or deviation is None:
        return None
    reach = multiplier * deviation
    return mean - reach, mean + reach, reach <= 0


def _inside_sql(value: str, low: float, high: float, closed: bool) -> str:
    if closed:
        return f"{value} >= {sql.literal(low)} AND {value} <= {sql.literal(high)}"
    lower = "TRUE" if low == float("-inf") else f"{value} > {sql.literal(low)}"
    return f"{lower} AND {value} < {sql.literal(high)}"


def _inside_mask(values: Series, low: float, high: float, closed: bool) -> Series:
    numbers = values.astype("float64")
    if closed:
        return (numbers >= low) & (numbers <= high)
    lower = pd.Series(True, index=numbers.index) if low == float("-inf") else numbers > low
    return lower & (numbers < high)


def _z_sql(scope: Scope) -> str:
    window = _z_window(_spread(scope, "mean", "deviation"), scope.args)
    return "TRUE" if window is None else _inside_sql(double(scope.column), *window, closed=False)


def _z_mask(view: View) -> Series:
    window = _z_window(_spread_of(view), view.args)
    return _true(view) if window is None else _inside_mask(view.values, *window, closed=False)


def _outlier_sql(scope: Scope) -> str:
    names = ("low", "high") if (scope.args.get("method") or "iqr") == "iqr" else ("mean", "deviation")
    window = _outlier_window(_spread(scope, *names), scope.args)
    return "TRUE" if window is None else _inside_sql(double(scope.column), *window)


def _outlier_mask(view: View) -> Series:
    window = _outlier_window(_spread_of(view), view.args)
    return _true(view) if window is None else _inside_mask(view.values, *window)


def _true(view: View) -> Series:
    return pd.Series(True, index=view.values.index)


# --- the table --------------------------------------------------------------------------------------------------

COLUMN_RULES: tuple[RowRule, ...] = (
    RowRule("column_values.between", _between_sql, _between_mask),
    RowRule("column_values.value_length.between", _length_between_sql, _length_between_mask),
    RowRule(
        "column_values.value_length.equals",
        _length_equals_sql,
        lambda view: _lengths(view) == coerce(view.args["value"], _LENGTH),
    ),
    RowRule("column_values.in_set", _in_set_sql, _in_set_mask),
    RowRule("column_values.not_in_set", _not_sql(_in_set_sql), _not_mask(_in_set_mask)),
    RowRule(
        "column_values.unique", _unique_sql, lambda view: ~view.values.duplicated(keep=False).astype(bool)
    ),
    RowRule("column_values.increasing", *_ordered(">=", ">")),
    RowRule("column_values.decreasing", *_ordered("<=", "<")),
    RowRule("column_values.z_score.under_threshold", _z_sql, _z_mask),
    RowRule("column_values.not_outliers", _outlier_sql, _outlier_mask),
    *_text_rule(
        "regex",
        lambda scope, pattern: _search_sql(scope.column, pattern),
        _search_mask,
    ),
    *_text_rule(
        "like_pattern",
        lambda scope, pattern: _like_sql(scope.column, pattern, scope.args),
        _like_mask,
    ),
    asked_of_python(
        "column_values.match_strftime_format",
        "dg_has_format",
        lambda args: str(args["strftime_format"]),
    ),
    asked_of_python("column_values.dateutil_parseable", "dg_is_date_like", lambda _: ""),
    asked_of_python("column_values.json_parseable", "dg_is_json", lambda _: ""),
    RowRule("column_values.match_json_schema", _schema_sql, _schema_mask),
)
