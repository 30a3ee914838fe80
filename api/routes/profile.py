"""The policy profile: what is in force, the shipped ones, proposing, dry run, confirming."""

from __future__ import annotations

from functools import partial
from typing import Any

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import assets
from api.routes.selfchecks import around
from auth.casework.book import CaseStep
from auth.profile import service
from auth.profile.bounds import refuse_beyond
from auth.profile.foreseen import clock_effects
from auth.profile.model import Profile, shipped
from auth.profile.now import profile
from auth.profile.service import ProfileProposal, ProfileRead
from auth.profile.workflow import Step
from auth.selfcheck import service as selfcheck

router = APIRouter(prefix="/api/v1/profile", tags=["policy profile"])
_READ, _PROPOSE, _CONFIRM = (f"auth:profile:{word}" for word in ("read", "propose", "confirm"))


@router.get("", **access(_READ))
def show_profile(work: ReadDep) -> Profile:
    """The profile in force now."""
    return profile(work)


@router.get("/shipped", **access(_READ))
def list_shipped() -> dict[str, Any]:
    """The profiles that come with the program."""
    found = list(shipped().values())
    return {"items": found, "total": len(found), "next": None}


@router.get("/versions", **access(_READ))
def list_versions(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """Every version that was proposed, newest first."""
    found, total = service.versions(work, actor, limit=200)
    return {"items": found, "total": total, "next": None}


@router.post("/versions", status_code=201, **access(_PROPOSE))
def propose_version(work: WorkDep, actor: ActorDep, body: ProfileProposal) -> ProfileRead:
    """Propose a version, whole, with a reason."""
    return service.propose(work, actor, body)


@router.post("/dry-run", **access(_READ))
def dry_run(work: ReadDep, house: HouseDep, actor: ActorDep, lang: LangDep, body: Profile) -> dict[str, Any]:
    """Which live grants this profile would not allow, with every reason; nothing is changed.

    A profile beyond the bounds is refused, as it is when it is proposed. `stopped`: people who could use the grant no more because nobody vouches for them; `people_stopped`: of all grants, each counted once.
    `clocks`: what would become of clocks and reminders if it were in force now (a part that is null goes on as it does);
    `self_checks`: points of self-checks in the caller's sight that would turn out otherwise.
    """
    refuse_beyond(body.numbers)
    found = service.dry_run(work, body, assets=partial(assets, work))
    items = [
        {"grant_id": each.grant_id, "org_id": each.org_id, "dataset_id": each.dataset_id, "stopped": len(each.stopped), "reasons": [r.as_json(lang) for r in each.reasons]}
        for each in found
    ]  # fmt: skip
    return {
        "items": items,
        "total": len(items),
        "next": None,
        "people_stopped": service.people_stopped(found),
        "clocks": clock_effects(work, body).as_json(),
        "self_checks": selfcheck.changed(work, actor, body, around(house)),
    }


@router.get("/versions/{profile_id}", **access(_READ))
def show_version(work: ReadDep, actor: ActorDep, profile_id: str) -> ProfileRead:
    """One version."""
    return service.version(work, actor, profile_id)


@router.post("/versions/{profile_id}/confirm", **access(_CONFIRM))
def confirm_version(work: WorkDep, actor: ActorDep, profile_id: str, body: CaseStep) -> ProfileRead:
    """Put it in force, as a second person."""
    return service.step(work, actor, profile_id, Step.CONFIRM, body)


@router.post("/versions/{profile_id}/reject", **access(_CONFIRM))
def reject_version(work: WorkDep, actor: ActorDep, profile_id: str, body: CaseStep) -> ProfileRead:
    """Do not take it."""
    return service.step(work, actor, profile_id, Step.REJECT, body)
