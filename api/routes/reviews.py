"""Looking again at grants: certification campaigns, evaluations, pilots."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.reviews import service
from auth.reviews.service import (
    ANSWER,
    CAMPAIGN,
    DECIDE,
    OPEN,
    PILOT,
    READ,
    CampaignOpen,
    CampaignRead,
    PilotMark,
    ReviewAnswer,
    ReviewRead,
)
from auth.reviews.workflow import Kind, State, Step
from core.errors import InputRefused
from core.text import Text

router = APIRouter(prefix="/api/v1", tags=["reviews"])
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
Id = Annotated[str, Path(max_length=60)]


@router.get("/campaigns", **access(READ))
def list_campaigns(work: ReadDep, actor: ActorDep, offset: Offset = 0, limit: Limit = 50) -> dict[str, Any]:
    """Certification campaigns with how far they are, newest first."""
    found, total = service.campaigns(work, actor, offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/campaigns", status_code=201, **access(CAMPAIGN))
def open_campaign(work: WorkDep, actor: ActorDep, body: CampaignOpen) -> CampaignRead:
    """Ask every department about each of its live grants; once each half year."""
    return service.open_campaign(work, actor, body)


@router.get("/campaigns/{campaign_id}", **access(READ))
def show_campaign(work: ReadDep, actor: ActorDep, campaign_id: Id) -> CampaignRead:
    """One campaign."""
    return service.campaign(work, actor, campaign_id)


@router.post("/campaigns/{campaign_id}/close", **access(CAMPAIGN))
def close_campaign(work: WorkDep, actor: ActorDep, campaign_id: Id, body: CaseStep) -> CampaignRead:
    """End it, once every grant has its answer and decision."""
    return service.close_campaign(work, actor, campaign_id, body)


@router.get("/reviews", **access(READ))
def list_reviews(
    work: ReadDep,
    actor: ActorDep,
    kind: Kind | None = None,
    state: State | None = None,
    campaign_id: Annotated[str, Query(max_length=60)] = "",
    grant_id: Annotated[str, Query(max_length=60)] = "",
    overdue: bool = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Looks at grants in the caller's sight, those due first."""
    found, total = service.reviews(
        work, actor, kind=kind or "", state=state or "", campaign_id=campaign_id, grant_id=grant_id, overdue=overdue,
        offset=offset, limit=limit,
    )  # fmt: skip
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/reviews/{review_id}", **access(READ))
def show_review(work: ReadDep, actor: ActorDep, review_id: Id) -> ReviewRead:
    """One look at a grant, with what is known of its use."""
    return service.review(work, actor, review_id)


@router.post("/reviews/{review_id}/answer", **access(ANSWER))
def answer_review(work: WorkDep, actor: ActorDep, review_id: Id, body: ReviewAnswer) -> ReviewRead:
    """The steward's word: outcome keep, narrow or withdraw, with the reason."""
    if body.outcome not in (Step.KEEP, Step.NARROW, Step.WITHDRAW):
        raise InputRefused(
            Text("outcome 应为 keep、narrow 或 withdraw。", "outcome is keep, narrow or withdraw."),
            field="outcome",
        )
    return service.answer(work, actor, review_id, body)


@router.post("/reviews/{review_id}/return", **access(DECIDE))
def return_review(work: WorkDep, actor: ActorDep, review_id: Id, body: CaseStep) -> ReviewRead:
    """Send the answer back."""
    return service.decide(work, actor, review_id, Step.RETURN, body)


@router.post("/reviews/{review_id}/confirm", **access(DECIDE))
def confirm_review(work: WorkDep, actor: ActorDep, review_id: Id, body: CaseStep) -> ReviewRead:
    """Confirm a narrowing: the holder amends the grant in time, or use stops."""
    return service.decide(work, actor, review_id, Step.CONFIRM, body)


@router.post("/reviews/{review_id}/revoke", **access("auth:grant:revoke"))
def revoke_by_review(work: WorkDep, actor: ActorDep, review_id: Id, body: CaseStep) -> ReviewRead:
    """Confirm a withdrawal: the grant is revoked at this instant."""
    return service.decide(work, actor, review_id, Step.REVOKE, body)


@router.post("/evaluations/{grant_id}", status_code=201, **access(OPEN))
def evaluate_grant(work: WorkDep, actor: ActorDep, grant_id: Id) -> ReviewRead:
    """Open an evaluation of one grant."""
    return service.evaluate(work, actor, grant_id)


@router.post("/pilots/{grant_id}", status_code=204, **access(PILOT))
def mark_pilot(work: WorkDep, actor: ActorDep, grant_id: Id, body: PilotMark) -> None:
    """Say that the grant is a pilot: it is evaluated before it may be renewed."""
    service.mark_pilot(work, actor, grant_id, body)
