"""Noting what time has done to tickets: those whose day is over and that nobody answered, once each."""

from __future__ import annotations

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth import audit
from auth.actor import SYSTEM
from auth.applications.steps import local_day
from core import outbox
from core.work import Work, hold
from datasets.tickets import following
from datasets.tickets.tables import TicketRow
from datasets.tickets.workflow import WAITING


def _overdue(work: Work) -> SelectOfScalar[TicketRow]:
    """Overdue and not noted since the day was set."""
    today = local_day(work.now)
    fresh = or_(
        col(TicketRow.overdue_noted_on).is_(None), col(TicketRow.overdue_noted_on) < col(TicketRow.due_on)
    )
    return select(TicketRow).where(col(TicketRow.state).in_(WAITING), TicketRow.due_on < today, fresh)


def is_anything_due(work: Work) -> bool:
    """Whether a note is to be made; only reads, so that an idle installation is not written to."""
    return work.db.exec(_overdue(work).limit(1)).first() is not None


def note_due(work: Work) -> int:
    """Write and announce every ticket that is overdue. Safe to run at any time and in several processes."""
    hold(work, "tickets")
    rows = work.db.exec(_overdue(work).order_by(col(TicketRow.number))).all()
    for row in rows:
        row.overdue_noted_on = local_day(work.now)
        work.db.add(row)
        facts = {"due_on": row.due_on.isoformat()}
        following.note(work, row, "overdue", SYSTEM, facts=facts)
        audit.record(work, SYSTEM, "ticket.overdue", subject=row.id, payload=facts, dataset_id=row.dataset_id)
        outbox.post(work, "ticket.overdue", row.id, following.told(row))
    return len(rows)
