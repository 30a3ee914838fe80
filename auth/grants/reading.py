"""A grant as a reader sees it: whether it counts is computed for the instant of reading, never taken from a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from auth.actor import Actor
from auth.grants import queries
from auth.grants.standing import licence
from auth.grants.stored import as_stored
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.policy import odrl, rules
from auth.stored import if_readable
from core.errors import Reason, Unavailable
from core.ids import ApplicationId, DatasetId, GrantId, OrgId
from core.work import Work


class GrantRead(SQLModel):
    """A grant as a reader sees it. `is_effective` is computed for the instant of reading; `why_not` says what stands against it. `policy`: in lists as it
    is stored, also where this version cannot read it; empty where it is no JSON."""

    id: GrantId
    application_id: ApplicationId
    org_id: OrgId
    dataset_id: DatasetId
    department_id: str
    title_zh: str
    title_en: str
    state: State
    version: int
    policy: dict[str, Any]
    policy_hash: str
    agreement_hash: str
    starts_at: datetime
    ends_at: datetime
    quota_extracts: int | None
    quota_rows: int | None
    quota_bytes: int | None
    quota_per_day: int | None
    used_per_day: int
    used_on: str
    quota_per_month: int | None
    used_per_month: int
    used_in: str
    quota_outputs_per_month: int | None
    used_outputs_per_month: int
    outputs_in: str
    used_extracts: int
    used_rows: int
    used_bytes: int
    carried_extracts: int
    carried_rows: int
    carried_bytes: int
    succeeds_id: GrantId | None
    succession: str
    is_effective: bool
    why_not: list[dict[str, Any]]
    note: str
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None


def read(work: Work, row: GrantRow) -> GrantRead:
    standing = licence(work, OrgId(row.org_id))
    against = (
        *rules.effective(queries.view_of(work, row), work.now),
        *rules.licence_objections(standing, work.now),
    )
    return _told(row, against)


def _told(row: GrantRow, against: Sequence[Reason]) -> GrantRead:
    return GrantRead.model_validate(
        row,
        update={
            "policy": if_readable(as_stored, row) or {},
            "is_effective": not against,
            "why_not": [{"code": r.code, "zh": r.text.zh, "en": r.text.en} for r in against],
        },
    )


def _listed(work: Work, row: GrantRow) -> GrantRead:
    """The same in a list: one whose policy cannot be read, or is not the agreed one, stands there as out of use."""
    try:
        queries.agreed(row)
    except Unavailable as unread:
        return _told(row, unread.reasons or [Reason("policy-unenforceable", unread.detail, rules.POLICY)])
    return read(work, row)


def grant(work: Work, actor: Actor, grant_id: GrantId) -> GrantRead:
    """One grant; NotFound outside the actor's sight."""
    return read(work, queries.row(work, grant_id, actor))


def as_odrl(work: Work, actor: Actor, grant_id: GrantId) -> odrl.Document:
    """The grant as an ODRL agreement between department and holder; NotFound outside the actor's sight."""
    row = queries.row(work, grant_id, actor)
    return odrl.agreement(
        queries.view_of(work, row).policy,
        grant_id=row.id,
        assigner=row.department_id,
        assignee=row.org_id,
        agreed_at=row.created_at,
    )


def grants(
    work: Work, actor: Actor, *, offset: int = 0, limit: int = 50, sort: str = "-created", **by: str | None
) -> tuple[list[GrantRead], int]:
    """Grants in sight, filtered by state, dataset_id, org_id, application_id; and their number. Those that cannot be read say so in `why_not`."""
    rows, total = queries.listed(work, actor, offset=offset, limit=limit, sort=sort, **by)
    return [_listed(work, row) for row in rows], total
