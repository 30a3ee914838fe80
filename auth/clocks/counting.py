"""From stored events to clocks: one application, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import col, select

from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.casework.tables import CaseEventRow
from auth.clocks.rules import Clock, Extension, Happened, Pause, Sla, Stage, clocks, present
from auth.clocks.sla import sla
from auth.clocks.tables import ExtensionRow, ReceiptRow
from auth.papers.tables import PaperRow
from auth.papers.workflow import HELD
from auth.papers.workflow import State as PaperState
from auth.policy.filters.rules import LOCAL
from auth.profile.now import limits_of, profiles_by_moment
from core import calendar
from core.work import Work

T = TypeVar("T")


def day_of(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()


def clocks_of(work: Work, application_id: str) -> tuple[Clock, ...]:
    """Every clock of one application as of now."""
    return many(work, [application_id])[application_id]


def due_on(work: Work, row: ApplicationRow) -> date | None:
    """The day on which the present stage is due; None while no clock of the bureau runs."""
    clock = present(clocks_of(work, row.id), row.state)
    return clock.due_on if clock else None


_PART = 500  # ids in one question


def many(work: Work, application_ids: Sequence[str]) -> dict[str, tuple[Clock, ...]]:
    """The clocks of many applications, with three questions for every few hundred of them."""
    profile_at = profiles_by_moment(work)

    def sla_of(start: Happened) -> Sla:
        return sla(limits_of(profile_at(start.at or work.now)))

    is_working, today = calendar.counter(work.db), day_of(work.now)
    found: dict[str, tuple[Clock, ...]] = {}
    for start in range(0, len(application_ids), _PART):
        part = application_ids[start : start + _PART]
        events = _grouped(_events(work, part), lambda each: each.application_id)
        receipts = _grouped(
            work.db.exec(select(ReceiptRow).where(col(ReceiptRow.application_id).in_(part))),
            lambda each: each.application_id,
        )
        granted = select(ExtensionRow).where(
            col(ExtensionRow.application_id).in_(part), ExtensionRow.state == "approved"
        )
        extensions = _grouped(work.db.exec(granted), lambda each: each.application_id)
        pauses = _pauses(work, part)
        for application_id in part:
            found[application_id] = clocks(
                [
                    Happened(each.to_state, day_of(each.at), each.turn, each.at)
                    for each in events.get(application_id, [])
                ],
                sla_of,
                is_working,
                today,
                signed={each.turn: day_of(each.at) for each in receipts.get(application_id, [])},
                pauses=pauses.get(application_id, []),
                extensions=[
                    Extension(Stage(each.stage), each.working_days, day_of(each.decided_at or each.asked_at))
                    for each in extensions.get(application_id, [])
                ],
            )
    return found


def _pauses(work: Work, ids: Sequence[str]) -> dict[str, list[Pause]]:
    """While a paper is to follow the clocks stand: from the day it was let follow, or asked for again, to the day it was there."""
    wanted = (
        select(PaperRow.application_id, CaseEventRow.case_id, CaseEventRow.to_state, CaseEventRow.at)
        .where(CaseEventRow.case_kind == "paper", col(CaseEventRow.case_id) == col(PaperRow.id))
        .where(col(PaperRow.application_id).in_(ids))
        .order_by(col(CaseEventRow.case_id), col(CaseEventRow.version))
    )
    found: dict[str, list[Pause]] = {}
    since: dict[str, date] = {}
    of: dict[str, str] = {}
    for application_id, paper, to_state, at in work.db.exec(wanted):
        of[paper] = application_id
        if to_state == PaperState.OWED:
            since.setdefault(paper, day_of(at))
        elif to_state in HELD and paper in since:
            found.setdefault(application_id, []).append(Pause(since.pop(paper), day_of(at)))
    for paper, day in since.items():
        found.setdefault(of[paper], []).append(Pause(day, None))
    return found


def _events(work: Work, ids: Sequence[str]) -> Iterable[ApplicationEventRow]:
    wanted = select(ApplicationEventRow).where(col(ApplicationEventRow.application_id).in_(ids))
    return work.db.exec(wanted.order_by(col(ApplicationEventRow.version), col(ApplicationEventRow.id)))


def _grouped(rows: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
