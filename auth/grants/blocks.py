"""What stands against a grant from outside its own terms at this instant: a freeze, an agreement or a registration that ended, a duty or a narrowing overdue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Date, Select, String, bindparam, false
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from auth.agreements import cover
from auth.consents import cover as consents
from auth.duties import overdue
from auth.grants import dormancy, lineage
from auth.grants.tables import GrantFacts, GrantRow
from auth.incidents import freezes
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy
from auth.profile import now
from auth.profile.model import Profile
from auth.proof import standstill
from auth.registrations import cover as registrations
from auth.reviews import cover as reviews
from core.db import UtcDateTime
from core.errors import Reason
from core.work import Asked, Work, fetched


def blocks(
    work: Work, row: GrantRow | GrantFacts, policy: GrantPolicy, profile: Profile
) -> consents.Standing:
    """Every reason of that kind, and those besides if its dataset turns out to have come by sharing. Computed at each use, so nothing waits for a sweep.

    Most uses meet none of them: one question says which kinds may stand against the grant, and only those are asked for their words.
    """
    limits = now.limits_of(profile)
    may = _suspects(work, row, profile, limits)
    found: list[Reason] = []
    if may["freeze"]:
        orgs = [row.org_id, row.department_id]
        found += freezes.reasons(work, grants=lineage.of(work, row), orgs=orgs, dataset_id=row.dataset_id)
    found += standstill.against(work, profile)
    found += cover.at_use(work, profile, row.org_id, policy.scenario_id)
    found += registrations.at_use(work, profile, row.dataset_id)
    if may["review"]:
        found += reviews.at_use(work, row.id)
    if may["duty"]:
        found += overdue.blocking(work, profile, limits, row)
    if may["sleep"]:
        found += dormancy.at_use(work, limits, row)
    consent = consents.at_use(work, profile, policy, is_on_record=may["consent"])
    return replace(consent, against=(*found, *consent.against))


def _suspects(work: Work, row: GrantRow | GrantFacts, profile: Profile, limits: Limits) -> dict[str, bool]:
    """Which kinds of reason may stand against the grant now: all that do, seldom one that does not. One round trip."""
    statement, given = question(work, row, profile, limits)
    answer = fetched(work, statement, **given).one()
    return {name: bool(value) for name, value in zip(answer._fields, answer, strict=True)}


def question(work: Work, row: GrantRow | GrantFacts, profile: Profile, limits: Limits) -> Asked:
    """What `blocks` asks first."""
    sleeps = dormancy.may_sleep(row, work.now, limits)
    given: dict[str, object] = {
        "grant_id": row.id, "org_id": row.org_id, "dataset_id": row.dataset_id, "department_id": row.department_id,
        "today": overdue.today(work), "now": work.now, "reported_before": overdue.reported_before(work.now, limits),
        "used_before": work.now - timedelta(days=limits[dormancy.KEY]), "succeeds_id": row.succeeds_id,
    }  # fmt: skip
    return _question(overdue.reaches(profile), sleeps, row.succeeds_id is not None), given


@lru_cache(maxsize=64)
def _question(reaches: overdue.Reaches, sleeps: bool, follows: bool) -> Select[Any]:
    """Made once for each way in which duties may reach; the grant and the moment are its parameters. `follows`: others are before it."""
    ids = {
        name: bindparam(name, type_=String) for name in ("grant_id", "org_id", "dataset_id", "department_id")
    }
    now, today = bindparam("now", type_=UtcDateTime), bindparam("today", type_=Date)
    place = overdue.Place(
        ids["grant_id"], ids["org_id"], ids["dataset_id"], today, now, bindparam("reported_before", type_=UtcDateTime)
    )  # fmt: skip
    asleep = select(GrantRow.id).where(
        col(GrantRow.id) == ids["grant_id"], dormancy.unused(now, bindparam("used_before", type_=UtcDateTime))
    )
    question: Any = select_columns(
        freezes.of_grant(
            ids["grant_id"],
            ids["org_id"],
            ids["dataset_id"],
            ids["department_id"],
            lineage.before(bindparam("succeeds_id", type_=String)) if follows else None,
        ).label("freeze"),
        reviews.overdue(ids["grant_id"], today).label("review"),
        overdue.suspected(reaches, place).label("duty"),
        (asleep.exists() if sleeps else false()).label("sleep"),
        consents.known(ids["dataset_id"]).label("consent"),
    )
    return cast(Select[Any], question)
