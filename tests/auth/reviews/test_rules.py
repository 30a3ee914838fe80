"""How far a campaign is, what may be answered, and what is told of it: no database."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from auth.reviews import rules
from auth.reviews.rules import BASIS, Progress
from auth.reviews.workflow import UNANSWERED, State, Step

DAY = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("day", "half"),
    [(date(2026, 1, 1), "2026H1"), (DAY, "2026H1"), (date(2026, 7, 1), "2026H2"), (date(2026, 12, 31), "2026H2")],
)  # fmt: skip
def test_the_half_year_of_a_day(day: date, half: str) -> None:
    assert rules.half_year(day) == half
    assert rules.PERIOD.fullmatch(half)


@pytest.mark.parametrize("state", list(State))
def test_a_word_is_late_the_day_after_it_was_due(state: State) -> None:
    assert not rules.is_overdue(state, DAY, DAY)
    assert rules.is_overdue(state, DAY, DAY + timedelta(days=1)) is (state in UNANSWERED)


def test_every_item_is_counted_where_it_stands() -> None:
    items = [(state, DAY) for n, state in enumerate(State, 1) for _ in range(n)]
    many = {state: n for n, state in enumerate(State, 1)}
    assert rules.progress(items, DAY + timedelta(days=1)) == Progress(
        total=sum(many.values()),
        answered=sum(many.values()) - many[State.OPEN],
        kept=many[State.KEPT],
        narrowed=many[State.NARROWING] + many[State.TO_NARROW],
        withdrawn=many[State.WITHDRAWN] + many[State.TO_WITHDRAW],
        settled=many[State.SETTLED],
        overdue=sum(many[state] for state in UNANSWERED),
    )


@pytest.mark.parametrize(
    ("columns", "granted", "codes"),
    [
        ([], ["a", "b"], ["narrow-names-columns"]),
        (["a"], ["a", "b"], []),
        (["c"], ["a", "b"], ["columns-not-granted"]),
        (["a", "b"], ["a", "b"], ["narrow-leaves-columns"]),
        (["a", "b", "c"], ["a", "b"], ["columns-not-granted", "narrow-leaves-columns"]),
        (["a"], [], ["columns-not-granted"]),
    ],
)
def test_a_narrowing_names_columns_and_leaves_some(
    columns: list[str], granted: list[str], codes: list[str]
) -> None:
    said = list(rules.answer_objections(Step.NARROW, columns, granted))
    assert [each.code for each in said] == codes
    assert all(each.basis == BASIS and each.text.zh and each.text.en for each in said)
    for each in said:
        if each.code == "columns-not-granted":
            assert each.facts == {"columns": sorted({*columns} - {*granted})}
    for step in Step:
        if step is not Step.NARROW:
            assert list(rules.answer_objections(step, columns, granted)) == []


def test_what_is_told_names_day_columns_and_grant() -> None:
    late, gone = rules.narrowing_overdue(DAY, ["a", "b"]), rules.column_taken_away(["a", "b"])
    assert (late.code, late.facts) == ("narrowing-overdue", {"due_on": "2026-06-30", "columns": ["a", "b"]})
    assert (gone.code, gone.facts) == ("column-taken-away", {"columns": ["a", "b"]})
    for each in (late, gone):
        assert "a、b" in each.text.zh
        assert "a, b" in each.text.en
    missing = rules.evaluation_missing("g1")
    assert (missing.code, missing.facts) == ("pilot-not-evaluated", {"grant": "g1"})
    assert "g1" in missing.text.zh


def test_a_pilot_may_last_to_its_last_day() -> None:
    assert list(rules.pilot_objections(6, DAY, DAY, DAY)) == []
    (said,) = rules.pilot_objections(6, DAY, DAY + timedelta(days=1), DAY)
    assert (said.code, said.facts) == ("pilot-too-long", {"months": 6})
    assert "6 months" in said.text.en
    assert set(rules.PARTS) == {"value", "complaints", "quality"}
