"""Reading the audit record: lists for the auditor, and the history of one application or grant for those concerned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import rfc8785
from sqlalchemy import and_, func, or_
from sqlmodel import col, select

from auth import audit_personal
from auth.applications.tables import ApplicationRow
from auth.audit import AuditEventRead, AuditEventRow
from auth.audit_kinds import KIND_NAMES
from auth.identity.tables import AccountRow
from core.text import Text
from core.work import Work

INTERNAL: Final = (  # votes, proposals, remarks, who judges and handles it, what checkers see are the bureau's own business
    "application.reviewed",
    "application.decision-proposed",
    "application.decision-concurred",
    "application.decision-objected",
    "application.remarked",
    "application.remark_hidden",
    "application.assigned",
    "application.reviewer_invited",  # with the words to him
    "application.invitation_ended",
    "output.opened",
    "output.looked",
    "output.voted",
    "output.overdue",
    "output.refused",  # the file's digest stands in it; its requester reads `extract.kept_in`
    "output.withdrawn",  # the same: `extract.withdrawn`
)
QUIET: Final = ("paper.listed",)  # on record, and nothing that happened to the case
OF_ITS_SIDE: Final = (  # who was kept from what, and what somebody tried before deciding, concern the side that did it
    "application.refused",
    "policy.simulated",
)


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
    request_id: str = "",
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
        known = select(AccountRow.id).where(AccountRow.username == account)
        conditions.append(
            or_(col(AuditEventRow.actor_name) == account, col(AuditEventRow.actor_account).in_(known))
        )
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
    if request_id:
        conditions.append(col(AuditEventRow.request_id) == request_id)
    if since:
        conditions.append(col(AuditEventRow.at) >= since)
    if until:
        conditions.append(col(AuditEventRow.at) < until)
    total = work.db.exec(select(func.count()).select_from(AuditEventRow).where(*conditions)).one()
    wanted = select(AuditEventRow).where(*conditions).order_by(col(AuditEventRow.seq).desc())
    return in_clear(work, work.db.exec(wanted.offset(offset).limit(limit)).all()), total


def in_clear(work: Work, rows: Sequence[AuditEventRow]) -> list[AuditEventRead]:
    """Events as a reader sees them: user names, and what was written, where it was not erased."""
    names, payloads = names_of(work, rows), audit_personal.opened(work, ((r.seq, r.payload) for r in rows))
    return [
        AuditEventRead.model_validate(
            row,
            update={
                "actor_name": names[row.seq],
                "payload": rfc8785.dumps(cast(Any, payloads[row.seq])).decode(),
            },
        )
        for row in rows
    ]


def names_of(work: Work, rows: Iterable[AuditEventRow]) -> dict[int, str]:
    """Who acted, by event: the account's user name as it is now, so that one who was erased has none."""
    rows = list(rows)
    wanted = sorted({row.actor_account for row in rows})
    found = select(AccountRow.id, AccountRow.username).where(col(AccountRow.id).in_(wanted))
    known = dict(work.db.exec(found).all())
    return {row.seq: known.get(row.actor_account, row.actor_name) for row in rows}


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
    shown = [row for row in rows if internal or _is_for_applicant(row, applicant)]
    names, payloads = names_of(work, shown), audit_personal.opened(work, ((r.seq, r.payload) for r in shown))
    return [_happening(row, names[row.seq], payloads[row.seq]) for row in shown]


def _is_for_applicant(row: AuditEventRow, org_id: str | None) -> bool:
    return row.kind not in INTERNAL and (row.kind not in OF_ITS_SIDE or row.actor_org == org_id)


def _happening(row: AuditEventRow, who: str, payload: dict[str, Any]) -> Happening:
    note = payload.pop("note", "") or ""
    payload.pop(audit_personal.ASKED_FROM, None)  # where the other side sat is for the auditor
    if (
        row.kind == "application.reviewed"
    ):  # read with the application, where votes stay blind until all are in;
        for told in ("votes", "opinion"):  # the template of an opinion says which way it went
            payload.pop(told, None)
    if row.kind in (
        "application.commented",
        "application.remarked",
    ):  # read beside it, where it may be hidden
        payload.pop("comment", None)
    return Happening(
        row.seq,
        row.at,
        row.kind,
        name_of(row.kind),
        who,
        row.actor_org,
        row.subject,
        str(note),
        payload,
    )
