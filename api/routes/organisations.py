"""Organisations and their licences."""

from __future__ import annotations

from typing import Any

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.agreements import at_odds
from auth.identity import affiliation, licence, organisations, registration
from auth.identity.affiliation import ControlEntry
from auth.identity.licence import LicenceStep
from auth.identity.organisations import OrganisationCreate, OrganisationRead
from auth.identity.registration import CountryCorrection
from auth.identity.tables import OrgKind
from core.text import Text

router = APIRouter(prefix="/api/v1/organisations", tags=["organisations"])


@router.get("", **access("signed-in"))
def list_organisations(work: ReadDep, kind: OrgKind | None = None) -> dict[str, Any]:
    """All organisations; who is licensed is public within the platform."""
    found = organisations.organisations(work, kind=kind)
    return {"items": found, "total": len(found), "next": None}


@router.post("", status_code=201, **access("auth:org:admin"))
def create_organisation(work: WorkDep, actor: ActorDep, body: OrganisationCreate) -> OrganisationRead:
    """Enter an organisation."""
    return organisations.create_organisation(
        work, actor, Text(body.name_zh, body.name_en), body.kind, org_id=body.id, credit_code=body.credit_code, country=body.country,
    )  # fmt: skip


@router.get("/{org_id}", **access("signed-in"))
def show_organisation(work: ReadDep, org_id: str) -> OrganisationRead:
    """One organisation with the licence state that counts now."""
    return organisations.organisation(work, org_id)


@router.post("/{org_id}/licence", **access("auth:org:licence"))
def step_licence(work: WorkDep, actor: ActorDep, org_id: str, body: LicenceStep) -> OrganisationRead:
    """Qualify, renew, suspend, resume or disqualify. Disqualified is for good; its grants stop counting at once."""
    return licence.take(work, actor, org_id, body)


@router.post("/{org_id}/control", **access("auth:org:admin"))
def enter_control(work: WorkDep, actor: ActorDep, org_id: str, body: ControlEntry) -> OrganisationRead:
    """Enter which organisation controls it, empty for none: organisations under one controller count as one where operator and developer are kept apart.

    Who keeps agreements and data that are at odds with it by this entry is told; `/agreements/at-odds` lists them."""
    return affiliation.enter_control(work, actor, org_id, body, touched=at_odds.ids, tell=at_odds.tell_new)


@router.post("/{org_id}/country", **access("auth:org:admin"))
def correct_country(work: WorkDep, actor: ActorDep, org_id: str, body: CountryCorrection) -> OrganisationRead:
    """Correct where an organisation is registered; abroad, its grants stop counting at once."""
    return registration.correct_country(work, actor, org_id, body)
