"""Receipts: which events somebody may prove who does not read the record, and those of one application.

Of an application the applicant's side has what its history tells, and everybody his own acts: an event is the leaf of its proof, so
it is given only to who may read all that stands in it. Votes, proposals and remarks of others never are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.applications import queries as applications
from auth.audit import AuditEventRow
from auth.audit_reading import INTERNAL, OF_ITS_SIDE, QUIET, name_of
from auth.grants import queries as grants
from core.errors import NotFound
from core.ids import ApplicationId, GrantId
from core.text import Text
from core.work import Work

ACTS: Final = "application."
"""How the kinds begin that who did them may prove, also where they are the bureau's own business."""
_NAMELESS: Final = 2  # forms of events from here on name nobody, and hold free words as commitments


class ReceiptRead(SQLModel):
    """One event of an application: its id, by which the proof is asked for, and its leaf's number in the signed record, from 0."""

    event_id: str
    leaf_index: int
    at: datetime
    kind: str
    name_zh: str
    name_en: str
    is_mine: bool
    is_signed: bool


def listed(
    work: Work, actor: Actor, application_id: ApplicationId, signed: int, *, offset: int = 0, limit: int = 50
) -> tuple[list[ReceiptRead], int]:
    """The events of an application that this reader may prove, newest first, and their number. `signed`: events under the newest checkpoint.

    NotFound outside the actor's sight.
    """
    row = applications.row(work, application_id, actor)
    wanted = _provable(actor, row.id, row.org_id)
    total = work.db.exec(select(func.count()).select_from(AuditEventRow).where(wanted)).one()
    found = select(AuditEventRow).where(wanted).order_by(col(AuditEventRow.seq).desc())
    return [_read(each, actor, signed) for each in work.db.exec(found.offset(offset).limit(limit))], total


def seen(work: Work, actor: Actor, event_id: str) -> AuditEventRow:
    """An event that the actor may see: any for those who read the record, else those about a grant or an application in his sight."""
    row = work.db.exec(select(AuditEventRow).where(AuditEventRow.id == event_id)).first()
    if row is None or not (actor.may("auth:audit:read") or _concerns(work, actor, row)):
        raise NotFound(
            Text(
                "没有这条审计记录，或不在您可见的范围内。",
                "There is no such event, or it is not yours to see.",
            )
        )
    return row


def is_given(kind: str) -> bool:
    """Whether the id of such an event is told to who caused it."""
    return kind.startswith(ACTS) or kind not in (*INTERNAL, *QUIET)


def _concerns(work: Work, actor: Actor, row: AuditEventRow) -> bool:
    try:
        if row.grant_id is not None:
            if row.kind in INTERNAL or not actor.may("auth:grant:read"):
                return False
            grants.row(work, GrantId(row.grant_id), actor)
            return True
        if row.application_id is None or actor.grant is not None:
            return False
        application = applications.row(work, ApplicationId(row.application_id), actor)
    except NotFound:
        return False
    wanted = and_(_provable(actor, application.id, application.org_id), col(AuditEventRow.seq) == row.seq)
    return work.db.exec(select(AuditEventRow.seq).where(wanted)).first() is not None


def _provable(actor: Actor, application_id: str, org_id: str) -> ColumnElement[bool]:
    """What the history tells the applicant's side, and what the actor did himself, for the organisation that he is of now."""
    kind, of_org = col(AuditEventRow.kind), col(AuditEventRow.actor_org)
    told = and_(kind.not_in((*INTERNAL, *QUIET)), or_(kind.not_in(OF_ITS_SIDE), of_org == org_id))
    own = and_(
        col(AuditEventRow.actor_account) == actor.account_id,
        of_org == actor.org_id,
        kind.startswith(ACTS),
    )
    return and_(
        col(AuditEventRow.application_id) == application_id,
        col(AuditEventRow.grant_id).is_(None),
        col(AuditEventRow.form) >= _NAMELESS,
        or_(told, own),
    )


def _read(row: AuditEventRow, actor: Actor, signed: int) -> ReceiptRead:
    name = name_of(row.kind)
    return ReceiptRead(
        event_id=row.id, leaf_index=row.seq - 1, at=row.at, kind=row.kind, name_zh=name.zh, name_en=name.en,
        is_mine=row.actor_account == actor.account_id, is_signed=row.seq <= signed,
    )  # fmt: skip
