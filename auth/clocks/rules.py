"""How long each stage of an application has taken, counted in working days. Pure: events, calendar and profile come in.

A clock counts the working days after the day on which it starts, up to and including the day on which it ends. It stands
still while the application lies with the applicant, and during every pause that is handed in (missing papers to follow).
Screening begins anew with each submission; review, decision and the whole handling go on where they stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from auth.applications.workflow import State
from core.text import Text

IsWorking = Callable[[date], bool]


class Stage(StrEnum):
    """What is timed. `sign` and `screen` run side by side; `handle` spans screening, review and decision."""

    SIGN = "sign"
    SCREEN = "screen"
    REVIEW = "review"
    DECIDE = "decide"
    HANDLE = "handle"


STAGE_NAMES: Final[Mapping[Stage, Text]] = {
    Stage.SIGN: Text("签收", "Signing for"),
    Stage.SCREEN: Text("受理告知", "Screening"),
    Stage.REVIEW: Text("审核", "Review"),
    Stage.DECIDE: Text("审批", "Decision"),
    Stage.HANDLE: Text("办结", "Whole handling"),
}
RUNS_IN: Final[Mapping[Stage, frozenset[str]]] = {
    Stage.SIGN: frozenset({State.SUBMITTED}),
    Stage.SCREEN: frozenset({State.SUBMITTED}),
    Stage.REVIEW: frozenset({State.IN_REVIEW}),
    Stage.DECIDE: frozenset({State.DECIDING}),
    Stage.HANDLE: frozenset({State.SUBMITTED, State.IN_REVIEW, State.DECIDING}),
}
STAGE_OF: Final[Mapping[str, Stage]] = {
    State.SUBMITTED: Stage.SCREEN,
    State.IN_REVIEW: Stage.REVIEW,
    State.DECIDING: Stage.DECIDE,
}
KEEPS: Final = frozenset({Stage.REVIEW, Stage.DECIDE, Stage.HANDLE})
"""Clocks that stand still, instead of ending, when the application goes back to the applicant."""
WITH_APPLICANT: Final = frozenset({State.RETURNED})
BY_APPLICANT: Final = frozenset({State.WITHDRAWN, State.LAPSED})


@dataclass(frozen=True, slots=True)
class Sla:
    """The profile of one day: working days of each stage, and the least that is left after a pause."""

    days: Mapping[Stage, int]
    least_after_pause: int = 1


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that moved the application: the state it led to, on which local day, in which turn, at which instant."""

    to_state: str
    on: date
    turn: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Days that count for no clock: after `since`, up to and including `until` (None: still going on)."""

    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Extension:
    """Working days granted on top, for the clock of `stage` that runs on that day. A clock overdue by then is not mended by it."""

    stage: Stage
    days: int
    on: date


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock as it stands. `due_on` is empty while it stands still; `is_cancelled`: the applicant ended it."""

    stage: Stage
    turn: int
    started_on: date
    allowed_days: int
    used_days: int
    paused_days: int
    due_on: date | None
    ended_on: date | None = None
    is_paused: bool = False
    is_cancelled: bool = False

    def is_overdue(self, today: date) -> bool:
        """Whether its day is over: still open, or ended later than it was due."""
        return self.due_on is not None and (self.ended_on or today) > self.due_on

    def settled_on(self, today: date) -> date | None:
        """The day that decides for ever whether it was kept: its end, or its due day when that came first."""
        if self.is_overdue(today):
            return self.due_on
        return None if self.is_cancelled else self.ended_on


def clocks(
    happened: Sequence[Happened],
    sla: Callable[[Happened], Sla],
    is_working: IsWorking,
    today: date,
    *,
    signed: Mapping[int, date] | None = None,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Extension] = (),
) -> tuple[Clock, ...]:
    """Every clock of an application, oldest first.

    `happened`: in order; `sla`: the profile under which a clock runs that this event starts; `signed`: the day of signing for each turn.
    """
    found = [
        clock
        for stage in Stage
        for clock in _of_stage(stage, happened, sla, is_working, today, signed or {}, pauses, extensions)
    ]
    return tuple(sorted(found, key=lambda clock: (clock.started_on, list(Stage).index(clock.stage))))


@dataclass(slots=True)
class _Spell:
    """One stretch of a clock: it runs from `since` until `until`, or still."""

    since: date
    until: date | None = None


@dataclass(slots=True)
class _Run:
    """A clock while its events are read."""

    began: Happened
    spells: list[_Spell]
    is_standing: bool = False
    is_over: bool = False
    is_cancelled: bool = False


def _runs(stage: Stage, happened: Iterable[Happened], signed: Mapping[int, date]) -> list[_Run]:
    """The clocks of a stage with their spells, from the events alone."""
    runs: list[_Run] = []
    for event in happened:
        last = runs[-1] if runs and not runs[-1].is_over else None
        running = last is not None and not last.is_standing
        if event.to_state in RUNS_IN[stage]:
            if last is None:
                runs.append(_Run(event, [_Spell(event.on)]))
            elif not running:
                last.spells.append(_Spell(event.on))
                last.is_standing = False
        elif last is not None:
            if running:
                last.spells[-1].until = event.on
            waits = stage in KEEPS and (event.to_state in WITH_APPLICANT or last.is_standing)
            last.is_standing = waits and event.to_state not in BY_APPLICANT
            last.is_cancelled = event.to_state in BY_APPLICANT
            last.is_over = not last.is_standing
    if stage is Stage.SIGN:
        for run in runs:
            _sign(run, signed.get(run.began.turn))
    return runs


def _sign(run: _Run, on: date | None) -> None:
    """Signing for ends the clock; whoever screens without having signed has signed by that."""
    spell = run.spells[-1]
    if on is not None and (spell.until is None or on <= spell.until):
        spell.until, run.is_over, run.is_cancelled = max(on, spell.since), True, False


def _of_stage(
    stage: Stage,
    happened: Sequence[Happened],
    sla: Callable[[Happened], Sla],
    is_working: IsWorking,
    today: date,
    signed: Mapping[int, date],
    pauses: Sequence[Pause],
    extensions: Sequence[Extension],
) -> Iterable[Clock]:
    own = pauses if stage in KEEPS else ()
    for run in _runs(stage, happened, signed):
        began, profile = run.spells[0].since, sla(run.began)
        ended = run.spells[-1].until if run.is_over else None
        # a pause that goes on bounds the days that count; what was due before it began stays due
        open_since = min(
            (pause.since for pause in own if pause.until is None and ended is None), default=None
        )
        counts = _counting(is_working, own, ended or today)
        allowed = profile.days[stage]
        for extra in sorted(extensions, key=lambda each: each.on):
            for_this = extra.stage is stage or (stage is Stage.HANDLE and extra.stage is not Stage.SIGN)
            if for_this and began <= extra.on <= (ended or today):
                allowed += extra.days * _in_time(run, extra.on, allowed, profile, counts)
        used, due = _measured(run.spells, allowed, profile, counts, today)
        held = open_since is not None and due is not None and due > open_since
        stands = run.is_standing or held
        until = ended or max(today, began)
        yield Clock(
            stage, run.began.turn, began, allowed, used, count(began, until, is_working) - used,
            due_on=None if stands else due, ended_on=ended, is_paused=stands, is_cancelled=run.is_cancelled,
        )  # fmt: skip


def _measured(
    spells: Sequence[_Spell], allowed: int, profile: Sla, counts: IsWorking, today: date
) -> tuple[int, date]:
    """Days used in all, and the day on which the last spell is due."""
    used, due = 0, spells[0].since
    for nth, spell in enumerate(spells):
        left = allowed - used if nth == 0 else max(allowed - used, profile.least_after_pause)
        due = _after(spell.since, left, counts)
        used += count(spell.since, spell.until or max(today, spell.since), counts)
    return used, due


def _in_time(run: _Run, on: date, allowed: int, profile: Sla, counts: IsWorking) -> bool:
    """Whether the clock was not yet overdue on that day, by what had been allowed until then."""
    known = [spell for spell in run.spells if spell.since <= on]
    _, due = _measured(known, allowed, profile, counts, on)
    return min(on, known[-1].until or on) <= due


def _counting(is_working: IsWorking, pauses: Sequence[Pause], last: date) -> IsWorking:
    """Which days count: working days outside of every pause. A pause that goes on holds up to `last`."""
    spans = [(pause.since, pause.until or max(last, pause.since)) for pause in pauses]
    return lambda day: is_working(day) and not any(since < day <= until for since, until in spans)


def count(since: date, until: date, counts: IsWorking) -> int:
    """Days that count, after `since` up to and including `until`."""
    return sum(counts(since + timedelta(days=n)) for n in range(1, (until - since).days + 1))


def _after(since: date, days: int, counts: IsWorking) -> date:
    """The day on which `days` are used up; `since` itself when none is left."""
    day = since
    while days > 0:
        day += timedelta(days=1)
        days -= counts(day)
    return day


def present(found: Sequence[Clock], state: str) -> Clock | None:
    """The clock that the bureau's next step is measured by; None while nobody's clock runs."""
    stage = STAGE_OF.get(state)
    open_ = [clock for clock in found if clock.stage is stage and clock.ended_on is None]
    return open_[-1] if open_ else None
