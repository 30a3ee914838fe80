"""A grant as a reader sees it: whether it counts is computed for the instant of reading, never taken from a sweep."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from auth.actor import Actor
from auth.grants import queries
from auth.grants.standing import licence
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.policy import odrl, rules
from core.ids import ApplicationId, DatasetId, GrantId, OrgId
from core.work import Work


class GrantRead(SQLModel):
    """A grant as a reader sees it. `is_effective` is computed for the instant of reading; `why_not` says what stands against it."""

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
    return GrantRead.model_validate(
        row,
        update={
            "policy": json.loads(row.policy),
            "is_effective": not against,
            "why_not": [{"code": r.code, "zh": r.text.zh, "en": r.text.en} for r in against],
        },
    )


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
    """Grants in sight, filtered by state, dataset_id, org_id, application_id; and their number."""
    rows, total = queries.listed(work, actor, offset=offset, limit=limit, sort=sort, **by)
    return [read(work, row) for row in rows], total
