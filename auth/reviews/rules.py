"""What may be answered to a look at a grant, and how far a campaign is: pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.reviews.workflow import UNANSWERED, State, Step
from core.errors import Reason
from core.text import Text, number_of

BASIS: Final = (
    "R22 最小够用、定期复核与授权后评估 · least necessary, certification each half year, evaluation"
)
PERIOD: Final = re.compile(r"20[0-9]{2}H[12]")


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a grant's use when it is looked at: the ledger's sums, columns never read, findings and complaints."""

    deliveries: int
    rows: int
    bytes: int
    downloads: int
    refusals: int
    columns_granted: tuple[str, ...]
    columns_unread: tuple[str, ...]
    anomalies: int
    incidents: int
    products: int
    revenue_fen: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is. `answered` are those with a steward's word, whatever is still to be confirmed."""

    total: int
    answered: int
    kept: int
    narrowed: int
    withdrawn: int
    settled: int
    overdue: int


def half_year(day: date) -> str:
    """The half year of a day, as 2026H1."""
    return f"{day.year}H{1 if day.month <= 6 else 2}"


def first_day(day: date) -> date:
    """The first day of the half year of a day."""
    return date(day.year, 1 if day.month <= 6 else 7, 1)


def last_day(day: date) -> date:
    """The last day of the half year of a day."""
    return date(day.year, 6, 30) if day.month <= 6 else date(day.year, 12, 31)


def is_month_gone(day: date) -> bool:
    """Whether the first month of the half year of a day is over."""
    return day.month not in (1, 7)


def progress(items: Iterable[tuple[State, date]], today: date) -> Progress:
    """The figures of a campaign; every item counts once among answered or open."""
    known = list(items)
    states = [state for state, _ in known]
    return Progress(
        total=len(known), answered=sum(state is not State.OPEN for state in states), kept=states.count(State.KEPT),
        narrowed=states.count(State.NARROWING) + states.count(State.TO_NARROW),
        withdrawn=states.count(State.WITHDRAWN) + states.count(State.TO_WITHDRAW), settled=states.count(State.SETTLED),
        overdue=sum(is_overdue(state, due, today) for state, due in known),
    )  # fmt: skip


def is_overdue(state: State, due_on: date, today: date) -> bool:
    """Whether the steward's or the decider's word is late; the last day still counts."""
    return state in UNANSWERED and today > due_on


def answer_objections(step: Step, columns: Iterable[str], granted: Iterable[str]) -> Iterator[Reason]:
    """Why this answer does not hold together: narrowing names columns of the grant, and leaves some."""
    named, known = set(columns), set(granted)
    if step is not Step.NARROW:
        return
    if not named:
        text = Text("收窄须指明去掉哪些列。", "Say which columns are to go.")
        yield Reason("narrow-names-columns", text, BASIS)
    if unknown := sorted(named - known):
        text = Text(
            f"授权没有这些列：{'、'.join(unknown)}。", f"The grant has no such columns: {', '.join(unknown)}."
        )
        yield Reason("columns-not-granted", text, BASIS, {"columns": unknown})
    if known and named >= known:
        text = Text(
            "去掉全部列即为撤销；请选择“撤销”。", "Without any column it is a withdrawal; choose that."
        )
        yield Reason("narrow-leaves-columns", text, BASIS)


def narrowing_overdue(due_on: date, columns: Iterable[str]) -> Reason:
    """What stands against using a grant whose holder did not amend it in time."""
    named = list(columns)
    text = Text(
        f"复核要求于 {due_on} 前变更授权、去掉 {'、'.join(named)}，至今未变更，授权停止使用；变更生效后即恢复。",
        f"A review asked that the grant be amended without {', '.join(named)} by {due_on}; it was not, and use stopped until the amendment is in force.",
    )
    return Reason("narrowing-overdue", text, BASIS, {"due_on": str(due_on), "columns": named})


def column_taken_away(columns: Iterable[str]) -> Reason:
    named = list(columns)
    text = Text(
        f"复核已去掉 {'、'.join(named)}；变更或续期不得再申请，如确需使用请另行申请并说明理由。",
        f"A review took away {', '.join(named)}; an amendment or renewal may not ask for them again. Apply separately, with reasons.",
    )
    return Reason("column-taken-away", text, BASIS, {"columns": named})


def pilot_objections(months: int, starts_on: date, ends_on: date, last: date) -> Iterator[Reason]:
    """Why a grant is no pilot: it runs too long. `last`: the last day of the longest pilot from its start."""
    if ends_on > last:
        text = Text(
            f"试点授权不超过 {months} 个月（{starts_on}—{ends_on}）。",
            f"A pilot runs {number_of(months, 'months')} at most ({starts_on} to {ends_on}).",
        )
        yield Reason("pilot-too-long", text, BASIS, {"months": months})


def evaluation_missing(grant_id: str) -> Reason:
    text = Text(
        f"试点授权 {grant_id} 须先完成授权后评估且结论为保留，方可续期。",
        f"Grant {grant_id} is a pilot: evaluate it, with the outcome to keep it, before it is renewed.",
    )
    return Reason("pilot-not-evaluated", text, BASIS, {"grant": grant_id})


PARTS: Final[Mapping[str, Text]] = {
    "value": Text("成效与价值", "Value"),
    "complaints": Text("投诉与问题", "Complaints"),
    "quality": Text("数据质量", "Quality"),
}
