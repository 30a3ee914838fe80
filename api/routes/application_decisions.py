"""Around a decision: signing with other approvers, answering the offer."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response

from api.access import access
from api.deps import ActorDep, WorkDep
from api.lookups import assets
from api.routes.applications import seen_in, tagged
from api.versions import SeenVersion
from auth.applications import service
from auth.applications.models import ApplicationRead, ConcurBody, StepBody
from core.ids import ApplicationId

router = APIRouter(prefix="/applications", tags=["applications"])


@router.post("/{application_id}/concur", **access("auth:application:decide"))
def concur_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    seen: SeenVersion,
    body: ConcurBody,
) -> ApplicationRead:
    """Sign the decision that stands proposed; with the last signature it counts."""
    done = service.concur(work, actor, application_id, seen_in(body, seen), assets=partial(assets, work))
    return tagged(response, done)


@router.post("/{application_id}/dissent", **access("auth:application:decide"))
def dissent_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    seen: SeenVersion,
    body: StepBody,
) -> ApplicationRead:
    """Object to the decision that stands proposed; it needs a reason."""
    return tagged(response, service.dissent(work, actor, application_id, seen_in(body, seen)))


@router.post("/{application_id}/counter", **access("auth:application:write"))
def counter_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    seen: SeenVersion,
    body: StepBody,
) -> ApplicationRead:
    """Answer the terms on offer with what should change; the approver decides again."""
    return tagged(response, service.counter(work, actor, application_id, seen_in(body, seen)))
