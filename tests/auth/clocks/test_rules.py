"""Clocks and rates as pure functions: tables of cases, and what holds for every history."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.applications.workflow import MOVES, State
from auth.clocks import kpi
from auth.clocks.rules import Clock, Extension, Happened, Pause, Sla, Stage, clocks, count, present

SLA = Sla({Stage.SIGN: 1, Stage.SCREEN: 2, Stage.REVIEW: 5, Stage.DECIDE: 5, Stage.HANDLE: 12})
MONDAY = date(2026, 3, 2)


def weekday(day: date) -> bool:
    return day.weekday() < 5


def day(n: int) -> date:
    """The n-th day after a Monday."""
    return MONDAY + timedelta(days=n)


def walked(*way: tuple[str, int] | tuple[str, int, int]) -> list[Happened]:
    return [Happened(step[0], day(step[1]), step[2] if len(step) > 2 else 1) for step in way]


def told(way: list[Happened], today: int, **more: Any) -> dict[Stage, list[Clock]]:
    found = clocks(way, lambda _: SLA, weekday, day(today), **more)
    return {stage: [clock for clock in found if clock.stage is stage] for stage in Stage}


S, R, D, O, BACK = State.SUBMITTED, State.IN_REVIEW, State.DECIDING, State.OFFERED, State.RETURNED  # noqa: E741


@pytest.mark.parametrize(
    ("way", "today", "stage", "used", "paused", "due", "ended"),
    [
        (walked((S, 0)), 0, Stage.SCREEN, 0, 0, 2, None),
        (walked((S, 0)), 4, Stage.SCREEN, 4, 0, 2, None),  # overdue and still counting
        (walked((S, 4)), 4, Stage.SCREEN, 0, 0, 8, None),  # Friday: the weekend does not count
        (walked((S, 0), (R, 1)), 1, Stage.SCREEN, 1, 0, 2, 1),
        (walked((S, 0), (R, 1)), 2, Stage.REVIEW, 1, 0, 8, None),
        (walked((S, 0), (R, 1)), 2, Stage.HANDLE, 2, 0, 16, None),
        (walked((S, 0), (R, 1), (BACK, 3)), 4, Stage.REVIEW, 2, 1, None, None),  # stands still
        (walked((S, 0), (R, 1), (BACK, 3), (S, 9, 2), (R, 9, 2)), 9, Stage.REVIEW, 2, 4, 14, None),  # goes on
        (walked((S, 0), (R, 1), (BACK, 3), (S, 9, 2)), 9, Stage.SCREEN, 0, 0, 11, None),  # anew
        (walked((S, 0), (BACK, 1)), 3, Stage.SCREEN, 1, 0, 2, 1),  # the applicant has been told
        (walked((S, 0), (R, 0), (D, 7)), 7, Stage.REVIEW, 5, 0, 7, 7),
        (walked((S, 0), (R, 0), (D, 0), (O, 4)), 30, Stage.HANDLE, 4, 0, 16, 4),
        (walked((S, 0), (R, 0), (D, 9), (BACK, 10), (S, 11, 2), (R, 11, 2)), 11, Stage.REVIEW, 0, 0, 18, None),
        # eight of five days used: a working day at least is left after the pause
        (walked((S, 0), (R, 0), (BACK, 10), (S, 14, 2), (R, 14, 2)), 14, Stage.REVIEW, 8, 2, 15, None),
    ],
)  # fmt: skip
def test_a_clock_counts_working_days(
    way: list[Happened], today: int, stage: Stage, used: int, paused: int, due: int | None, ended: int | None
) -> None:
    clock = told(way, today)[stage][-1]
    assert (clock.used_days, clock.paused_days) == (used, paused)
    assert clock.due_on == (None if due is None else day(due))
    assert clock.ended_on == (None if ended is None else day(ended))


@pytest.mark.parametrize(
    ("signed", "today", "ended", "late"),
    [({}, 1, None, False), ({}, 2, None, True), ({1: day(1)}, 5, 1, False), ({1: day(2)}, 5, 2, True)],
)
def test_signing_for_ends_its_clock(
    signed: dict[int, date], today: int, ended: int | None, late: bool
) -> None:
    clock = told(walked((S, 0)), today, signed=signed)[Stage.SIGN][0]
    assert clock.ended_on == (None if ended is None else day(ended))
    assert clock.is_overdue(day(today)) is late


def test_who_screens_without_signing_has_signed_by_that() -> None:
    way = walked((S, 0), (R, 2))
    assert told(way, 9)[Stage.SIGN][0].ended_on == day(2)
    assert told(way, 9, signed={1: day(1)})[Stage.SIGN][0].ended_on == day(1)


@pytest.mark.parametrize("end", [State.WITHDRAWN, State.LAPSED])
@pytest.mark.parametrize(
    ("signed", "ended", "is_cancelled"), [(0, 0, False), (1, 1, False), (2, 2, False), (3, 2, True)]
)
def test_who_signed_before_the_applicant_left_has_signed_and_nobody_signs_afterwards(
    end: State, signed: int, ended: int, is_cancelled: bool
) -> None:
    clock = told(walked((S, 0), (end, 2)), 9, signed={1: day(signed)})[Stage.SIGN][0]
    assert (clock.ended_on, clock.is_cancelled, clock.is_paused) == (day(ended), is_cancelled, False)


def test_an_extension_counts_for_its_stage_and_for_the_whole() -> None:
    way = walked((S, 0), (R, 1))
    more = told(way, 2, extensions=[Extension(Stage.REVIEW, 5, day(2))])
    assert more[Stage.REVIEW][0].due_on == day(15)
    assert (more[Stage.HANDLE][0].allowed_days, more[Stage.SCREEN][0].allowed_days) == (17, 2)
    early = told(way, 2, extensions=[Extension(Stage.REVIEW, 5, day(0))])
    assert early[Stage.REVIEW][0].allowed_days == 5


@pytest.mark.parametrize("extra", list(Stage))
def test_an_extension_counts_for_no_other_stage_and_signing_for_not_for_the_whole(extra: Stage) -> None:
    clocks_of = told(walked((S, 0)), 0, extensions=[Extension(extra, 5, day(0))])
    gained = {stage for stage, runs in clocks_of.items() if runs and runs[0].allowed_days > SLA.days[stage]}
    own = {extra} & {Stage.SIGN, Stage.SCREEN, Stage.HANDLE}  # those that run from the first day on
    assert gained == own | (set() if extra is Stage.SIGN else {Stage.HANDLE})


def test_a_pause_for_missing_papers_moves_the_day() -> None:
    way = walked((S, 0), (R, 0))
    assert told(way, 1)[Stage.REVIEW][0].due_on == day(7)
    assert told(way, 8, pauses=[Pause(day(1), day(3))])[Stage.REVIEW][0].due_on == day(9)
    still = told(way, 8, pauses=[Pause(day(1), None)])[Stage.REVIEW][0]
    assert (still.is_paused, still.due_on, still.used_days) == (True, None, 1)


@pytest.mark.parametrize("end", [State.WITHDRAWN, State.LAPSED])
def test_what_the_applicant_ends_counts_only_if_it_was_overdue(end: State) -> None:
    early, late = told(walked((S, 0), (end, 1)), 9), told(walked((S, 0), (end, 4)), 9)
    assert early[Stage.SCREEN][0].settled_on(day(9)) is None
    assert late[Stage.SCREEN][0].settled_on(day(9)) == day(2)
    assert not told(walked((S, 0)), 1)[Stage.SCREEN][0].is_cancelled, "nobody has ended it"
    returned = told(walked((S, 0), (R, 0), (BACK, 1), (end, 5)), 9)
    assert (returned[Stage.REVIEW][0].is_cancelled, returned[Stage.REVIEW][0].settled_on(day(9))) == (True, None)  # fmt: skip


def test_the_present_clock_is_the_one_of_the_state() -> None:
    for state, stage in ((S, Stage.SCREEN), (R, Stage.REVIEW), (D, Stage.DECIDE)):
        way = walked((S, 0), (R, 1), (D, 2))[: [S, R, D].index(state) + 1]
        clock = present(clocks(way, lambda _: SLA, weekday, day(3)), state)
        assert clock is not None
        assert clock.stage is stage
    assert present((), BACK) is None


@st.composite
def histories(draw: st.DrawFn) -> list[Happened]:
    """Any way that the workflow's own table allows, with any number of days between its steps."""
    state, when, turn, found = State.DRAFT, 0, 0, []
    for _ in range(draw(st.integers(1, 14))):
        ways = sorted({(move.to, step) for (at, step), move in MOVES.items() if at is state})
        if not ways:
            break
        to, _ = draw(st.sampled_from(ways))
        when += draw(st.integers(0, 9))
        if to is State.SUBMITTED and state is not State.SUBMITTED:
            turn += 1
        if to is not state or not found:
            found.append(Happened(to, day(when), turn))
        state = to
    return found


@given(histories(), st.integers(0, 40))
def test_used_and_paused_days_make_up_the_whole(way: list[Happened], later: int) -> None:
    today = max((each.on for each in way), default=MONDAY) + timedelta(days=later)
    found = clocks(way, lambda _: SLA, weekday, today)
    for clock in found:
        assert clock.used_days >= 0
        assert clock.paused_days >= 0
        until = clock.ended_on or today
        assert clock.used_days + clock.paused_days == count(clock.started_on, until, weekday)
    stages = (Stage.SCREEN, Stage.REVIEW, Stage.DECIDE)
    assert sum(c.used_days for c in found if c.stage is Stage.HANDLE) == sum(
        c.used_days for c in found if c.stage in stages
    )


@given(st.integers(0, 10), st.integers(0, 12), st.integers(0, 8))
def test_a_pause_never_shortens(before: int, away: int, screening: int) -> None:
    """Whatever came in between, the day it is due is never earlier than without."""
    straight = walked((S, 0), (R, 0))
    back = before + away
    round_about = walked((S, 0), (R, 0), (BACK, before), (S, back, 2), (R, back + screening, 2))
    today = back + screening
    plain = told(straight, today)[Stage.REVIEW][0].due_on
    paused = told(round_about, today)[Stage.REVIEW][-1].due_on
    assert plain is not None
    assert paused is not None
    assert paused >= plain


@given(histories(), st.integers(0, 30), st.integers(0, 30))
def test_what_is_settled_stays_settled(way: list[Happened], later: int, more: int) -> None:
    """A month that is over never changes: looking again later tells the same of every clock that was settled."""
    first = max((each.on for each in way), default=MONDAY) + timedelta(days=later)
    second = first + timedelta(days=more)
    then, now = (clocks(way, lambda _: SLA, weekday, each) for each in (first, second))
    for old, new in zip(then, now, strict=True):
        if old.settled_on(first) is not None:
            assert new.settled_on(second) == old.settled_on(first)
            assert new.is_overdue(second) == old.is_overdue(first)


def a_case(name: str, departments: set[str], *found: Clock) -> kpi.Case:
    return kpi.Case(name, frozenset(departments), found)


def a_clock(stage: Stage, due: int, ended: int | None, **more: Any) -> Clock:
    return Clock(stage, 1, day(0), 2, 1, 0, day(due), None if ended is None else day(ended), **more)


def test_rates_count_each_clock_once_on_the_day_that_settles_it() -> None:
    cases = [
        a_case("a", {"parks"}, a_clock(Stage.SCREEN, 2, 1), a_clock(Stage.SIGN, 1, 1)),
        a_case(
            "b", {"parks", "roads"}, a_clock(Stage.SCREEN, 2, 40)
        ),  # late: counts in March, when it was due
        a_case("c", {"roads"}, a_clock(Stage.SCREEN, 60, None)),  # open and not due: nowhere
        a_case("d", {"roads"}, a_clock(Stage.SCREEN, 3, 1, is_cancelled=True), a_clock(Stage.REVIEW, 1, 1)),
    ]
    found = kpi.rates(cases, date(2026, 3, 1), date(2026, 3, 31), day(45))
    said = {(rate.measure, rate.department_id, rate.period): (rate.kept, rate.counted) for rate in found}
    assert said == {
        ("signed_on_time", None, ""): (1, 1),
        ("signed_on_time", None, "2026-03"): (1, 1),
        ("signed_on_time", "parks", ""): (1, 1),
        ("signed_on_time", "parks", "2026-03"): (1, 1),
        ("told_on_time", None, ""): (1, 2),
        ("told_on_time", None, "2026-03"): (1, 2),
        ("told_on_time", "parks", ""): (1, 2),
        ("told_on_time", "parks", "2026-03"): (1, 2),
        ("told_on_time", "roads", ""): (0, 1),
        ("told_on_time", "roads", "2026-03"): (0, 1),
        ("handled_on_time", None, ""): (0, 0),
    }
    assert kpi.rates(cases, date(2026, 4, 1), date(2026, 4, 30), day(45))[0].share is None
