"""What a figure is made of decides whether it is told: bounds of disclosure control, what is left out with it, names and reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.asset import Asset, AssetColumn
from auth.policy.filters.model import parse
from auth.policy.limits import limits
from auth.policy.model import Safeguards
from auth.policy.serving import TERMS_SET, Case, Holding
from core.ids import DatasetId, OrgId
from core.text import Text
from datasets.queries import rules
from datasets.queries.model import Count, Extremes, Group, Histogram, Mean, Quantile, QueryAsk, Sum
from datasets.queries.rules import Control, Figure
from tests.examples import examples

CONTROL = Control(min_group=10, round_to=5, dominance_percent=85, p_percent=10, digits=4)
PLAIN = Figure(rows=100, contributors=50, total=100.0, largest=10.0, second=5.0)


def test_the_numbers_are_those_of_the_profile() -> None:
    found = limits()
    assert Control.of(found) == Control(
        found["query_min_group"], found["query_round_to"], found["query_dominance_percent"],
        found["query_p_percent"], found["query_digits"],
    )  # fmt: skip


@pytest.mark.parametrize(("contributors", "is_safe"), [(9, False), (10, True), (11, True), (0, False)])
def test_a_count_is_told_from_the_least_group_on(contributors: int, *, is_safe: bool) -> None:
    figure = replace(PLAIN, contributors=contributors)
    assert rules.is_safe_count(figure, CONTROL) is is_safe
    assert rules.is_safe_sum(figure, CONTROL) is is_safe


@pytest.mark.parametrize(
    ("total", "largest", "second", "is_safe"),
    [
        (100.0, 45.0, 40.0, True),  # two make 85 % and not more; the rest is 15, a third of the largest
        (100.0, 45.0, 40.01, False),
        (100.0, 85.0, 0.0, True),
        (100.0, 85.1, 0.0, False),
        (1000.0, 850.0, 0.5, False),  # more than 85 % by a little
        (1000.0, 500.0, 350.0, True),
        (float("inf"), 1.0, 1.0, False),
        (float("nan"), 1.0, 1.0, False),
    ],
)
def test_no_two_contributors_make_most_of_a_sum(
    total: float, largest: float, second: float, *, is_safe: bool
) -> None:
    figure = replace(PLAIN, total=total, largest=largest, second=second)
    assert rules.is_safe_sum(figure, CONTROL) is is_safe


@pytest.mark.parametrize(
    ("total", "largest", "second", "is_safe"),
    [(160.0, 100.0, 50.0, True), (159.95, 100.0, 50.0, False), (150.1, 100.0, 50.0, False), (170.0, 100.0, 50.0, True)],
)  # fmt: skip
def test_what_others_add_hides_the_largest_from_the_second(
    total: float, largest: float, second: float, *, is_safe: bool
) -> None:
    """The rest is 10 % of the largest at least; here two may make all, so that this rule alone decides."""
    figure = replace(PLAIN, total=total, largest=largest, second=second)
    assert rules.is_safe_sum(figure, replace(CONTROL, dominance_percent=100)) is is_safe


def _counts(*contributors: int) -> list[bool]:
    figures = [Figure(each, each) for each in contributors]
    return rules.complemented(figures, lambda figure: rules.is_safe_count(figure, CONTROL))


@pytest.mark.parametrize(
    ("contributors", "told"),
    [
        ((10, 20, 30), [True, True, True]),
        ((9, 20, 30), [False, False, True]),  # with the 20 the part left out is 29
        ((9, 1, 30), [False, False, True]),  # 10 together is enough
        ((8, 1, 30, 40), [False, False, False, True]),
        ((0, 20, 30), [False, True, True]),  # nobody is in what is left out
        ((9, 30), [False, False]),
        ((9,), [False]),
        ((5, 20, 20), [False, False, True]),  # of equal ones the first
        ((), []),
        ((0, 0), [False, False]),
        ((4, 3), [False, False]),
    ],
)
def test_what_is_left_out_is_no_smaller_than_the_least_group(
    contributors: tuple[int, ...], told: list[bool]
) -> None:
    assert _counts(*contributors) == told


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6))
def test_whatever_is_told_the_rest_is_nobody_or_enough_or_all(contributors: list[int]) -> None:
    told = _counts(*contributors)
    rest = sum(each for each, kept in zip(contributors, told, strict=True) if not kept)
    assert rest == 0 or rest >= CONTROL.min_group or not any(told)
    assert all(each >= CONTROL.min_group for each, kept in zip(contributors, told, strict=True) if kept)


@pytest.mark.parametrize(
    ("rows", "base", "said"),
    [(0, 5, 0), (2, 5, 0), (3, 5, 5), (7, 5, 5), (8, 5, 10), (5, 10, 10), (4, 10, 0), (12, 10, 10), (15, 10, 20), (7, 1, 7), (6, 4, 8)],
)  # fmt: skip
def test_a_count_is_rounded_to_the_nearest_multiple(rows: int, base: int, said: int) -> None:
    assert rules.rounded_count(rows, base) == said


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [(123456.0, 4, 123500.0), (0.00123456, 4, 0.001235), (-98765.0, 2, -99000.0), (1.0, 4, 1.0), (0.0, 4, 0.0),
     (5.0, 1, 5.0), (float("inf"), 4, 0.0), (float("nan"), 4, 0.0)],
)  # fmt: skip
def test_a_number_is_told_to_its_significant_digits(value: float, digits: int, said: float) -> None:
    assert rules.rounded_number(value, digits) == said


KINDS = {"name": "string", "fee": "number", "minutes": "integer", "at": "datetime", "day": "date"}
ASSET = Asset(
    DatasetId("d"), Text("停车", "Parking"), OrgId("o"), 1, "C", "yes", True,
    tuple(AssetColumn(name, Text(name, name), kind, 1) for name, kind in KINDS.items()),
)  # fmt: skip


def _ask(**parts: Any) -> QueryAsk:
    said = {
        "grant_id": "g",
        "dataset_id": "d",
        "purpose": "p",
        "scenario_id": "s",
        "select": [{"kind": "count"}],
    }
    return QueryAsk.model_validate(said | parts)


@pytest.mark.parametrize(
    ("parts", "columns"),
    [
        ({}, []),
        ({"select": [{"kind": "sum", "column": "fee"}, {"kind": "mean", "column": "minutes"}]}, []),
        ({"select": [{"kind": "sum", "column": "name"}]}, ["name"]),
        ({"select": [{"kind": "histogram", "column": "day", "width": 2}, {"kind": "count"}]}, ["day"]),
        ({"select": [{"kind": "sum", "column": "missing"}]}, []),
        ({"group_by": [{"column": "name"}, {"column": "fee"}, {"column": "missing"}]}, ["fee"]),
        ({"group_by": [{"column": "fee", "width": 1}, {"column": "at", "unit": "hour"}]}, []),
        ({"group_by": [{"column": "day", "unit": "hour"}]}, ["day"]),
    ],
)
def test_measures_and_groups_fit_their_columns(parts: dict[str, Any], columns: list[str]) -> None:
    found = rules.misfits(_ask(**parts), ASSET)
    assert [(each.code, each.facts) for each in found] == [
        ("measure-type", {"column": name}) for name in columns
    ]
    for each, name in zip(found, columns, strict=True):
        assert f"{name}（{KINDS[name]}）" in each.text.zh
        assert f"{name} ({KINDS[name]})" in each.text.en


@pytest.mark.parametrize("many", [1, 15, 16, 17, 40])
def test_a_filter_has_at_most_sixteen_conditions(many: int) -> None:
    where = {"op": "and", "args": [{"op": "eq", "column": "name", "value": str(n)} for n in range(many)]}
    assert [each.code for each in rules.too_complex(parse(where))] == ["filter-too-complex"] * (many > 16)
    found = rules.misfits(_ask(where=where), ASSET)
    assert [each.code for each in found] == ["filter-too-complex"] * (many > 16)
    assert all("16" in each.text.zh and "16" in each.text.en for each in found)


def test_no_filter_has_no_condition() -> None:
    assert list(rules.too_complex(None)) == []


def test_one_answer_for_all_that_may_not_be_told_and_what_is_left_of_the_quota() -> None:
    bare, left, none_left = rules.suppressed(), rules.suppressed(7), rules.suppressed(0)
    assert {each.code for each in (bare, left, none_left)} == {"suppressed"}
    assert {each.basis for each in (bare, left, none_left)} == {rules.BASIS}
    assert (bare.facts, left.facts, none_left.facts) == ({}, {"rows_left": 7}, {"rows_left": 0})
    assert left.text.zh.startswith(bare.text.zh)
    assert left.text.en.startswith(bare.text.en)
    assert "剩余 7" in left.text.zh
    assert "7 rows left" in left.text.en
    assert "0 rows left" in none_left.text.en


def test_a_dataset_without_terms_is_named() -> None:
    case = Case("DP-1", (), Safeguards(), None, limits(), Holding())
    assert TERMS_SET.lacks(case)
    reason = TERMS_SET.reason(case)
    assert (reason.code, reason.basis) == ("query-terms-missing", rules.BASIS)
    assert reason.text.zh.startswith("DP-1 ")
    assert reason.text.en.startswith("DP-1 ")


MEASURES = [
    (Count(), "count", ("count",)),
    (Sum(kind="sum", column="fee"), "sum(fee)", ("count", "sum:fee")),
    (Mean(kind="mean", column="fee"), "mean(fee)", ("count", "sum:fee")),
    (Histogram(kind="histogram", column="fee", width=2.5), "histogram(fee,2.5)", ("count",)),
    (Quantile(kind="quantile", column="fee", q=0.5, width=2), "quantile(fee,2,0.5)", ("count",)),
    (Extremes(kind="min_max", column="fee", width=10), "min_max(fee,10)", ("count",)),
]


@pytest.mark.parametrize(("measure", "name", "chain"), MEASURES)
def test_a_measure_has_a_name_and_its_chains(measure: Any, name: str, chain: tuple[str, ...]) -> None:
    assert rules.label(measure) == name
    assert rules.chains(measure) == chain
    assert rules.decided_by("fee") == "if:fee"


@pytest.mark.parametrize(
    ("group", "name"),
    [(Group(column="lot"), "lot"), (Group(column="fee", width=5), "fee/5"), (Group(column="fee", width=0.25), "fee/0.25"),
     (Group(column="day", unit="month"), "day/month")],
)  # fmt: skip
def test_a_group_is_named_by_its_column_and_class(group: Group, name: str) -> None:
    assert rules.label(group) == name


def test_times_and_numbers_are_grouped_and_measured_by_their_kinds() -> None:
    assert {"integer", "number"} == rules.NUMBERS
    assert {"date", "datetime"} == rules.TIMES
