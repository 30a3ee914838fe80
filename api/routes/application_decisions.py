"""Around a decision: signing with other approvers, answering the offer."""

from __future__ import annotations

from functools import partial

from fastapi import Response

from api.access import access
from api.deps import ActorDep, WorkDep
from api.late import APIRouter
from api.lookups import assets, holds, seen_assets
from api.routes.applications import tagged
from auth.applications import service
from auth.applications.models import ApplicationRead, AssistedAsk, ConcurBody, DeclaredStep, StepBody
from core.ids import ApplicationId, GrantId

router = APIRouter(prefix="/api/v1", tags=["applications"])


@router.post("/applications/{application_id}/copy", status_code=201, **access("auth:application:write"))
def copy_application(
    work: WorkDep, actor: ActorDep, response: Response, application_id: ApplicationId
) -> ApplicationRead:
    """A new draft with the content of this application; days that have passed are left out."""
    return tagged(response, service.copy(work, actor, application_id, assets=partial(assets, work)))


@router.post("/applications/assisted", status_code=201, **access("auth:application:assist"))
def assist_application(
    work: WorkDep, actor: ActorDep, response: Response, body: AssistedAsk
) -> ApplicationRead:
    """A draft that a station clerk makes for an enterprise; its applicant confirms it before it is submitted."""
    return tagged(response, service.assist(work, actor, body, assets=partial(seen_assets, work, actor)))


@router.post("/applications/{application_id}/confirm", **access("auth:application:confirm"))
def confirm_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: StepBody,
) -> ApplicationRead:
    """Stand behind a clerk's draft as it is now, for the enterprise."""
    return tagged(response, service.confirm(work, actor, application_id, body))


@router.post("/grants/{grant_id}/renew", status_code=201, **access("auth:application:write"))
def renew_grant(work: WorkDep, actor: ActorDep, response: Response, grant_id: GrantId) -> ApplicationRead:
    """A prefilled draft for the time after this grant; needs a use report of it."""
    return tagged(response, service.renew(work, actor, grant_id, assets=partial(assets, work)))


@router.post("/grants/{grant_id}/amend", status_code=201, **access("auth:application:write"))
def amend_grant(work: WorkDep, actor: ActorDep, response: Response, grant_id: GrantId) -> ApplicationRead:
    """A prefilled draft to change this grant; once activated it takes the grant's place and carries over what was used."""
    return tagged(response, service.amend(work, actor, grant_id, assets=partial(assets, work)))


@router.post("/applications/{application_id}/concur", **access("auth:application:decide"))
def concur_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: ConcurBody,
) -> ApplicationRead:
    """Sign the decision that stands proposed; with the last signature it counts."""
    done = service.concur(work, actor, application_id, body, assets=partial(assets, work), holds=holds(work))
    return tagged(response, done)


@router.post("/applications/{application_id}/dissent", **access("auth:application:decide"))
def dissent_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: DeclaredStep,
) -> ApplicationRead:
    """Object to the decision that stands proposed; it needs a reason."""
    return tagged(response, service.dissent(work, actor, application_id, body))


@router.post("/applications/{application_id}/counter", **access("auth:application:write"))
def counter_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: StepBody,
) -> ApplicationRead:
    """Answer the terms on offer with what should change; the approver decides again."""
    return tagged(response, service.counter(work, actor, application_id, body))
