"""Receipts of what was read in place: one for each person, view and day, from the event that stands in the record.

An extract has its receipt from when it is made. A view is read again and again, so the receipt is of the reading: which file, by whom, for what,
under which terms. It is signed when it is asked for, and says the same each time, since the event never changes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func
from sqlmodel import col, select

from auth.actor import Actor
from auth.audit import AuditEventRow
from auth.audit_reading import names_of
from auth.grants import queries as grant_queries
from auth.grants.ledger import DOWNLOAD
from auth.grants.tables import UsageEventRow
from core.errors import NotFound
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.extracts.signing import signed
from datasets.sharing import service

KIND: Final = "view.read"
DOCUMENT: Final = "reading-receipt"


@dataclass(frozen=True, slots=True)
class Reading:
    """A first reading of a day. `sent_bytes`: what left to that person until the next one, in all requests."""

    id: str
    at: datetime
    account: str
    via: str
    view_id: str
    release_number: int
    purpose: str
    rows: int | None
    sha256: str
    sent_bytes: int


def readings(
    work: Work, actor: Actor, grant_id: GrantId, *, offset: int, limit: int
) -> tuple[list[Reading], int]:
    """Who read the grant's views, newest first, and how many there are. NotFound outside the actor's sight."""
    service.of_own_organisation(work, actor, grant_id)
    mine = (AuditEventRow.grant_id == grant_id, AuditEventRow.kind == KIND)
    total = work.db.exec(select(func.count()).select_from(AuditEventRow).where(*mine)).one()
    wanted = select(AuditEventRow).where(*mine).order_by(col(AuditEventRow.seq).desc())
    events = work.db.exec(wanted.offset(offset).limit(limit)).all()
    names, sent = names_of(work, events), _sent(work, grant_id, events)
    return [_read(work, event, names[event.seq], sent) for event in events], total


def receipt(work: Work, actor: Actor, grant_id: GrantId, event_id: str, key: Ed25519PrivateKey) -> str:
    """The signed receipt of one reading, as canonical JSON (RFC 8785). NotFound."""
    service.of_own_organisation(work, actor, grant_id)
    asked = select(AuditEventRow).where(
        AuditEventRow.id == event_id, AuditEventRow.grant_id == grant_id, AuditEventRow.kind == KIND
    )
    event = work.db.exec(asked).first()
    if event is None:
        raise NotFound(
            Text("该授权没有这次读取。", "There is no such reading of this grant."),
        )
    view, grant = service.row(work, event.subject), grant_queries.view(work, grant_id)
    said: dict[str, Any] = json.loads(event.payload)
    body: dict[str, Any] = {
        "document": DOCUMENT,
        "version": 1,
        "reading": event.id,
        "view": view.id,
        "grant": view.grant_id,
        "agreement_hash": view.policy_hash,
        "application": view.application_id,
        "organisation": view.org_id,
        "dataset": view.dataset_id,
        "release": {"id": view.release_id, "number": view.release_number},
        "purpose": said["purpose"],
        "scenario": grant.policy.scenario_id,
        "form": service.FORM,
        "rows": view.rows,
        "bytes": view.size_bytes,
        "sha256": said["sha256"],
        "marks": view.marks,
        "read_by": names_of(work, [event])[event.seq],
        "read_at": event.at.isoformat(),
        "local_day": said["day"],
        "by_way_of": event.via,
        "event": {"number": event.seq, "hash": event.hash},
    }
    if grant.policy_hash == view.policy_hash:
        body["columns"] = [term.model_dump(mode="json") for term in grant.policy.leaving]
        row_filter = grant.policy.row_filter
        body["row_filter"] = row_filter.model_dump(mode="json") if row_filter else None
    return rfc8785.dumps(signed(body, key)).decode()


def _read(
    work: Work, event: AuditEventRow, account: str, sent: dict[tuple[str, datetime, str], int]
) -> Reading:
    said, view = json.loads(event.payload), service.row(work, event.subject)
    return Reading(
        event.id, event.at, account, event.via, view.id, view.release_number, str(said["purpose"]), view.rows,
        str(said["sha256"]), sent.get((event.subject, event.at, event.actor_person), 0),
    )  # fmt: skip


def _sent(
    work: Work, grant_id: GrantId, events: Sequence[AuditEventRow]
) -> dict[tuple[str, datetime, str], int]:
    """Bytes that left by view, beginning and person: the ledger's line was written in the event's transaction."""
    wanted = select(UsageEventRow).where(
        UsageEventRow.grant_id == grant_id,
        UsageEventRow.kind == DOWNLOAD,
        col(UsageEventRow.subject).in_({event.subject for event in events}),
        col(UsageEventRow.at).in_({event.at for event in events}),
    )
    return {(line.subject, line.at, line.person_id): line.sent_bytes for line in work.db.exec(wanted)}
