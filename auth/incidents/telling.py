"""Whom a freeze concerns: the holders of grants in force that it meets, and the approvers of their departments."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, func, or_, true
from sqlmodel import col, select

from auth.actor import Actor
from auth.grants import lineage, telling
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.incidents import freezes
from auth.incidents.tables import IncidentRow
from auth.incidents.workflow import TARGET_NAMES, State, Target
from auth.messages import audience
from auth.messages.service import tell
from core.work import Work

_GRANTS: Final = select(GrantRow)


def _met(work: Work, row: IncidentRow) -> ColumnElement[bool]:
    target = row.target_id
    if row.target_kind == Target.GRANT:
        return col(GrantRow.id).in_(_and_after(work, target))
    met: dict[Target, ColumnElement[bool]] = {
        Target.ORGANISATION: or_(col(GrantRow.org_id) == target, col(GrantRow.department_id) == target),
        Target.DATASET: col(GrantRow.dataset_id) == target,
        Target.PLATFORM: true(),
    }
    return met[Target(row.target_kind)]


def _and_after(work: Work, grant_id: str) -> list[str]:
    """The grant and all that follow on it: a freeze of one holds for its whole line (`auth.grants.lineage`)."""
    found = fresh = [grant_id]
    while fresh:
        fresh = list(work.db.exec(select(GrantRow.id).where(col(GrantRow.succeeds_id).in_(fresh))))
        found = [*found, *fresh]
    return found


def concerns(work: Work, row: IncidentRow, org_id: str) -> bool:
    """Whether the organisation holds a grant that the freeze meets, or met before the grant ended."""
    lived = (
        col(GrantRow.activated_at).is_not(None),
        func.coalesce(GrantRow.ended_at, GrantRow.ends_at) >= row.created_at,
    )
    wanted = _GRANTS.where(col(GrantRow.org_id) == org_id, _met(work, row), *lived)
    return work.db.exec(wanted.limit(1)).first() is not None


def told(work: Work, actor: Actor, row: IncidentRow) -> None:
    """Say that use has stopped, or that it may go on: nothing is said to go on that another freeze still holds."""
    in_force = col(GrantRow.state) == GrantState.ACTIVE, col(GrantRow.ends_at) > work.now
    found = list(work.db.exec(_GRANTS.where(*in_force, _met(work, row))))
    if row.state == State.LIFTED:
        left = freezes.targets(work)
        found = [
            each for each in found
            if not freezes.meets(left, lineage.of(work, each), (each.org_id, each.department_id), each.dataset_id)
        ]  # fmt: skip
    if not found:
        return
    kind = "grant.unfrozen" if row.state == State.LIFTED else "grant.frozen"
    accounts = {
        *telling.people(work, sorted({each.org_id for each in found})),
        *audience.deciders(work, sorted({each.department_id for each in found})),
    }
    name = TARGET_NAMES[Target(row.target_kind)]
    is_all = row.target_kind == Target.PLATFORM
    facts = {
        "target_zh": name.zh if is_all else f"{name.zh}“{row.title_zh}”",
        "target_en": name.en if is_all else f"{name.en} “{row.title_en}”",
    }
    href = f"/grants/{row.target_id}" if row.target_kind == Target.GRANT else "/grants"
    tell(work, accounts - {actor.account_id}, kind, subject=row.id, href=href, once=row.id, facts=facts)
