"""What must hold before a rule over several rows or a second table runs, and how its arguments are spelt for Great Expectations."""

from __future__ import annotations

from typing import Any, Final

from quality.gx.cross_match import match
from quality.gx.cross_rules import BY_TYPE
from quality.gx.cross_steps import microseconds
from quality.gx.facts import Facts
from quality.gx.record_rules import comparable
from quality.kinds import NUMERIC, Column, KindMismatch
from quality.references import CODE_TYPE, Rule
from quality.suite import Expectation
from quality.vocabulary import TYPES as TYPES_BY_NAME
from quality.vocabulary import Shape

_ROWS_TYPE: Final = "expect_rows_to_agree_with_last_release"
_DELAY_TYPE: Final = "expect_delays_to_be_between"
_PAIRS: Final = {_DELAY_TYPE, "expect_coordinates_to_fit_crs"}
TYPES: Final = frozenset({*BY_TYPE, *_PAIRS, _ROWS_TYPE, CODE_TYPE})
_SHARED: Final = ("mostly", "ignore_row_if", "row_condition", "condition_parser")


def how(expectation: Expectation) -> dict[str, Any]:
    """The arguments of ours."""
    kept = {key: value for key, value in expectation.kwargs.items() if key not in _SHARED}
    if expectation.type == "expect_column_values_to_exist_in_dataset":
        kept["columns"] = [kept.pop("column")] if "column" in kept else kept.pop("column_list")
    return kept


def check(expectation: Expectation, facts: Facts) -> None:
    """Raises KindMismatch or ReferenceUnavailable."""
    if rule := BY_TYPE.get(expectation.type):
        rule.check(how(expectation), facts)
    if expectation.type == _DELAY_TYPE:
        comparable(*(facts.columns[expectation.kwargs[key]] for key in ("since", "until")))
    for key in ("min_delay", "max_delay", "per"):
        if key in expectation.kwargs:
            microseconds(expectation.kwargs[key])
    if (
        expectation.type == _ROWS_TYPE
        and facts.references.last() is not None
        and "keys" in expectation.kwargs
    ):
        match(how(expectation), facts, "keys", "other_keys")
    if expectation.type == CODE_TYPE:
        facts.references.codes(expectation.kwargs["code_list"], expectation.kwargs.get("version"))


def arguments(expectation: Expectation, facts: Facts, condition: str | None) -> dict[str, Any]:
    """kwargs as Great Expectations gets them."""
    kwargs: dict[str, Any] = {
        key: expectation.kwargs[key] for key in ("mostly", "ignore_row_if") if key in expectation.kwargs
    }
    if condition is not None:
        kwargs |= {"row_condition": condition, "condition_parser": "pandas"}
    if expectation.type == _ROWS_TYPE:
        return kwargs | {"how": how(expectation)}
    if expectation.type == CODE_TYPE:
        codes = facts.references.codes(expectation.kwargs["code_list"], expectation.kwargs.get("version"))
        name = expectation.kwargs["column"]
        return kwargs | {"column": name, "value_set": _codes(codes.values, facts.columns[name])}
    if expectation.type in _PAIRS:
        first, second = (expectation.kwargs[key] for key in expectation.spec.keys)
        kwargs |= {"column_A": first, "column_B": second}
        if expectation.type == _DELAY_TYPE:
            return {"ignore_row_if": "either_value_is_missing"} | kwargs | {"how": how(expectation)}
        return kwargs | {key: expectation.kwargs[key] for key in ("area", "crs")}
    names = list(dict.fromkeys(expectation.spec.columns(expectation.kwargs)))
    names = names * 2 if len(names) == 1 else names  # stock wants two
    return (
        {"ignore_row_if": "any_value_is_missing"} | kwargs | {"column_list": names, "how": how(expectation)}
    )


def shown(rule: Rule) -> dict[str, Any]:
    """kwargs of a rule as its class in Great Expectations takes them, where nothing is run: with the arguments as written."""
    spec = TYPES_BY_NAME[rule.type]
    kwargs = {key: value for key, value in rule.kwargs.items() if key in _SHARED}
    own = {key: value for key, value in rule.kwargs.items() if key not in _SHARED}
    names = list(dict.fromkeys(spec.columns(rule.kwargs)))
    if rule.type in BY_TYPE:
        return kwargs | {"column_list": names * 2 if len(names) == 1 else names, "how": own}
    if rule.type == _ROWS_TYPE:
        return kwargs | {"how": own}
    if rule.type == CODE_TYPE:
        return kwargs | {"column": own["column"], "value_set": [own["code_list"]]}
    if spec.shape is Shape.PAIR and spec.keys:
        rest = {key: value for key, value in own.items() if key not in spec.keys}
        return (
            kwargs
            | dict(zip(("column_A", "column_B"), spec.columns(rule.kwargs), strict=True))
            | ({"how": own} if rule.type == _DELAY_TYPE else rest)
        )
    if "max_age" in own:
        return kwargs | {
            "column": own["column"],
            "min_value": f"{own.get('reference', 'now')} - {own['max_age']}",
        }
    if rule.type == "expect_groups_to_hold_at_least_k_rows" and len(names) == 1:
        return kwargs | own | {"column_list": names * 2}
    return dict(rule.kwargs)


def _codes(values: tuple[str, ...], column: Column) -> list[Any]:
    """Codes are written as text; a column of numbers holds those that are whole numbers."""
    if column.kind not in NUMERIC:
        return list(values)
    found = [int(value) for value in values if value.lstrip("-").isdecimal()]
    if not found:
        raise KindMismatch(
            f"列“{column.name}”为数值，而代码表中没有数字代码。 Column “{column.name}” holds numbers, but the list holds no numeric code."
        )
    return found
