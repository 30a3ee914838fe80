"""What a grant owes, by the day and to the second: no database, every period told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from auth.duties import rules
from auth.duties.rules import BASIS, Due, Lived
from auth.duties.workflow import Kind, Standing, State
from auth.policy.limits import limits
from core.errors import Reason

SECOND = timedelta(seconds=1)
BEGINS = datetime(2026, 3, 1, 16, tzinfo=UTC)  # midnight of 2 March by the local clock
MONTHS, REPORT, DELETION = (
    limits()[key] for key in ("use_report_months", "use_report_days", "deletion_days")
)
ENDS = BEGINS.replace(year=2030)


def _lived(state: str = "ACTIVE", ended_at: datetime | None = None, **of: bool) -> Lived:
    return Lived(BEGINS, BEGINS, ENDS, state, ended_at is not None, ended_at, **of)


def _on(months: int) -> datetime:
    """The local midnight so many months after the first day."""
    day = rules.later(date(2026, 3, 2), months)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=8)


def test_each_period_is_reported_by_its_number_from_the_day_after_it() -> None:
    for whole in range(4):
        due = [
            Due(Kind.USE_REPORT, f"P{n}", rules.later(date(2026, 3, 2), n * MONTHS) + timedelta(days=REPORT))
            for n in range(1, whole + 1)
        ]
        last_moment = min(_on((whole + 1) * MONTHS) + timedelta(days=1), ENDS) - SECOND
        assert list(rules.duties_of(_lived(), last_moment, limits())) == due


def test_a_grant_ends_at_its_second_and_owes_both_from_then_on() -> None:
    assert rules.end_of(_lived(), ENDS - SECOND) is None
    assert rules.end_of(_lived(), ENDS) == ENDS
    *before, last = rules.duties_of(_lived(), ENDS - SECOND, limits())
    assert last.period != "end"
    *_, report, deletion = rules.duties_of(_lived(), ENDS, limits())
    day = date(2030, 3, 2)
    assert (report, deletion) == (
        Due(Kind.USE_REPORT, "end", day + timedelta(days=REPORT)),
        Due(Kind.DELETION_CERTIFICATE, "end", day + timedelta(days=DELETION)),
    )
    assert before


@pytest.mark.parametrize("ended_at", [ENDS - timedelta(days=9), ENDS + timedelta(days=9), None])
def test_a_grant_that_is_over_ended_at_its_step_or_by_its_time_whichever_was_first(
    ended_at: datetime | None,
) -> None:
    over = Lived(BEGINS, BEGINS, ENDS, "EXPIRED", True, ended_at)
    assert rules.end_of(over, ENDS + timedelta(days=99)) == min(ended_at or ENDS, ENDS)


@pytest.mark.parametrize(
    ("state", "continued", "deletes"),
    [("REVOKED", False, True), ("SUPERSEDED", False, False), ("EXPIRED", True, False), ("SUPERSEDED", True, False)],
)  # fmt: skip
def test_an_amended_or_continued_grant_deletes_nothing_yet(
    state: str, continued: bool, deletes: bool
) -> None:
    found = list(rules.duties_of(_lived(state, BEGINS + timedelta(days=9), is_continued=continued), ENDS, limits()))  # fmt: skip
    kinds = [Kind.USE_REPORT] + [Kind.DELETION_CERTIFICATE] * deletes
    assert [(each.kind, each.period) for each in found] == [(kind, "end") for kind in kinds]


def test_a_grant_that_ended_as_it_began_owes_nothing_and_one_a_second_later_does() -> None:
    assert list(rules.duties_of(_lived("REVOKED", BEGINS), ENDS, limits())) == []
    assert list(rules.duties_of(_lived("REVOKED", BEGINS + SECOND), ENDS, limits())) != []


@pytest.mark.parametrize("state", list(State))
def test_only_an_open_duty_is_overdue_and_not_on_its_last_day(state: State) -> None:
    day = date(2026, 6, 1)
    assert rules.standing(state, day, day, "end") == Standing(state.lower())
    late = rules.standing(state, day, day + timedelta(days=1), "end")
    assert late == (Standing.OVERDUE if state is State.OPEN else Standing(state.lower()))
    assert rules.standing(state, day, date.max, "R1") == Standing(state.lower())


@pytest.mark.parametrize(
    ("kind", "days"), [(Kind.USE_REPORT, "use_report_days"), (Kind.DELETION_CERTIFICATE, "deletion_days")]
)
def test_what_is_returned_has_its_days_again_and_never_less_than_before(kind: Kind, days: str) -> None:
    day, again = date(2026, 6, 1), timedelta(days=limits()[days])
    assert rules.mend_by(kind, day, day, limits()) == day + again
    assert rules.mend_by(kind, day, day - again - timedelta(days=1), limits()) == day


@pytest.mark.parametrize(
    ("code", "told"), [("duty-overdue", rules.overdue), ("blocking-duty-overdue", rules.blocks_use)]
)
@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_overdue_is_told_with_its_grant_its_kind_and_its_day(code: str, told: Callable[[Kind, str, str, date], Reason], kind: Kind) -> None:  # fmt: skip
    said = told(kind, "g1", "DP-1", date(2026, 6, 1))
    assert (said.code, said.basis) == (code, BASIS)
    assert said.facts == {"grant": "g1", "kind": kind.value, "due_on": "2026-06-01"}
    for text in (said.text.zh, said.text.en):
        assert all(word in text for word in ("g1", "DP-1", "2026-06-01"))


def test_a_renewal_is_told_what_is_deleted_and_when() -> None:
    kept = rules.of_renewal("g1", [], 30)
    assert (kept.code, kept.basis, kept.facts) == ("renewal-continues", BASIS, {"grant": "g1"})
    left = rules.of_renewal("g1", ["a", "b"], 1)
    assert (left.code, left.basis) == ("renewal-deletes", BASIS)
    assert left.facts == {"grant": "g1", "columns": ["a", "b"]}
    assert "a、b" in left.text.zh
    assert "a, b" in left.text.en
    assert "1 day of" in left.text.en
    assert rules.report_missing("g1").facts == {"grant": "g1"}
