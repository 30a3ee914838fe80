"""Reading grants. Every list starts from what the actor may see."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, true
from sqlmodel import col, select

from auth.actor import Actor
from auth.grants.blocks import blocks
from auth.grants.blocks import question as outside
from auth.grants.stored import policy_of
from auth.grants.tables import GrantEventRow, GrantFacts, GrantRow
from auth.grants.view import GrantView, Used, day_of
from auth.grants.workflow import State
from auth.policy.model import DeliveryForm, GrantPolicy
from auth.policy.separation import Past
from auth.profile.now import limits_of, profile
from auth.scope import sight
from auth.stored import if_readable
from core.errors import NotFound, Unavailable
from core.ids import ApplicationId, DatasetId, GrantId, OrgId
from core.text import Text
from core.work import Asked, Work, fetched, rows


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list within the actor's sight; a proof bound to one grant sees that one alone."""
    seen = sight(actor, "auth:grant:read")
    bound = true() if actor.grant is None else col(GrantRow.id) == actor.grant
    if seen.everything:
        return bound
    return and_(
        bound,
        or_(false(), col(GrantRow.org_id).in_(seen.orgs), col(GrantRow.department_id).in_(seen.departments)),
    )


def sees(actor: Actor, found: GrantRow | GrantFacts) -> bool:
    """The same of one grant that is at hand."""
    seen = sight(actor, "auth:grant:read")
    is_bound = actor.grant is None or found.id == actor.grant
    return is_bound and (
        seen.everything or found.org_id in seen.orgs or found.department_id in seen.departments
    )


def missing() -> NotFound:
    return NotFound(
        Text("没有这项授权，或不在您可见的范围内。", "There is no such grant, or it is not yours to see.")
    )


_ONE: Final = (
    select(GrantRow)
    .where(col(GrantRow.id) == bindparam("grant_id"))
    .execution_options(populate_existing=True)
)
_TO_CHANGE: Final = _ONE.with_for_update()


def row(work: Work, grant_id: GrantId, actor: Actor | None = None, *, to_change: bool = False) -> GrantRow:
    """The grant's row, within the actor's sight; `to_change` holds it until the transaction ends. Raises NotFound."""
    held = rows(work, _TO_CHANGE if to_change else _ONE, grant_id=grant_id)
    found = held[0] if held else None
    if found is None or (actor is not None and not sees(actor, found)):
        raise missing()
    return found


_FACTS: Final = sqlalchemy.select(
    *(getattr(GrantRow, each.name) for each in dataclasses.fields(GrantFacts))
).where(col(GrantRow.id) == bindparam("grant_id"))


def facts(work: Work, grant_id: GrantId, actor: Actor | None = None) -> GrantFacts:
    """The same to read only, as it is at this instant: what decisions ask, again and again. Raises NotFound."""
    statement, given = question(grant_id)
    row: tuple[Any, ...] | None = fetched(work, statement, **given).first()
    found = None if row is None else GrantFacts(*row)
    if found is None or (actor is not None and not sees(actor, found)):
        raise missing()
    return found


def question(grant_id: str) -> Asked:
    """What `facts` asks."""
    return _FACTS, {"grant_id": grant_id}


def view_asked(work: Work, found: GrantRow | GrantFacts) -> Asked:
    """What `view_of` asks first."""
    rules = profile(work)
    return outside(work, found, rules, limits_of(rules))


def row_asked(grant_id: str) -> Asked:
    """What `row` asks to read."""
    return _ONE, {"grant_id": grant_id}


def view(work: Work, grant_id: GrantId, actor: Actor | None = None) -> GrantView:
    """The grant as the rules see it. Raises NotFound; Unavailable when the stored policy is not the agreed one."""
    return view_of(work, facts(work, grant_id, actor))


def agreed(found: GrantRow | GrantFacts) -> GrantPolicy:
    """The stored policy, which must be the agreed one. Raises Unavailable where it is not, or cannot be read."""
    if hashlib.sha256(found.policy.encode()).hexdigest() != found.policy_hash:
        raise Unavailable(
            Text(
                f"授权 {found.id} 所存条款与约定的摘要不符，已停止使用；请联系安全管理员。",
                f"The stored policy of grant {found.id} does not match the agreed digest; it is out of use. Tell the security officer.",
            )
        )
    return policy_of(found)


def forms_of(found: GrantRow) -> frozenset[DeliveryForm]:
    """The delivery forms that a grant names; none of one that is out of use because it cannot be read."""
    policy = if_readable(agreed, found)
    return frozenset(policy.delivery_forms) if policy else frozenset()


def view_of(work: Work, found: GrantRow | GrantFacts) -> GrantView:
    policy = agreed(found)
    around = blocks(work, found, policy, profile(work))
    return GrantView(
        id=GrantId(found.id),
        state=State(found.state),
        org_id=OrgId(found.org_id),
        dataset_id=DatasetId(found.dataset_id),
        policy=policy,
        policy_hash=found.policy_hash,
        used=Used(
            found.used_extracts + found.carried_extracts,
            found.used_rows + found.carried_rows,
            found.used_bytes + found.carried_bytes,
            found.used_per_day if found.used_on >= (today := day_of(work.now)) else 0,
            found.used_per_month if found.used_in >= today[:7] else 0,
            found.used_outputs_per_month if found.outputs_in >= today[:7] else 0,
        ),
        application_id=ApplicationId(found.application_id),
        blocks=around.against,
        if_shared=around.if_shared,
    )


def past(work: Work, grant_id: str) -> tuple[Past, ...]:
    """What was done to the grant, oldest first."""
    wanted = (
        select(GrantEventRow).where(GrantEventRow.grant_id == grant_id).order_by(col(GrantEventRow.version))
    )
    return tuple(Past(event.step, event.person_id, event.org_id) for event in work.db.exec(wanted))


SORTS = {
    "created": col(GrantRow.id),
    "ends": col(GrantRow.ends_at),
    "dataset": col(GrantRow.dataset_id),
    "state": col(GrantRow.state),
}


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    dataset_id: str | None = None,
    org_id: str | None = None,
    application_id: str | None = None,
    sort: str = "-created",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[GrantRow], int]:
    """Grants in the actor's sight and their number. `sort`: a key of SORTS, with `-` before it for descending."""
    conditions: list[Any] = [seen_by(actor)]
    for column, value in (
        (GrantRow.state, state),
        (GrantRow.dataset_id, dataset_id),
        (GrantRow.org_id, org_id),
        (GrantRow.application_id, application_id),
    ):
        if value:
            conditions.append(col(column) == value)
    order = SORTS.get(sort.removeprefix("-"), col(GrantRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(GrantRow.id).desc())
    wanted = select(GrantRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit)
    total = work.db.exec(select(func.count()).select_from(GrantRow).where(*conditions)).one()
    return list(work.db.exec(wanted)), total
