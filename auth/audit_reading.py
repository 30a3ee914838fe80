"""Reading the audit record: lists for the auditor, and the history of one application or grant for those concerned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, func, or_
from sqlmodel import col, select

from auth.applications.tables import ApplicationRow
from auth.audit import AuditEventRead, AuditEventRow
from auth.audit_kinds import KIND_NAMES
from core.text import Text
from core.work import Work

INTERNAL: Final = (  # votes and proposals are the bureau's own business
    "application.reviewed",
    "application.decision-proposed",
    "application.decision-concurred",
    "application.decision-objected",
)
QUIET: Final = ("paper.listed",)  # on record, and nothing that happened to the case
OF_ITS_SIDE: Final = ("application.refused",)  # who was kept from what concerns the side that tried


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a history. `note` is what the actor wrote, for the reader."""

    seq: int
    at: datetime
    kind: str
    name: Text
    who: str
    org_id: str | None
    subject: str
    note: str
    facts: dict[str, Any]


def name_of(kind: str) -> Text:
    return KIND_NAMES.get(kind, Text(kind, kind))


def events(
    work: Work,
    *,
    kind: str = "",
    account: str = "",
    subject: str = "",
    dataset_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[AuditEventRead], int]:
    """Events, newest first, and their number. `kind` matches a whole kind or its first word (`grant`); `account` the user name."""
    conditions: list[Any] = []
    if kind:
        conditions.append(
            or_(
                col(AuditEventRow.kind) == kind,
                col(AuditEventRow.kind).startswith(f"{kind}.", autoescape=True),
            )
        )
    if account:
        conditions.append(col(AuditEventRow.actor_name) == account)
    if subject:
        conditions.append(
            or_(
                col(AuditEventRow.subject) == subject,
                col(AuditEventRow.grant_id) == subject,
                col(AuditEventRow.application_id) == subject,
            )
        )
    if dataset_id:
        conditions.append(col(AuditEventRow.dataset_id) == dataset_id)
    if since:
        conditions.append(col(AuditEventRow.at) >= since)
    if until:
        conditions.append(col(AuditEventRow.at) < until)
    total = work.db.exec(select(func.count()).select_from(AuditEventRow).where(*conditions)).one()
    wanted = select(AuditEventRow).where(*conditions).order_by(col(AuditEventRow.seq).desc())
    rows = work.db.exec(wanted.offset(offset).limit(limit))
    return [AuditEventRead.model_validate(row) for row in rows], total


def kinds(work: Work) -> list[str]:
    """Every kind that has occurred, in name order."""
    wanted = select(AuditEventRow.kind).distinct().order_by(col(AuditEventRow.kind))
    return list(work.db.exec(wanted))


def history(
    work: Work, *, application_id: str, grant_id: str | None = None, internal: bool = False
) -> list[Happening]:
    """All that happened to an application, or to one grant from its application to the last download; oldest first.

    `internal`: with what only the bureau may read. The caller has checked that the reader may see the object.
    """
    application = col(AuditEventRow.application_id) == application_id
    if grant_id is None:
        wanted = application
    else:
        shared = and_(application, col(AuditEventRow.grant_id).is_(None))
        wanted = or_(shared, col(AuditEventRow.grant_id) == grant_id)
    wanted = and_(wanted, col(AuditEventRow.kind).not_in(QUIET))
    rows = work.db.exec(select(AuditEventRow).where(wanted).order_by(col(AuditEventRow.seq))).all()
    applied = work.db.get(ApplicationRow, application_id)  # its side, whoever wrote the draft
    applicant = applied.org_id if applied else None
    return [_happening(row) for row in rows if internal or _is_for_applicant(row, applicant)]


def _is_for_applicant(row: AuditEventRow, org_id: str | None) -> bool:
    return row.kind not in INTERNAL and (row.kind not in OF_ITS_SIDE or row.actor_org == org_id)


def _happening(row: AuditEventRow) -> Happening:
    payload: dict[str, Any] = json.loads(row.payload)
    note = payload.pop("note", "")
    payload.pop("votes", None)  # read with the application, where they stay blind until all are in
    return Happening(
        row.seq,
        row.at,
        row.kind,
        name_of(row.kind),
        row.actor_name,
        row.actor_org,
        row.subject,
        str(note),
        payload,
    )
