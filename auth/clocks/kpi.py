"""The three rates of keeping time, as a pure function over clocks.

A clock is counted once, on the day that settles it: the day it ended, or the day it was due when it was still open then.
So a month that is over never changes again, and what is open and not yet due counts nowhere. A clock that the applicant
ended by withdrawing counts only if it was overdue by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.clocks.rules import Clock, Stage
from core.text import Text


@dataclass(frozen=True, slots=True)
class Measure:
    """One rate: which clock it is about, and its numerator and denominator in words."""

    key: str
    stage: Stage
    name: Text
    numerator: Text
    denominator: Text


MEASURES: Final = (
    Measure(
        "signed_on_time", Stage.SIGN, Text("按时签收率", "Signed for on time"),
        Text("在签收时限内签收的申请（每次提交计一次）", "submissions signed for within the time for signing"),
        Text("期间内已签收或签收已到期的申请（每次提交计一次）", "submissions signed for, or due to be, in the period"),
    ),
    Measure(
        "told_on_time", Stage.SCREEN, Text("受理告知及时率", "Told of acceptance on time"),
        Text("在受理时限内告知受理、补正或不予受理的申请", "submissions answered (accepted, to be completed, refused) within the time for screening"),
        Text("期间内已告知或告知已到期的申请", "submissions answered, or due to be, in the period"),
    ),
    Measure(
        "handled_on_time", Stage.HANDLE, Text("按时办结率", "Decided on time"),
        Text("在承诺时限内作出决定的申请（补正期间不计）", "applications decided within the time promised, not counting the time with the applicant"),
        Text("期间内已决定或办结已到期的申请", "applications decided, or due to be, in the period"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """An application's clocks with the departments that handle it."""

    application_id: str
    departments: frozenset[str]
    clocks: tuple[Clock, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate of one department (None: the whole bureau) in one period. No share without a case."""

    measure: str
    department_id: str | None
    period: str
    kept: int
    counted: int

    @property
    def share(self) -> float | None:
        return self.kept / self.counted if self.counted else None


def month(day: date) -> str:
    return f"{day.year}-{day.month:02d}"


def rates(cases: Iterable[Case], since: date, until: date, today: date) -> tuple[Rate, ...]:
    """Every rate by department and month from `since` to `until` (both counted), and for the whole period (`""`).

    A case of several departments counts for each of them, and once for the bureau.
    """
    kept: dict[tuple[str, str | None, str], int] = {}
    counted: dict[tuple[str, str | None, str], int] = {}
    by_stage: Mapping[Stage, Measure] = {measure.stage: measure for measure in MEASURES}
    for case in cases:
        for clock in case.clocks:
            measure, settled = by_stage.get(clock.stage), clock.settled_on(today)
            if measure is None or settled is None or not since <= settled <= until:
                continue
            for department in (None, *case.departments):
                for period in ("", month(settled)):
                    key = (measure.key, department, period)
                    counted[key] = counted.get(key, 0) + 1
                    kept[key] = kept.get(key, 0) + (not clock.is_overdue(today))
    for measure in MEASURES:
        counted.setdefault((measure.key, None, ""), 0)
    order = [measure.key for measure in MEASURES]
    return tuple(
        Rate(key[0], key[1], key[2], kept.get(key, 0), counted[key])
        for key in sorted(counted, key=lambda key: (order.index(key[0]), key[1] or "", key[2]))
    )
