"""What must hold before a rule is handed to Great Expectations, and how its arguments are spelt for it.

A rule that names a missing column or a bound of another kind is an error with a sentence a person understands,
not whatever an engine happens to raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from quality import conditions, predicates
from quality.gx import cross_prepare
from quality.gx.facts import Facts
from quality.gx.record_rules import comparable
from quality.kinds import MOMENTS, Column, Kind, KindMismatch, coerce, read_moment
from quality.own.ages import BY_FREQUENCY, oldest
from quality.predicates import schema_text
from quality.suite import Expectation
from quality.vocabulary import BOUNDS, DOMAIN_KEYS, Shape

_ENDS = frozenset({"expect_column_max_to_be_between", "expect_column_min_to_be_between"})
_BOUNDED = _ENDS | {"expect_column_values_to_be_between", "expect_column_sum_to_be_between"}
_COMPARING = frozenset(
    {
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)


def named_columns(expectation: Expectation) -> list[str]:
    """The columns a rule looks at, in order."""
    return expectation.spec.columns(expectation.kwargs)


def read_condition(expectation: Expectation, columns: Mapping[str, Column]) -> conditions.Condition | None:
    """The row condition, checked against the table; raises KindMismatch or ConditionUnreadable."""
    if "row_condition" not in expectation.kwargs:
        return None
    condition = conditions.read(expectation.kwargs["row_condition"])
    conditions.to_sql(condition, columns)
    return condition


def check(expectation: Expectation, columns: Mapping[str, Column]) -> None:
    """Raises KindMismatch (or another ValueError) when the table cannot answer the rule."""
    spec, kwargs = expectation.spec, expectation.kwargs
    named = []
    for name in named_columns(expectation):
        if name not in columns:
            raise KindMismatch(f'the table has no column "{name}" (it has: {", ".join(columns)})')
        named.append(columns[name])
    if lacking := [name for name in expectation.key_columns if name not in columns]:
        raise KindMismatch(f'the table has no column "{lacking[0]}" to tell failing rows by')
    for column in named:
        if column.kind not in spec.kinds:
            wanted = ", ".join(sorted(spec.kinds))
            raise KindMismatch(
                f'column "{column.name}" holds {column.kind}; this rule needs one of: {wanted}'
            )
    if expectation.type in _BOUNDED:
        for key in BOUNDS:
            if key in kwargs:
                coerce(kwargs[key], named[0])
    if expectation.type in _COMPARING:
        for left, right in combinations(named, 2):
            comparable(left, right)
    if "time_column" in kwargs:
        _check_time_column(kwargs["time_column"], columns)
    if "json_schema" in kwargs:
        predicates.obeys_schema("null", schema_text(kwargs["json_schema"]))


def _check_time_column(name: str, columns: Mapping[str, Column]) -> None:
    if name not in columns:
        raise KindMismatch(f'the table has no column "{name}" (it has: {", ".join(columns)})')
    if columns[name].kind not in MOMENTS:
        raise KindMismatch(
            f'column "{name}" holds {columns[name].kind}; the day of a row is a date or datetime'
        )


def arguments(expectation: Expectation, facts: Facts, condition: str | None) -> dict[str, Any]:
    """kwargs as Great Expectations gets them: row conditions by short name, bounds in the column's kind."""
    if expectation.type in cross_prepare.TYPES:
        return cross_prepare.arguments(expectation, facts, condition)
    columns = facts.columns
    kwargs = {
        key: value
        for key, value in expectation.kwargs.items()
        if key not in {"row_condition", "condition_parser", "description"}
    }
    if condition is not None:
        kwargs |= {"row_condition": condition, "condition_parser": "pandas"}
    if expectation.spec.keys:
        for stock, ours in zip(DOMAIN_KEYS[expectation.spec.shape], expectation.spec.keys, strict=True):
            kwargs[stock] = kwargs.pop(ours)
    if expectation.type == "expect_groups_to_hold_at_least_k_rows" and len(kwargs["column_list"]) == 1:
        kwargs["column_list"] = (
            kwargs["column_list"] * 2
        )  # one column alone can single somebody out; stock wants two
    if "max_age" in kwargs:
        kwargs |= _freshness(
            kwargs.pop("max_age"), kwargs.pop("reference", None), columns[kwargs["column"]], facts
        )
    if expectation.type in _ENDS:
        kwargs |= _end_bounds(kwargs, columns[kwargs["column"]])
    if expectation.type == "expect_column_most_common_value_to_be_in_set":
        kwargs["value_set"] = _spelt(kwargs["value_set"], columns[kwargs["column"]])
    if expectation.spec.shape is Shape.TABLE and "column_set" in kwargs:
        kwargs["column_set"] = list(kwargs["column_set"])
    return kwargs


def _freshness(max_age: str, given: str | None, column: Column, facts: Facts) -> dict[str, Any]:
    reference = read_moment(given) if given else facts.reference
    if reference is None:
        raise KindMismatch("nobody said at which moment the data must be fresh: give the rule a reference")
    if max_age == BY_FREQUENCY:
        max_age = facts.references.allowed_age()
    return {"min_value": coerce(oldest(column, max_age, reference), column).isoformat()}


def _end_bounds(kwargs: Mapping[str, Any], column: Column) -> dict[str, Any]:
    bounds = {key: coerce(kwargs[key], column) for key in ("min_value", "max_value") if key in kwargs}
    if column.kind in MOMENTS | {Kind.TIME}:
        return {key: value.isoformat() for key, value in bounds.items()}
    return {key: float(value) if column.kind is Kind.DECIMAL else value for key, value in bounds.items()}


def _spelt(values: list[Any], column: Column) -> list[Any]:
    """Members as the most common value is reported: moments as ISO text."""
    spelt = []
    for value in values:
        try:
            member = coerce(value, column)
        except KindMismatch:
            spelt.append(value)
            continue
        if column.kind is Kind.DATE:
            spelt.append(member.date().isoformat())
        elif column.kind in {Kind.DATETIME, Kind.TIME}:
            spelt.append(member.isoformat())
        else:
            spelt.append(float(member) if column.kind in {Kind.NUMBER, Kind.DECIMAL} else member)
    return spelt
