"""Weights and grades of the quality score: what is in force, its versions, proposing, dry run, confirming."""

from __future__ import annotations

from typing import Any

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from datasets import scheme_trial
from quality.schemes import service
from quality.schemes.model import Scheme
from quality.schemes.now import in_force
from quality.schemes.service import SchemeProposal, SchemeRead
from quality.schemes.workflow import Step

router = APIRouter(prefix="/api/v1/scoring", tags=["suites"])
_READ, _PROPOSE, _CONFIRM = (f"quality:scheme:{word}" for word in ("read", "propose", "confirm"))


@router.get("", **access(_READ))
def show_scoring(work: ReadDep) -> dict[str, Any]:
    """The scheme in force now, with its number (0: the shipped one)."""
    number, scheme = in_force(work)
    return {"number": number, "scheme": scheme.model_dump(mode="json")}


@router.get("/versions", **access(_READ))
def list_schemes(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """Every version that was proposed, newest first."""
    found, total = service.versions(work, actor)
    return {"items": found, "total": total, "next": None}


@router.post("/versions", status_code=201, **access(_PROPOSE))
def propose_scheme(work: WorkDep, actor: ActorDep, body: SchemeProposal) -> SchemeRead:
    """Propose a version, whole, with a reason; it counts once a second person has confirmed it and its day has come."""
    return service.propose(work, actor, body)


@router.post("/dry-run", **access(_READ))
def try_scheme(work: ReadDep, body: Scheme) -> dict[str, Any]:
    """Which published releases would be graded otherwise by it; nothing is changed, and stored scores never are."""
    found = scheme_trial.dry_run(work, body)
    return {"items": found, "total": len(found), "next": None}


@router.get("/versions/{scheme_id}", **access(_READ))
def show_scheme(work: ReadDep, actor: ActorDep, scheme_id: str) -> SchemeRead:
    """One version."""
    return service.version(work, actor, scheme_id)


@router.post("/versions/{scheme_id}/confirm", **access(_CONFIRM))
def confirm_scheme(work: WorkDep, actor: ActorDep, scheme_id: str, body: CaseStep) -> SchemeRead:
    """Put it in force, as a second person."""
    return service.step(work, actor, scheme_id, Step.CONFIRM, body)


@router.post("/versions/{scheme_id}/reject", **access(_CONFIRM))
def reject_scheme(work: WorkDep, actor: ActorDep, scheme_id: str, body: CaseStep) -> SchemeRead:
    """Do not take it."""
    return service.step(work, actor, scheme_id, Step.REJECT, body)
