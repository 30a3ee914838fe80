"""Telling higher levels of what is overdue: 经办, 科室, 局领导, each once for each day that was missed.

The row, the audit record and the messages are one transaction, and the row's key allows no second one: a worker killed
in the middle leaves nothing, two workers at once write one.
"""

from __future__ import annotations

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM
from auth.applications.tables import ApplicationRow
from auth.clocks import counting, queries
from auth.clocks.rules import STAGE_OF, count
from auth.clocks.sla import HANDLER, Level, levels
from auth.clocks.tables import EscalationRow
from auth.messages import audience
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.profile.now import limits_now
from auth.roles import Role
from core import calendar, outbox
from core.work import Work, hold


def due(work: Work) -> list[tuple[ApplicationRow, Level]]:
    """Every level that is to be told about an application and has not been; lowest first."""
    today, counts = counting.day_of(work.now), calendar.counter(work.db)
    wanted = select(ApplicationRow).where(queries.running(), col(ApplicationRow.due_on) < today)
    rows = list(work.db.exec(wanted.order_by(col(ApplicationRow.due_on), col(ApplicationRow.id))))
    if not rows:
        return []
    told = set(
        work.db.exec(
            select(
                col(EscalationRow.application_id), col(EscalationRow.stage),
                col(EscalationRow.due_on), col(EscalationRow.level),
            ).where(col(EscalationRow.due_on) >= min(row.due_on for row in rows if row.due_on))
        )
    )  # fmt: skip
    known = levels(limits_now(work))
    return [
        (row, level)
        for row in rows
        if row.due_on is not None
        for level in known
        if count(row.due_on, today, counts) >= level.after_working_days
        and (row.id, STAGE_OF[row.state].value, row.due_on, level.level) not in told
    ]


def is_anything_due(work: Work) -> bool:
    return bool(due(work))


def escalate_due(work: Work) -> int:
    """Tell every level whose time has come; returns how many. Safe at any time and in several processes."""
    hold(work, "clocks")
    found = due(work)
    for row, level in found:
        accounts = _people(work, row, level)
        stage, due_on = STAGE_OF[row.state].value, row.due_on
        assert due_on is not None  # noqa: S101 - `due` gives none without
        work.db.add(
            EscalationRow(
                id=work.new_id(), application_id=row.id, stage=stage, due_on=due_on, level=level.level, at=work.now,
                told=accounts,
            )
        )  # fmt: skip
        work.db.flush()
        facts = short(row) | {
            "due_on": due_on.isoformat(),
            "level_zh": level.name.zh,
            "level_en": level.name.en,
        }
        once = f"{row.id}|{stage}|{due_on}|{level.level}"
        tell(
            work,
            accounts,
            "clock.escalated",
            subject=row.id,
            href=f"/applications/{row.id}",
            once=once,
            facts=facts,
        )
        payload = {"stage": stage, "due_on": due_on.isoformat(), "level": level.level}
        audit.record(
            work, SYSTEM, "application.escalated", subject=row.id, application_id=row.id, payload=payload | {"told": len(accounts)}
        )  # fmt: skip
        outbox.post(
            work, "application.escalated", row.id, {"application_id": row.id, "state": row.state, **payload}
        )
    return len(found)


def _people(work: Work, row: ApplicationRow, level: Level) -> list[str]:
    if level.roles == (HANDLER,):
        return audience.next_for(work, row)
    return audience.bureau(work, row, [Role(role) for role in level.roles if role != HANDLER])
