"""From stored events to clocks: one application, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import col, select

from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.clocks.rules import Clock, Extension, Happened, Sla, Stage, clocks, present
from auth.clocks.sla import sla
from auth.clocks.tables import ExtensionRow, ReceiptRow
from auth.policy.filters.rules import LOCAL
from auth.profile.now import limits_of, profiles_by_day
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
    profile_of = profiles_by_day(work)

    def sla_of(day: date) -> Sla:
        return sla(day, limits_of(profile_of(day)))

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
        for application_id in part:
            found[application_id] = clocks(
                [
                    Happened(each.to_state, day_of(each.at), each.turn)
                    for each in events.get(application_id, [])
                ],
                sla_of,
                is_working,
                today,
                signed={each.turn: day_of(each.at) for each in receipts.get(application_id, [])},
                extensions=[
                    Extension(Stage(each.stage), each.working_days, day_of(each.decided_at or each.asked_at))
                    for each in extensions.get(application_id, [])
                ],
            )
    return found


def _events(work: Work, ids: Sequence[str]) -> Iterable[ApplicationEventRow]:
    wanted = select(ApplicationEventRow).where(col(ApplicationEventRow.application_id).in_(ids))
    return work.db.exec(wanted.order_by(col(ApplicationEventRow.version), col(ApplicationEventRow.id)))


def _grouped(rows: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
