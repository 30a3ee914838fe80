"""Own checks of metadata, access and use, and how they count beside rules."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from quality.checks import CHECKS, Checked, Facts, Standing, checked
from quality.scores import mend_first, part_names, score
from quality.verdict import FORMULA, Outcome, Verdict, decide

WHOLE = Standing(stored=True, sound=True, offered=True, current=True, licence=True, contact=True)
FACTS = Facts(("a", "b"), {"a": True, "b": True}, WHOLE)
BY_FACT = {"stored": "file-stored", "sound": "file-sound", "offered": "address"}
QUERY = "unexpected_rows_expectation"


def _of(facts: Facts) -> dict[str, Checked]:
    return {each.key: each for each in checked(facts)}


def _verdict(*outcomes: Outcome, formula: int = FORMULA, rows: int = 10) -> Verdict:
    return Verdict(
        verdict=decide(outcomes), engine="duckdb", gx_version="1", rows=rows, expectations=list(outcomes), statistics={},
        formula=formula,
    )  # fmt: skip


def _query(count: int, rows: list[int]) -> Outcome:
    return Outcome(
        type=QUERY, outcome="failed" if count else "passed", unexpected_count=count, failing_rows=rows
    )


def test_the_table_names_known_indicators_and_each_key_once() -> None:
    assert {each.indicator for each in CHECKS} == {"0103", "0601", "0602"} <= set(part_names())
    assert len({each.key for each in CHECKS}) == len(CHECKS)
    assert all(each.label.zh and each.label.en and each.advice.zh and each.advice.en for each in CHECKS)


@pytest.mark.parametrize("answers", list(product((True, False), repeat=6)))
def test_every_way_a_release_can_stand(answers: tuple[bool, ...]) -> None:
    names = [each.name for each in fields(Standing)]
    found = _of(replace(FACTS, release=Standing(*answers)))
    for name, answer in zip(names, answers, strict=True):
        assert found[BY_FACT.get(name, name)].score == (100.0 if answer else 0.0)


@pytest.mark.parametrize(
    ("columns", "dictionary", "described", "there", "lacking"),
    [
        (("a", "b"), {"a": True, "b": True}, 100.0, 100.0, ([], [])),
        (("a", "b"), {"a": True, "b": False}, 50.0, 100.0, (["b"], [])),
        (("a", "b"), {"a": True}, 50.0, 100.0, (["b"], [])),
        (("a",), {"a": True, "b": True}, 100.0, 50.0, ([], ["b"])),
        (("a",), {"b": True}, 0.0, 0.0, (["a"], ["b"])),
        (("a",), {}, 0.0, None, (["a"], [])),
        ((), {"a": True}, None, 0.0, ([], ["a"])),
        ((), {}, None, None, ([], [])),
    ],
)
def test_table_and_dictionary(
    columns: tuple[str, ...],
    dictionary: dict[str, bool],
    described: float | None,
    there: float | None,
    lacking: tuple[list[str], list[str]],
) -> None:
    found = _of(Facts(columns, dictionary, WHOLE))
    assert (found["columns-described"].score, found["columns-there"].score) == (described, there)
    assert (found["columns-described"].missing, found["columns-there"].missing) == lacking
    assert found["dictionary"].score == (100.0 if dictionary else 0.0)


def test_what_is_no_release_or_was_not_looked_at_is_not_applicable() -> None:
    found = _of(replace(FACTS, release=None))
    assert {key for key, each in found.items() if each.score is None} == {
        each.key for each in CHECKS if each.indicator != "0103"
    }
    assert _of(replace(FACTS, release=replace(WHOLE, stored=None)))["file-stored"].score is None
    assert [each.code for each in score(_verdict(), checks=list(found.values())).dimensions] == ["01"]


def test_checks_count_in_parts_dimensions_and_total_and_are_offered_for_mending() -> None:
    named = Outcome(type="expect_column_to_exist", outcome="failed", meta={"gbt36344": "0103"})
    checks = checked(Facts(("a", "b"), {"a": True}, replace(WHOLE, licence=False)))
    card = score(_verdict(named), checks=checks)
    conformity, access = card.dimensions
    assert [(part.code, part.score, part.rules, part.checks) for part in conformity.parts] == [
        (
            "0103",
            50.0,
            1,
            2,
        )  # the rule 0, half of the columns described, every column of the dictionary there
    ]
    assert [(part.code, part.score, part.checks) for part in access.parts] == [
        ("0601", 100.0, 3),
        ("0602", 75.0, 4),
    ]
    assert card.total == pytest.approx((50.0 * 0.2 + 87.5 * 0.1) / 0.3, abs=0.01)
    found = mend_first(_verdict(named), checks=checks)
    assert [(each.place, each.check) for each in found] == [
        (1, None),
        (None, "columns-described"),
        (None, "licence"),
    ]
    assert [each.failing_share for each in found] == [1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("count", "rows", "formula", "points"),
    [
        (0, [], 2, 100.0),
        (1, [3], 2, 90.0),
        (10, [1, 2], 2, 0.0),
        (25, [1, 2], 2, 0.0),  # a query may return a row more than once
        (1, [], 2, 0.0),  # not known as rows of the table
        (1, [3], 1, 0.0),  # a verdict from before keeps its score
    ],
)
def test_a_query_scores_its_share_of_the_rows(
    count: int, rows: list[int], formula: int, points: float
) -> None:
    verdict = _verdict(_query(count, rows), formula=formula)
    assert score(verdict).total == points
    assert [each.failing_share for each in mend_first(verdict)] == pytest.approx(
        [1 - points / 100] if count else []
    )


def test_verdicts_from_before_are_scored_without_checks() -> None:
    told = _verdict(_query(0, []), formula=1)
    stored = told.model_dump(exclude={"formula"})
    checks = checked(Facts(("a",), {}, replace(WHOLE, contact=False)))
    assert score(Verdict.model_validate(stored), checks=checks) == score(told)
    assert mend_first(told, checks=checks) == []
