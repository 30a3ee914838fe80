"""Whether what stands beside the events in the database (names, reasons, each with its salt) is what they committed to.

The same comparison as of a pack offline, on the live tables: what is gone must have been taken by an erasure on record.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select

from auth.audit import AuditEventRow
from auth.audit_personal import PersonalRow, rows_of
from auth.proof.offline import COMMITMENT, ERASED, Beside, Erasures, Findings, Flaw
from core.work import Work

WHERE: Final = "auth_audit_personal"
_AT_ONCE: Final = 1000
_IN_PAYLOAD: Final = COMMITMENT.decode().replace("\\", "")


def at_odds(work: Work) -> list[Flaw]:
    """Every value that was altered, added, or is gone with no decision on record; [] when all is as it was written."""
    return compared(work)[0]


def compared(work: Work) -> tuple[list[Flaw], list[tuple[int, str]]]:
    """The same, and where each of them stands: the event's number and the field."""
    found = Findings()
    wanted = select(AuditEventRow.seq, AuditEventRow.kind, AuditEventRow.payload)
    erasures = [
        {"seq": seq, "kind": kind, "payload": payload}
        for seq, kind, payload in work.db.exec(wanted.where(AuditEventRow.kind == ERASED))
    ]
    beside, left, last = Beside(Erasures.of(erasures), WHERE, found), 0, 0
    while part := work.db.exec(
        wanted.where(AuditEventRow.seq > last).order_by(col(AuditEventRow.seq)).limit(_AT_ONCE)
    ).all():
        given: dict[tuple[int, str], Any] = {
            (row.seq, row.field): {"salt": row.salt, "value": row.value}
            for row in rows_of(work, (seq for seq, _, _ in part))
            if row.value
        }
        for seq, kind, payload in part:
            if _IN_PAYLOAD in payload:
                beside.compare({"seq": seq, "kind": kind, "payload": payload}, given)
        left, last = left + len(given), part[-1][0]
        beside.places.extend(given)
    beyond = (
        select(func.count()).select_from(PersonalRow).where(PersonalRow.seq > last, PersonalRow.value != "")
    )
    beside.close(left + work.db.exec(beyond).one())
    return found.flaws, beside.places
