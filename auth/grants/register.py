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
from auth.grants.stored import leaving, outline_of, policy_of, scenario_of, uses_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL, State
from auth.identity.rules import ENTERPRISE_KINDS, licence_state_on
from auth.identity.tables import LicenceState, OrganisationRow
from auth.incidents import freezes
from auth.profile.now import profile
from auth.stored import if_readable
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

    `is_suspended`: it was suspended, its holder's licence, its agreement or a freeze stops it now, or this version cannot read its terms;
    of such a one `scenario_id` and `column_count` are null, and `purposes` and `delivery_forms` empty, where they cannot be told.

    `agreements`: it hangs on one of them where the profile in force asks for agreements.
    """

    grant_id: str
    org_id: str
    org_zh: str
    org_en: str
    dataset_id: str
    title_zh: str
    title_en: str
    scenario_id: str | None
    purposes: tuple[str, ...]
    delivery_forms: tuple[str, ...]
    column_count: int | None
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
    hung = _hung(work, [grant for grant, _ in rows])
    stopped = _stopping(work, hung)
    return [_registered(grant, org, stopped, hung) for grant, org in rows], total


_Stopped = Callable[[GrantRow, OrganisationRow], bool]
_Hung = Mapping[str, Sequence[Covering]]


def _hung(work: Work, rows: Sequence[GrantRow]) -> _Hung:
    """The agreements on which each grant hangs, by its id; none for one whose scenario cannot be told."""
    pairs = {row.id: (row.org_id, scenario) for row in rows if (scenario := scenario_of(row)) is not None}
    held = cover.holding(work, set(pairs.values()))
    return {row.id: held[pairs[row.id]] if row.id in pairs else () for row in rows}


def _stopping(work: Work, hung: _Hung) -> _Stopped:
    """Whether a grant cannot be used now, though it has not ended: what everybody may know of `blocks`, and of the licence."""
    frozen, asks_for_agreement = freezes.targets(work), profile(work).agreement

    def stopped(grant: GrantRow, org: OrganisationRow) -> bool:
        licence = licence_state_on(org.licence_state, org.licence_valid_to, work.now)
        grants = lineage.of(work, grant) if frozen else ()
        return (
            grant.state == State.SUSPENDED
            or (org.kind in ENTERPRISE_KINDS and licence != LicenceState.QUALIFIED)
            or (asks_for_agreement and not hung[grant.id])
            or if_readable(policy_of, grant) is None
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
    stopped: _Stopped,
    hung: _Hung,
) -> RegisteredGrant:
    told = if_readable(lambda row: outline_of(row.id, row.policy), grant)
    return RegisteredGrant(
        grant_id=grant.id,
        org_id=grant.org_id,
        org_zh=org.name_zh,
        org_en=org.name_en,
        dataset_id=grant.dataset_id,
        title_zh=grant.title_zh,
        title_en=grant.title_en,
        scenario_id=scenario_of(grant),
        purposes=told.purposes if told else (),
        delivery_forms=told.delivery_forms if told else (),
        column_count=None if uses_of(grant) is None else len(leaving(grant)),
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        is_suspended=stopped(grant, org),
        agreements=tuple(HoldingAgreement(agreement_id=each.id, title=each.title) for each in hung[grant.id]),
    )


def live(work: Work, actor: Actor, dataset_ids: Iterable[str]) -> list[tuple[str, str, str, Standing]]:
    """(dataset, scenario, organisation, how it stands) of grants on these datasets that have not ended.

    Those in force are public, also while something stops them; those that wait or were suspended are known to whoever may read them.
    One whose scenario cannot be told has no place here.
    """
    running = and_(*in_force.in_use(work.now))
    wanted = select(GrantRow, OrganisationRow).where(
        col(OrganisationRow.id) == col(GrantRow.org_id),
        col(GrantRow.dataset_id).in_(list(dataset_ids)),
        col(GrantRow.state).not_in(FINAL),
        col(GrantRow.ends_at) > work.now,
        or_(running, seen_by(actor)),
    )
    rows = list(work.db.exec(wanted))
    stopped = _stopping(work, _hung(work, [grant for grant, _ in rows]))

    def standing(grant: GrantRow, org: OrganisationRow) -> Standing:
        if grant.state == State.PENDING or grant.starts_at > work.now:
            return Standing.PENDING
        return Standing.SUSPENDED if stopped(grant, org) else Standing.IN_FORCE

    return [
        (grant.dataset_id, scenario, grant.org_id, standing(grant, org))
        for grant, org in rows
        if (scenario := scenario_of(grant)) is not None
    ]
