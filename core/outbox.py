"""What must happen after a commit but may fail (push, mail, webhook) is a row written in the same transaction."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Field, col, select

from core.db import UtcDateTime
from core.rows import EventfulRow
from core.work import Work


class OutboxRow(EventfulRow, table=True):
    """One message to the outside. `sent_at` empty means due; each failure delays the next try. `routed_at`: given to the webhooks."""

    __tablename__ = "core_outbox"
    id: str = Field(primary_key=True)
    topic: str = Field(index=True, max_length=80)
    subject: str = Field(max_length=200)
    body: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    last_error: str = ""
    routed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def post(work: Work, topic: str, subject: str, body: dict[str, object]) -> OutboxRow:
    """Note a message; it leaves only if the transaction commits."""
    row = OutboxRow(
        id=work.new_id(),
        topic=topic,
        subject=subject,
        body=json.dumps(body, ensure_ascii=False, sort_keys=True),
        created_at=work.now,
        due_at=work.now,
    )
    work.db.add(row)
    return row


PRIVATE: Final = frozenset({"mail"})
"""Topics that are for one reader each, and never leave with the events."""


def due(work: Work, limit: int = 50, *, topic: str | None = None) -> list[OutboxRow]:
    """Messages whose time has come, oldest first: those of a topic, or all events."""
    wanted = select(OutboxRow).where(col(OutboxRow.sent_at).is_(None), OutboxRow.due_at <= work.now)
    of = col(OutboxRow.topic)
    wanted = wanted.where(of == topic) if topic else wanted.where(of.not_in(PRIVATE))
    return list(work.db.exec(wanted.order_by(col(OutboxRow.due_at)).limit(limit)))


def sent(work: Work, row: OutboxRow) -> None:
    row.sent_at = work.now
    work.db.add(row)


def failed(work: Work, row: OutboxRow, error: str) -> None:
    """Try again later: after 2, 4, 8 … minutes, at most six hours."""
    row.attempts += 1
    row.last_error = error[:1000]
    row.due_at = work.now + timedelta(minutes=min(2**row.attempts, 360))
    work.db.add(row)
