"""Comments on an application and its handlers, as forms on the application's page."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.applications import shown, text_of
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.applications import co_applicants, handlers, inviting, talk
from auth.applications.co_applicants import Naming
from auth.applications.handlers import Handling
from auth.applications.inviting import Invitation
from auth.applications.talk import CommentCreate, CommentHide
from core.errors import AppError
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])


@router.post("/{application_id}/comments", response_class=HTMLResponse, **access("auth:application:comment"))
def post_comment(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Say something to the other side or inside the bureau."""
    given = {
        "audience": text_of(form, "audience"),
        "body": text_of(form, "body"),
        "ask": text_of(form, "ask"),
    }
    outcome = tried(
        house, lambda work: talk.comment(work, actor, application_id, checked(CommentCreate, given))
    )
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, given)
    return go(
        f"/applications/{application_id}#comment-{outcome.id}",
        Text("留言已记录。", "Your comment is on record."),
    )


@router.post(
    "/{application_id}/comments/{comment_id}/hide",
    response_class=HTMLResponse,
    **access("auth:application:comment"),
)
def hide_comment(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    application_id: ApplicationId,
    comment_id: str,
    form: Typed,
) -> Response:
    """Take a comment from sight."""
    given = {"reason": text_of(form, "reason")}
    outcome = tried(
        house,
        lambda work: talk.hide(work, actor, application_id, comment_id, checked(CommentHide, given)),
    )
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}#comment-{comment_id}", Text("已隐藏。", "Hidden."))


@router.post("/{application_id}/handlers", response_class=HTMLResponse, **access("auth:application:assign"))
def assign_handler(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Name who handles it for a department."""
    given = {name: text_of(form, name) for name in ("department_id", "username")}
    given["note"] = text_of(form, "handler_note")
    outcome = tried(
        house, lambda work: handlers.assign(work, actor, application_id, checked(Handling, given))
    )
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}", Text("承办人已更新。", "The handler is named."))


@router.post(
    "/{application_id}/invitations", response_class=HTMLResponse, **access("auth:application:invite")
)
def invite_reviewer(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Invite a further reviewer to vote."""

    def act(work: Work) -> object:
        chosen, _, stage = text_of(form, "reviewer").partition("|")
        given = {
            "username": chosen,
            "stage": stage or text_of(form, "stage"),
            "note": text_of(form, "invitation_note"),
        }
        return inviting.invite(
            work, actor, application_id, checked(Invitation, given | {"version": version_of(form)})
        )

    outcome = tried(house, act)
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}", Text("已邀请审核人。", "The reviewer is invited."))


@router.post(
    "/{application_id}/invitations/{invitation_id}/end",
    response_class=HTMLResponse,
    **access("auth:application:invite"),
)
def take_back_invitation(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, invitation_id: str
) -> Response:
    """Take an invitation back."""
    outcome = tried(house, lambda work: inviting.take_back(work, actor, application_id, invitation_id))
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}", Text("邀请已撤回。", "The invitation is taken back."))


@router.post(
    "/{application_id}/co-applicants", response_class=HTMLResponse, **access("auth:application:name")
)
def name_co_applicant(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Let somebody of the organisation fill it in too."""
    given = {"username": text_of(form, "co_applicant")}
    outcome = tried(
        house, lambda work: co_applicants.name(work, actor, application_id, checked(Naming, given))
    )
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}", Text("已指定共同申请人。", "The co-applicant is named."))


@router.post(
    "/{application_id}/co-applicants/{entry_id}/end",
    response_class=HTMLResponse,
    **access("auth:application:name"),
)
def take_off_co_applicant(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, entry_id: str
) -> Response:
    """Take a co-applicant off it."""
    outcome = tried(house, lambda work: co_applicants.take_off(work, actor, application_id, entry_id))
    if isinstance(outcome, AppError):
        return _again(request, house, actor, application_id, outcome, {})
    return go(f"/applications/{application_id}", Text("已取消。", "Taken off."))


def _again(
    request: Request,
    house: HouseDep,
    actor: Actor,
    application_id: ApplicationId,
    refusal: AppError,
    given: dict[str, Any],
) -> HTMLResponse:
    with house.read() as work:
        return shown(request, work, actor, application_id, refusal=refusal, said=given)
