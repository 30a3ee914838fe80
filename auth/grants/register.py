"""The public register: who is authorised for what, until when. No sign-in, no quota, no person: what must be known of a grant in force."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, and_, func, or_
from sqlmodel import col, select

from auth.actor import Actor
from auth.agreements import cover
from auth.agreements.rules import Covering
from auth.grants import in_force, lineage
from auth.grants.queries import seen_by
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL, State
from auth.identity.rules import ENTERPRISE_KINDS, licence_state_on
from auth.identity.tables import LicenceState, OrganisationRow
from auth.incidents import freezes
from auth.policy.model import LEAVING
from auth.profile.now import profile
from core.work import Work


class Standing(StrEnum):
    """How a grant that has not ended stands at this instant, as registers and the matrix call it."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    PENDING = "pending"


class HoldingAgreement(BaseModel):
    """An agreement of the grant's holder, in force today, that holds the grant's scenario."""

    agreement_id: str
    title: str


class RegisteredGrant(BaseModel):
    """One grant in force, as the public may know it. The period ends before `ends_at`.

    `is_suspended`: it was suspended, or its holder's licence, its agreement or a freeze stops it now.

    `agreements`: it hangs on one of them where the profile in force asks for agreements.
    """

    grant_id: str
    org_id: str
    org_zh: str
    org_en: str
    dataset_id: str
    title_zh: str
    title_en: str
    scenario_id: str
    purposes: tuple[str, ...]
    delivery_forms: tuple[str, ...]
    column_count: int
    starts_at: datetime
    ends_at: datetime
    is_suspended: bool
    agreements: tuple[HoldingAgreement, ...]


def _of_scenario(code: str) -> ColumnElement[bool]:
    """Policies are stored as canonical JSON, so that a member reads in exactly one way."""
    member = f'"scenario_id":{json.dumps(code, ensure_ascii=False)}'
    return col(GrantRow.policy).contains(member, autoescape=True)


def register(
    work: Work,
    known: Select[Any],
    *,
    dataset_id: str = "",
    org_id: str = "",
    scenario_id: str = "",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[RegisteredGrant], int]:
    """Grants in force, those that end first at the top, and their number. `known`: ids of the datasets that the public may know of."""
    wanted = [*in_force.standing(work.now), col(GrantRow.dataset_id).in_(known)]
    if dataset_id:
        wanted.append(col(GrantRow.dataset_id) == dataset_id)
    if org_id:
        wanted.append(col(GrantRow.org_id) == org_id)
    if scenario_id:
        wanted.append(_of_scenario(scenario_id))
    rows = work.db.exec(
        select(GrantRow, OrganisationRow)
        .where(col(OrganisationRow.id) == col(GrantRow.org_id), *wanted)
        .order_by(col(GrantRow.ends_at), col(GrantRow.id))
        .offset(offset)
        .limit(limit)
    ).all()
    total = work.db.exec(select(func.count()).select_from(GrantRow).where(*wanted)).one()
    policies = {grant.id: json.loads(grant.policy) for grant, _ in rows}
    hung = cover.holding(work, {(grant.org_id, policies[grant.id]["scenario_id"]) for grant, _ in rows})
    stopped = _stopping(work, hung)
    return [_registered(grant, org, policies[grant.id], stopped, hung) for grant, org in rows], total


_Stopped = Callable[[GrantRow, OrganisationRow, str], bool]


def _stopping(work: Work, hung: Mapping[tuple[str, str], Sequence[Covering]]) -> _Stopped:
    """Whether a grant of a scenario cannot be used now, though it has not ended: what everybody may know of `blocks`, and of the licence."""
    frozen, asks_for_agreement = freezes.targets(work), profile(work).agreement

    def stopped(grant: GrantRow, org: OrganisationRow, scenario_id: str) -> bool:
        licence = licence_state_on(org.licence_state, org.licence_valid_to, work.now)
        grants = lineage.of(work, grant) if frozen else ()
        return (
            grant.state == State.SUSPENDED
            or (org.kind in ENTERPRISE_KINDS and licence != LicenceState.QUALIFIED)
            or (asks_for_agreement and not hung[grant.org_id, scenario_id])
            or freezes.meets(frozen, grants, [grant.org_id, grant.department_id], grant.dataset_id)
        )

    return stopped


def number_on(work: Work, dataset_id: str) -> int:
    """How many grants on a dataset stand in the register now; for a dataset that the public may know of."""
    wanted = select(func.count()).select_from(GrantRow)
    return work.db.exec(
        wanted.where(col(GrantRow.dataset_id) == dataset_id, *in_force.standing(work.now))
    ).one()


def _registered(
    grant: GrantRow,
    org: OrganisationRow,
    policy: Mapping[str, Any],
    stopped: _Stopped,
    hung: Mapping[tuple[str, str], Sequence[Covering]],
) -> RegisteredGrant:
    return RegisteredGrant(
        grant_id=grant.id,
        org_id=grant.org_id,
        org_zh=org.name_zh,
        org_en=org.name_en,
        dataset_id=grant.dataset_id,
        title_zh=grant.title_zh,
        title_en=grant.title_en,
        scenario_id=policy["scenario_id"],
        purposes=tuple(policy["purposes"]),
        delivery_forms=tuple(policy["delivery_forms"]),
        column_count=sum(column["use"] in LEAVING for column in policy["columns"]),
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        is_suspended=stopped(grant, org, policy["scenario_id"]),
        agreements=tuple(
            HoldingAgreement(agreement_id=each.id, title=each.title)
            for each in hung[grant.org_id, policy["scenario_id"]]
        ),
    )


def live(work: Work, actor: Actor, dataset_ids: Iterable[str]) -> list[tuple[str, str, str, Standing]]:
    """(dataset, scenario, organisation, how it stands) of grants on these datasets that have not ended.

    Those in force are public, also while something stops them; those that wait or were suspended are known to whoever may read them.
    """
    running = and_(*in_force.in_use(work.now))
    wanted = select(GrantRow, OrganisationRow).where(
        col(OrganisationRow.id) == col(GrantRow.org_id),
        col(GrantRow.dataset_id).in_(list(dataset_ids)),
        col(GrantRow.state).not_in(FINAL),
        col(GrantRow.ends_at) > work.now,
        or_(running, seen_by(actor)),
    )
    rows = [(grant, org, json.loads(grant.policy)["scenario_id"]) for grant, org in work.db.exec(wanted)]
    stopped = _stopping(work, cover.holding(work, {(grant.org_id, scenario) for grant, _, scenario in rows}))

    def standing(grant: GrantRow, org: OrganisationRow, scenario: str) -> Standing:
        if grant.state == State.PENDING or grant.starts_at > work.now:
            return Standing.PENDING
        return Standing.SUSPENDED if stopped(grant, org, scenario) else Standing.IN_FORCE

    return [
        (grant.dataset_id, scenario, grant.org_id, standing(grant, org, scenario))
        for grant, org, scenario in rows
    ]
