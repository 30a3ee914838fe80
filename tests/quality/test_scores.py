"""Scores by GB/T 36344 from a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from quality.scores import mend_first, parts_of, scheme, score
from quality.verdict import Outcome, Verdict, decide
from quality.vocabulary import TYPES


def _outcome(name: str, outcome: str = "passed", percent: float | None = None, **meta: Any) -> Outcome:
    return Outcome.model_validate(
        {"type": name, "kwargs": {}, "outcome": outcome, "unexpected_percent": percent, "meta": meta}
    )


def _verdict(*outcomes: Outcome) -> Verdict:
    return Verdict(
        verdict=decide(outcomes),
        engine="duckdb",
        gx_version="1",
        rows=1,
        expectations=list(outcomes),
        statistics={},
    )


NOT_NULL, ROW_COUNT, UNIQUE = (
    "expect_column_values_to_not_be_null",
    "expect_table_row_count_to_equal",
    "expect_column_values_to_be_unique",
)


def test_rules_make_parts_parts_make_dimensions_dimensions_make_the_total() -> None:
    card = score(
        _verdict(
            _outcome(NOT_NULL, "failed", 10.0),
            _outcome(NOT_NULL, "passed", 0.0),
            _outcome(ROW_COUNT, "failed"),
            _outcome(UNIQUE, "passed", 0.0),
        )
    )
    completeness, accuracy = card.dimensions
    assert [(part.code, part.score, part.rules) for part in completeness.parts] == [
        ("0201", 95.0, 2),
        ("0202", 0.0, 1),
    ]
    assert (completeness.score, accuracy.score) == (47.5, 100.0)
    assert card.total == pytest.approx((47.5 * 0.2 + 100 * 0.2) / 0.4)
    assert (card.grade, card.grade_zh) == ("C", "中")


def test_a_rule_names_its_own_parts() -> None:
    assert parts_of(_outcome(NOT_NULL, gbt36344="0402")) == ["0402"]
    assert parts_of(_outcome(NOT_NULL, gbt36344=["0402", "0301"])) == ["0402", "0301"]
    assert parts_of(_outcome(NOT_NULL, gbt36344="9999")) == ["0201"]


def test_what_could_not_run_is_not_scored() -> None:
    card = score(_verdict(_outcome(NOT_NULL, "passed", 0.0), _outcome(UNIQUE, "error")))
    assert (card.total, card.grade) == (None, None)
    assert [each.code for each in card.dimensions] == ["02"]


@pytest.mark.parametrize(
    ("percent", "grade"), [(0, "A"), (5, "A"), (5.1, "B"), (20, "B"), (40, "C"), (41, "D"), (100, "D")]
)
def test_grades_follow_the_scheme(percent: float, grade: str) -> None:
    assert score(_verdict(_outcome(NOT_NULL, "failed", percent))).grade == grade


def test_the_scheme_is_whole() -> None:
    found = scheme()
    codes = {part["code"] for each in found["dimensions"] for part in each["parts"]}
    assert sum(each["weight"] for each in found["dimensions"]) == pytest.approx(1)
    assert set(found["default_part_by_type"].values()) <= codes
    assert set(found["default_part_by_type"]) <= set(TYPES)


def test_what_brings_most_is_mended_first() -> None:
    found = mend_first(
        _verdict(
            _outcome(NOT_NULL, "failed", 1.0),
            _outcome(ROW_COUNT, "failed"),
            _outcome(UNIQUE, "failed", 50.0),
            _outcome(UNIQUE, "passed", 0.0),
        )
    )
    assert [(each.place, each.failing_share) for each in found] == [(2, 1.0), (3, 0.5), (1, 0.01)]
    assert found[0].gain == 25.0  # half of completeness, which is half of what is scored


def test_a_rule_that_could_not_run_is_not_offered_for_mending() -> None:
    found = mend_first(_verdict(_outcome(NOT_NULL, "error"), _outcome(UNIQUE, "failed", 50.0)))
    assert [each.place for each in found] == [2]
