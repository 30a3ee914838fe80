"""Plans and agreements: the first tier, within which scenarios are granted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, Offset, ReadDep, WorkDep
from api.late import APIRouter
from auth.agreements import at_odds, service
from auth.agreements.model import AgreementBody, PlanBody
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.service import AgreementRead, PlanRead
from auth.agreements.workflow import State, Step
from auth.casework.book import CaseStep

router = APIRouter(prefix="/api/v1", tags=["agreements"])
_READ, _DRAFT, _APPROVE = (f"auth:agreement:{word}" for word in ("read", "draft", "approve"))
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/agreements", **access(_READ))
def list_agreements(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    operator: str = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Agreements in the caller's sight, newest first."""
    found, total = service.agreements(
        work, actor, state=state or "", operator=operator, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/agreements", status_code=201, **access(_DRAFT))
def draft_agreement(work: WorkDep, actor: ActorDep, body: AgreementBody) -> AgreementRead:
    """A new draft; it may be incomplete."""
    return service.draft(work, actor, body)


@router.get("/agreements/at-odds", **access(_READ))
def list_at_odds(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """Agreements that are at odds with who controls whom now (R01), each with its reasons and, in the caller's sight, the applications that wait and
    the grants in force that hang on it."""
    items = at_odds.found(work, actor)
    return {"items": items, "total": len(items), "next": None}


@router.get("/agreements/{agreement_id}", **access(_READ))
def show_agreement(work: ReadDep, actor: ActorDep, agreement_id: str) -> AgreementRead:
    """One agreement; whether it is in force is computed for today."""
    return service.agreement(work, actor, agreement_id)


@router.put("/agreements/{agreement_id}", **access(_DRAFT))
def save_agreement(
    work: WorkDep, actor: ActorDep, agreement_id: str, body: AgreementBody, version: int | None = None
) -> AgreementRead:
    """Replace a draft."""
    return service.save(work, actor, agreement_id, body, version)


@router.post("/agreements/{agreement_id}/submit", **access(_DRAFT))
def submit_agreement(work: WorkDep, actor: ActorDep, agreement_id: str, body: CaseStep) -> AgreementRead:
    """Submit for approval; refused with everything that is missing."""
    return service.step(work, actor, agreement_id, Step.SUBMIT, body)


@router.post("/agreements/{agreement_id}/return", **access(_APPROVE))
def return_agreement(work: WorkDep, actor: ActorDep, agreement_id: str, body: CaseStep) -> AgreementRead:
    """Return to the draft, with a reason."""
    return service.step(work, actor, agreement_id, Step.RETURN, body)


@router.post("/agreements/{agreement_id}/activate", **access(_APPROVE))
def activate_agreement(work: WorkDep, actor: ActorDep, agreement_id: str, body: CaseStep) -> AgreementRead:
    """Put in force, by another person than those who drafted."""
    return service.step(work, actor, agreement_id, Step.ACTIVATE, body)


@router.post("/agreements/{agreement_id}/terminate", **access(_APPROVE))
def terminate_agreement(work: WorkDep, actor: ActorDep, agreement_id: str, body: CaseStep) -> AgreementRead:
    """End before its time, with a reason."""
    return service.step(work, actor, agreement_id, Step.TERMINATE, body)


@router.get("/plans", **access(_DRAFT))
def list_plans(work: ReadDep, actor: ActorDep, offset: Offset = 0, limit: Limit = 50) -> dict[str, Any]:
    """Every version of every plan, newest first."""
    found, total = service.plans(work, actor, offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/plans", status_code=201, **access(_DRAFT))
def draft_plan(work: WorkDep, actor: ActorDep, body: PlanBody, series: str = "") -> PlanRead:
    """A new plan, or with `series` a new version of one."""
    return service.draft_plan(work, actor, body, series=series)


@router.get("/plans/{plan_id}", **access(_DRAFT))
def show_plan(work: ReadDep, actor: ActorDep, plan_id: str) -> PlanRead:
    """One version of a plan."""
    return service.plan(work, actor, plan_id)


@router.put("/plans/{plan_id}", **access(_DRAFT))
def save_plan(
    work: WorkDep, actor: ActorDep, plan_id: str, body: PlanBody, version: int | None = None
) -> PlanRead:
    """Replace a draft."""
    return service.save_plan(work, actor, plan_id, body, version)


@router.post("/plans/{plan_id}/submit", **access(_DRAFT))
def submit_plan(work: WorkDep, actor: ActorDep, plan_id: str, body: CaseStep) -> PlanRead:
    """Submit for approval."""
    return service.step_plan(work, actor, plan_id, PlanStep.SUBMIT, body)


@router.post("/plans/{plan_id}/return", **access(_APPROVE))
def return_plan(work: WorkDep, actor: ActorDep, plan_id: str, body: CaseStep) -> PlanRead:
    """Return to the draft, with a reason."""
    return service.step_plan(work, actor, plan_id, PlanStep.RETURN, body)


@router.post("/plans/{plan_id}/approve", **access(_APPROVE))
def approve_plan(work: WorkDep, actor: ActorDep, plan_id: str, body: CaseStep) -> PlanRead:
    """Approve this version; the one before is superseded."""
    return service.step_plan(work, actor, plan_id, PlanStep.APPROVE, body)
