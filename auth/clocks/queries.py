"""Reading time: one application's clocks, what runs and what is overdue, and the three rates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import queries as applications
from auth.applications import seeing
from auth.applications.reading import NEXT
from auth.applications.rules import period
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State
from auth.clocks import counting, kpi
from auth.clocks.models import CaseClocks, ClockRead, ExtensionRead, WaitingCase
from auth.clocks.rules import STAGE_OF, Clock, IsWorking, Stage, count, present
from auth.clocks.tables import EscalationRow, ExtensionRow, ReceiptRow
from core import calendar
from core.ids import ApplicationId, OrgId
from core.work import Work

SORTS: Final = {
    "due": col(ApplicationRow.due_on),
    "submitted": col(ApplicationRow.submitted_at),
    "state": col(ApplicationRow.state),
    "org": col(ApplicationRow.org_id),
}


def case(work: Work, actor: Actor, application_id: ApplicationId) -> CaseClocks:
    """The clocks of one application; NotFound outside the actor's sight."""
    row = applications.row(work, application_id, actor)
    found = counting.clocks_of(work, row.id)
    now = present(found, row.state)
    receipt = work.db.get(ReceiptRow, (row.id, row.turn))
    state = State(row.state)
    escalations = select(EscalationRow).where(EscalationRow.application_id == row.id)
    return CaseClocks(
        application_id=application_id, state=row.state, next_zh=NEXT[state].zh, next_en=NEXT[state].en,
        clocks=[read(work, clock) for clock in found], present=read(work, now) if now else None,
        signed_by=receipt.signed_by if receipt else None, signed_at=receipt.at if receipt else None,
        extensions=extensions(work, row.id),
        escalations=[
            {"level": each.level, "stage": each.stage, "due_on": each.due_on, "at": each.at}
            for each in work.db.exec(escalations.order_by(col(EscalationRow.at), col(EscalationRow.level)))
        ],
        is_calendar_known=is_calendar_known([row.due_on]),
    )  # fmt: skip


def is_calendar_known(days: Iterable[date | None]) -> bool:
    """Whether the national table knows the years of all these days; where not, Monday to Friday was counted."""
    return all(calendar.is_seeded(day.year) for day in days if day is not None)


def read(work: Work, clock: Clock) -> ClockRead:
    today = counting.day_of(work.now)
    left = None
    if clock.due_on is not None and clock.ended_on is None:
        left = _between(calendar.counter(work.db), today, clock.due_on)
    return ClockRead(
        stage=clock.stage, turn=clock.turn, started_on=clock.started_on, allowed_days=clock.allowed_days,
        used_days=clock.used_days, paused_days=clock.paused_days, due_on=clock.due_on, ended_on=clock.ended_on,
        left_working_days=left, is_paused=clock.is_paused, is_cancelled=clock.is_cancelled,
        is_overdue=clock.is_overdue(today),
    )  # fmt: skip


def _between(counts: IsWorking, today: date, due: date) -> int:
    return count(today, due, counts) if due >= today else -count(due, today, counts)


def extensions(work: Work, application_id: str) -> list[ExtensionRead]:
    wanted = select(ExtensionRow).where(ExtensionRow.application_id == application_id)
    return [ExtensionRead.model_validate(row) for row in work.db.exec(wanted.order_by(col(ExtensionRow.id)))]


def open_extensions(work: Work, actor: Actor) -> list[ExtensionRead]:
    """Extensions that wait for a second person, in the actor's sight."""
    wanted = (
        select(ExtensionRow)
        .join(ApplicationRow, col(ApplicationRow.id) == col(ExtensionRow.application_id))
        .where(ExtensionRow.state == "asked", seeing.seen_by(actor))
    )
    return [ExtensionRead.model_validate(row) for row in work.db.exec(wanted.order_by(col(ExtensionRow.id)))]


def running() -> ColumnElement[bool]:
    """Applications on which a clock of the bureau runs."""
    return col(ApplicationRow.state).in_(list(STAGE_OF)) & col(ApplicationRow.due_on).is_not(None)


def waiting(
    work: Work,
    actor: Actor,
    *,
    overdue: bool = True,
    stage: Stage | None = None,
    department: str | None = None,
    org_id: str | None = None,
    sort: str = "due",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[WaitingCase], int]:
    """What runs, or what is overdue of it, in the actor's sight; and the number of all."""
    today = counting.day_of(work.now)
    conditions: list[Any] = [seeing.seen_by(actor), running()]
    if overdue:
        conditions.append(col(ApplicationRow.due_on) < today)
    if stage is not None:
        conditions.append(
            col(ApplicationRow.state).in_([state for state, its in STAGE_OF.items() if its is stage])
        )
    if department:
        conditions.append(
            exists().where(
                col(ApplicationLineRow.application_id) == col(ApplicationRow.id),
                col(ApplicationLineRow.department_id) == department,
            )
        )
    if org_id:
        conditions.append(col(ApplicationRow.org_id) == org_id)
    order = SORTS.get(sort.removeprefix("-"), SORTS["due"])
    wanted = select(ApplicationRow).where(*conditions)
    wanted = wanted.order_by(order.desc() if sort.startswith("-") else order.asc(), col(ApplicationRow.id))
    total = work.db.exec(select(func.count()).select_from(ApplicationRow).where(*conditions)).one()
    rows = list(work.db.exec(wanted.offset(offset).limit(limit)))
    return _cases(work, rows, today), total


def _cases(work: Work, rows: list[ApplicationRow], today: date) -> list[WaitingCase]:
    counts, ids = calendar.counter(work.db), [row.id for row in rows]
    lines = lines_of(work, ids)
    told = select(
        col(EscalationRow.application_id), col(EscalationRow.due_on), func.max(col(EscalationRow.level))
    ).where(col(EscalationRow.application_id).in_(ids))
    levels = {
        (application, due): level
        for application, due, level in work.db.exec(
            told.group_by(col(EscalationRow.application_id), col(EscalationRow.due_on))
        )
    }
    return [
        WaitingCase(
            application_id=ApplicationId(row.id), org_id=OrgId(row.org_id), state=row.state, stage=STAGE_OF[row.state],
            departments=sorted({line.department_id for line in lines.get(row.id, [])}),
            datasets=[line.dataset_id for line in lines.get(row.id, [])], submitted_at=row.submitted_at,
            due_on=row.due_on, left_working_days=_between(counts, today, row.due_on),
            level=levels.get((row.id, row.due_on), 0),
            next_zh=NEXT[State(row.state)].zh, next_en=NEXT[State(row.state)].en,
        )
        for row in rows
        if row.due_on is not None
    ]  # fmt: skip


def lines_of(work: Work, ids: list[str]) -> dict[str, list[ApplicationLineRow]]:
    found: dict[str, list[ApplicationLineRow]] = {}
    for start in range(0, len(ids), 500):
        wanted = select(ApplicationLineRow).where(
            col(ApplicationLineRow.application_id).in_(ids[start : start + 500])
        )
        for line in work.db.exec(wanted.order_by(col(ApplicationLineRow.position))):
            found.setdefault(line.application_id, []).append(line)
    return found


def kpis(
    work: Work, actor: Actor, since: date, until: date, department: str | None = None
) -> tuple[kpi.Rate, ...]:
    """The three rates of what the actor may see, by department and month; `until` counts too.

    With `department`, the rates of that department alone.
    """
    today = counting.day_of(work.now)
    # Every clock is settled by the end of its application: what ended before the period settles nothing in it.
    wanted = select(ApplicationRow.id).where(
        seeing.seen_by(actor),
        col(ApplicationRow.submitted_at).is_not(None),
        col(ApplicationRow.created_at) < period(until, until)[1],
        col(ApplicationRow.ended_at).is_(None) | (col(ApplicationRow.ended_at) >= period(since, since)[0]),
    )
    ids = list(work.db.exec(wanted))
    lines, clocks = lines_of(work, ids), counting.many(work, ids)
    cases = (
        kpi.Case(each, frozenset(line.department_id for line in lines.get(each, [])), clocks[each])
        for each in ids
    )
    found = kpi.rates(cases, since, until, today)
    return tuple(rate for rate in found if rate.department_id == department) if department else found
