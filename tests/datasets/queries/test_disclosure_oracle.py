"""Our disclosure control beside acro's: a difference is told with its reason, or found out."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from auth.policy.limits import limits
from datasets.queries.rules import Control
from tests.campaigns import disclosure
from tests.campaigns.disclosure import CHECKS, KINDS, OURS, PAGE, VIEWS, Record, Table

CONTROL = Control.of(limits())
EVEN: tuple[Record, ...] = tuple((0, who, 10.0) for who in range(12))
SMALL: tuple[Record, ...] = tuple((1, who, 10.0) for who in range(9))
DOMINATED: tuple[Record, ...] = ((2, 0, 900.0), (2, 1, 5.0), *((2, who, 1.0) for who in range(2, 14)))
PLAIN = Table("by hand", 3, (*EVEN, *SMALL, *DOMINATED))
RIGHT = {"MinimumThresholdCheck": ["001"], "NKCheck": ["002"], "PPercentCheck": ["002"]}
LEAST, TWO, P = CHECKS


def _compared(table: Table, marked: dict[str, list[str]]) -> disclosure.Tally:
    return disclosure.compare([table], {view: [marked] for view in VIEWS}, CONTROL)


def test_rules_are_told_apart_and_agreement_is_counted() -> None:
    assert disclosure.ours(PLAIN, CONTROL)[1] == {LEAST: [1], TWO: [2], P: [2]}
    tally = _compared(PLAIN, RIGHT)
    assert not tally.differs
    assert not tally.unexplained
    assert {key: (tally.kept[key], tally.told[key]) for key in tally.cells} == {
        (view, rule): (1, 2) for view in VIEWS for rule in CHECKS
    }


@pytest.mark.parametrize("check", list(RIGHT))
@pytest.mark.parametrize("wrong", [[], ["000"], ["000", "001", "002"]])
def test_a_difference_without_a_reason_is_found_out(check: str, wrong: list[str]) -> None:
    tally = _compared(PLAIN, RIGHT | {check: wrong})
    assert tally.unexplained
    assert {each["view"] for each in tally.unexplained} == set(VIEWS)


@pytest.mark.parametrize(
    ("records", "marked", "expected"),
    [
        ([(0, who // 2, 10.0) for who in range(12)], {}, {("records", LEAST, "records for contributors", "ours")}),
        ([(0, who, None if who < 4 else 10.0) for who in range(12)], {},
         {(view, LEAST, "missing values", "ours") for view in VIEWS}),
        ([(0, who, 0.0) for who in range(12)], {"PPercentCheck": ["000"]},
         {(view, P, "nothing but zeros", "acro's") for view in VIEWS}),
        ([*EVEN, (0, 12, -1.0)], {"NKCheck": ["000"], "PPercentCheck": ["000"]},
         {(view, rule, "negative values", "acro's") for view in VIEWS for rule in (TWO, P)}),
        ([(0, 0, 42.5), (0, 1, 42.5), *((0, who, 1.5) for who in range(2, 12))], {"NKCheck": ["000"]},
         {(view, TWO, "on the limit", "acro's") for view in VIEWS}),
    ],
)  # fmt: skip
def test_each_class_is_held_against_what_acro_then_says(
    records: list[Record], marked: dict[str, list[str]], expected: set[tuple[str, ...]]
) -> None:
    table = Table("by hand", 1, tuple(records))
    view_of_contributors = {} if ("records", LEAST, "records for contributors", "ours") not in expected else {"MinimumThresholdCheck": ["000"]}  # fmt: skip
    said = {"contributors": [marked | view_of_contributors], "records": [marked]}
    tally = disclosure.compare([table], said, CONTROL)
    assert (set(tally.differs), tally.unexplained) == (expected, [])
    assert {reason for _, _, reason, _ in expected} <= set(disclosure.CLASSES)


def test_the_page_was_written_with_the_numbers_that_count_now() -> None:
    page = PAGE.read_text("utf-8")
    numbers = f"least group {CONTROL.min_group}, (2, {CONTROL.dominance_percent} %), p {CONTROL.p_percent} %"
    assert numbers in page
    assert "Unexplained differences: **0**" in page
    assert all(words in page for words in disclosure.CLASSES.values())


@pytest.mark.slow
@pytest.mark.skipif(not Path(OURS).exists(), reason="acro is not there: run `make acro`")
def test_acro_says_the_same_of_tables_drawn_anew() -> None:
    dice = random.Random()  # noqa: S311 - tables, no secrets
    tables = [disclosure.a_table(dice, kind) for kind in KINDS for _ in range(2)]
    said = disclosure.asked_of_acro(tables, CONTROL, str(OURS))
    assert disclosure.compare(tables, said, CONTROL).unexplained == []
    bent = disclosure.compare(tables, said, replace(CONTROL, min_group=12))
    assert bent.unexplained, "another least group than acro was asked with is noticed"
