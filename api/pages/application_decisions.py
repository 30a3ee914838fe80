"""Steps around a decision, one form each on the application's page: sign, object, answer the offer."""

from __future__ import annotations

from functools import partial

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import assets, holds
from api.pages.applications import declared, done, shown, step_body
from api.web import go
from auth.applications import service
from auth.applications.models import ApplicationRead, ConcurBody
from auth.applications.reviewing import undeclared
from core.errors import AppError
from core.ids import ApplicationId
from core.text import Text

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])


@router.post("/{application_id}/copy", response_class=HTMLResponse, **access("auth:application:write"))
def copy(request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId) -> Response:
    """A new draft with the same content."""
    outcome = tried(
        house, lambda work: service.copy(work, actor, application_id, assets=partial(assets, work))
    )
    if isinstance(outcome, AppError):
        with house.read() as work:
            return shown(request, work, actor, application_id, refusal=outcome)
    said = Text("已复制为新草稿，请核对。", "Copied into a new draft; check it.")
    return go(f"/applications/{outcome.id}/columns", said)


@router.post("/{application_id}/confirm", response_class=HTMLResponse, **access("auth:application:confirm"))
def confirm(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Stand behind a clerk's draft."""
    body = step_body(form)
    outcome = tried(house, lambda work: service.confirm(work, actor, application_id, body))
    said = Text("已确认，可以提交。", "Confirmed; it may be submitted.")
    return done(request, house, actor, application_id, outcome, said, body.note)


@router.post("/{application_id}/concur", response_class=HTMLResponse, **access("auth:application:decide"))
def concur(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Sign the decision that another approver proposed."""
    step = step_body(form)
    outcome: ApplicationRead | AppError = undeclared()
    if form.get("has_no_conflict") == "yes":
        body = ConcurBody(version=step.version, note=step.note, has_no_conflict=True)
        outcome = tried(
            house,
            lambda work: service.concur(
                work, actor, application_id, body, assets=partial(assets, work), holds=holds(work)
            ),
        )
    said = Text("已签字，决定生效。", "Signed; the decision counts.")
    return done(request, house, actor, application_id, outcome, said, step.note)


@router.post("/{application_id}/dissent", response_class=HTMLResponse, **access("auth:application:decide"))
def dissent(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Object to it."""
    body = declared(form)
    outcome = tried(house, lambda work: service.dissent(work, actor, application_id, body))
    said = Text("已记录不同意见，须重新拟定决定。", "Objection recorded; a new decision must be proposed.")
    return done(request, house, actor, application_id, outcome, said, body.note)


@router.post("/{application_id}/counter", response_class=HTMLResponse, **access("auth:application:write"))
def counter(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Answer the terms on offer with what should change."""
    body = step_body(form)
    outcome = tried(house, lambda work: service.counter(work, actor, application_id, body))
    said = Text("修改意见已提交，由审批人重新决定。", "Counter-proposal sent; the approver decides again.")
    return done(request, house, actor, application_id, outcome, said, body.note)
