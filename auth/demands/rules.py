"""Which day counts for a need now, and who may read its answer: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.demands.workflow import FINAL, State
from core.errors import Reason
from core.text import Text

BASIS: Final = "受理、分拨、处理、反馈（R33、R34）· accept, pass on, handle, tell"


@dataclass(frozen=True, slots=True)
class Days:
    """The last days of a need: to accept it, for the department (None: not passed on), and for the answer."""

    accept: date
    department: date | None
    answer: date


def due(state: State, days: Days) -> date | None:
    """The last day of whoever has the next word; None once nobody has. The department's never outlasts the answer's."""
    if state in FINAL:
        return None
    if state is State.RECEIVED:
        return min(days.accept, days.answer)
    if state is State.ASSIGNED and days.department is not None:
        return min(days.department, days.answer)
    return days.answer


def is_overdue(state: State, days: Days, today: date) -> bool:
    """Whether that day, or the answer's own, is over; the last day still counts."""
    last = due(state, days)
    return last is not None and today > min(last, days.answer)


def is_told(*, is_public: bool, is_own: bool, is_bureau: bool) -> bool:
    """Whether a reader is told the answer in words and the datasets it names."""
    return is_public or is_own or is_bureau


def too_many(most: int) -> Reason:
    text = Text(
        f"您今日提交的需求已达 {most} 件；请明日再提。", f"You stated {most} needs today; go on tomorrow."
    )
    return Reason("too-many-today", text, BASIS)


def own_need() -> Reason:
    text = Text(
        "这是您自己提出的需求，无需附议。", "You stated this need yourself; it needs no vote of yours."
    )
    return Reason("own-need", text, BASIS)


def not_shown() -> Reason:
    text = Text(
        "该需求尚未公示或已办结，不能附议。", "The need is not shown yet, or is settled; no votes are taken."
    )
    return Reason("no-votes-now", text, BASIS)
