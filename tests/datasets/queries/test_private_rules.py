"""How much noise a private answer takes, what the terms must say first, and when a budget does not bear it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from auth.policy.limits import limits
from datasets.queries.model import TermsRead
from datasets.queries.private import rules
from datasets.queries.private.model import CapRead, PrivateAsk
from datasets.queries.private.rules import Part

NOW = datetime(2026, 3, 2, tzinfo=UTC)
EPSILON = 100_001


def _terms(**facts: Any) -> TermsRead:
    said = {"dataset_id": "d", "version": 1, "contributor": "plate", "lists": {"lot": ["A"]}, "guards_all": False, "bounds": {"fee": (0, 20)},
            "per_contributor": 3, "reason": "r", "set_by": "s", "set_at": NOW}  # fmt: skip
    return TermsRead.model_validate(said | facts)


def _ask(**measure: Any) -> PrivateAsk:
    return PrivateAsk.model_validate(
        {"grant_id": "g", "dataset_id": "d", "purpose": "p", "scenario_id": "s", "measure": measure, "epsilon_micro": EPSILON}
    )  # fmt: skip


COUNT, SUM, MEAN, CLASSES = (
    _ask(kind="count"), _ask(kind="sum", column="fee"), _ask(kind="mean", column="fee"), _ask(kind="histogram", column="lot"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("contributor", "said", "rows"), [(None, None, 1), (None, 5, 1), ("plate", 3, 3), ("plate", None, 0)]
)
def test_so_many_rows_of_one_contributor_count(contributor: str | None, said: int | None, rows: int) -> None:
    assert rules.per_contributor(_terms(contributor=contributor, per_contributor=said)) == rows


def test_noise_hides_all_that_one_contributor_can_change() -> None:
    grid = rules.grid_of(0, 20)
    assert (
        rules.parts_of(COUNT, _terms()) == rules.parts_of(CLASSES, _terms()) == (Part("count", 3, EPSILON),)
    )
    assert rules.parts_of(SUM, _terms()) == (Part("sum", 3 * grid.most, EPSILON, grid.step),)
    assert rules.parts_of(MEAN, _terms()) == (
        Part("sum", 3 * grid.most, 50_000, grid.step), Part("count", 3, 50_001),
    )  # fmt: skip
    part = Part("sum", 3, 500_000, 0.5)
    assert part.scale == 6.0
    assert part.within95 == pytest.approx(6.0 * math.log(20) * 0.5)


@pytest.mark.parametrize(
    ("ask", "facts", "said"),
    [
        (COUNT, {}, []), (SUM, {}, []), (MEAN, {}, []), (CLASSES, {}, []), (COUNT, {"per_contributor": 1}, []),
        (COUNT, {"per_contributor": None}, [("contribution-bound-missing", {})]), (COUNT, {"contributor": None, "per_contributor": None}, []),
        (SUM, {"bounds": {}}, [("bounds-missing", {"column": "fee"})]), (MEAN, {"bounds": {}}, [("bounds-missing", {"column": "fee"})]),
        (COUNT, {"bounds": {}, "lists": {}}, []), (CLASSES, {"lists": {}}, [("list-missing", {"column": "lot"})]),
    ],
)  # fmt: skip
def test_what_the_terms_lack_is_named(
    ask: PrivateAsk, facts: dict[str, Any], said: list[tuple[str, dict[str, str]]]
) -> None:
    assert [(each.code, each.facts) for each in rules.misfits(ask, _terms(**facts), limits())] == said


CAP = CapRead(
    version=1, dataset_micro=400, org_micro=300, grant_micro=200, user_micro=100, reason="r", set_by="s", set_at=NOW
)  # fmt: skip


@pytest.mark.parametrize(
    ("epsilon", "spent", "said"),
    [
        (100, {}, {}), (101, {}, {"user": 100}), (1, {"user": 100}, {"user": 0}), (1, {"user": 99}, {}), (1, {"user": 500}, {"user": 0}),
        (2, {"user": 99}, {"user": 1}), (50, {"dataset": 351, "org": 251, "grant": 151}, {"dataset": 49, "org": 49, "grant": 49}),
        (50, {"dataset": 350, "org": 250, "grant": 150, "user": 50}, {}),
    ],
)  # fmt: skip
def test_each_account_bears_what_is_left_of_its_cap(
    epsilon: int, spent: dict[str, int], said: dict[str, int]
) -> None:
    found = list(rules.budget_reasons(epsilon, CAP, spent))
    assert {each.code for each in found} <= {"budget-exhausted"}
    assert [each.facts for each in found] == [
        {"account": kind, "left_micro": left} for kind, left in said.items()
    ]
    for each, kind in zip(found, said, strict=True):
        assert rules.KIND_NAMES[kind].en in each.text.en


def test_without_a_cap_nothing_is_told() -> None:
    assert [each.code for each in rules.budget_reasons(1, None, {})] == ["budget-not-set"]


@pytest.mark.parametrize(
    ("epsilon", "spent", "left"), [(10, 90, None), (11, 90, 10), (1, 100, 0), (1, 101, 0), (100, 0, None)]
)
def test_the_budget_agreed_for_the_life_of_a_grant(epsilon: int, spent: int, left: int | None) -> None:
    found = list(rules.agreed_budget_reasons(epsilon, 100, spent))
    assert [(each.code, each.facts) for each in found] == [
        ("budget-exhausted", {"account": "agreed", "left_micro": left})
    ] * (left is not None)
