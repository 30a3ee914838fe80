"""Beside the steps of an application: comments, who handles it, who is invited to vote, who fills it in too."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.applications import co_applicants, handlers, inviting, talk
from auth.applications.co_applicants import CoApplicantRead, Naming
from auth.applications.handlers import HandlerRead, Handling
from auth.applications.inviting import Invitable, Invitation, InvitationRead
from auth.applications.talk import CommentCreate, CommentHide, CommentRead
from core.ids import ApplicationId

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


@router.get("/{application_id}/comments", **access("auth:application:read"))
def list_comments(
    work: ReadDep,
    actor: ActorDep,
    application_id: ApplicationId,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Comments, oldest first; remarks inside the bureau are read by the bureau alone."""
    found, total = talk.comments(work, actor, application_id, offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/{application_id}/comments", status_code=201, **access("auth:application:comment"))
def post_comment(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, body: CommentCreate
) -> CommentRead:
    """Say something to the other side, or (`internal`) inside the bureau, there with a colleague's opinion sought (`ask`).
    At most 60 an hour (429)."""
    return talk.comment(work, actor, application_id, body)


@router.post("/{application_id}/comments/{comment_id}/hide", **access("auth:application:comment"))
def hide_comment(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, comment_id: str, body: CommentHide
) -> CommentRead:
    """Take a text from sight, one's own or as a security officer or approver; the reason stays, the record too."""
    return talk.hide(work, actor, application_id, comment_id, body)


@router.get("/{application_id}/handlers", **access("auth:application:assign"))
def list_handlers(work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> list[HandlerRead]:
    """Who handles it for each department within the caller's reach, and who could."""
    return handlers.handlers(work, actor, application_id)


@router.post("/{application_id}/handlers", **access("auth:application:assign"))
def assign_handler(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, body: Handling
) -> list[HandlerRead]:
    """Name who handles it for a department, another instead, or (empty) nobody."""
    return handlers.assign(work, actor, application_id, body)


@router.get("/{application_id}/invitations", **access("auth:application:invite"))
def list_invitations(work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> list[InvitationRead]:
    """Further reviewers of the present turn, with whether they have voted."""
    return inviting.invitations(work, actor, application_id)


@router.get("/{application_id}/invitations/able", **access("auth:application:invite"))
def list_invitable(work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> list[Invitable]:
    """Who could be invited now, by stage and name: everybody against whom no rule speaks."""
    return inviting.invitable(work, actor, application_id)


@router.post("/{application_id}/invitations", status_code=201, **access("auth:application:invite"))
def invite_reviewer(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, body: Invitation
) -> list[InvitationRead]:
    """Invite a further reviewer to vote at an open stage, because those whose stage it is are absent or may not. He holds the stage's role in some department."""
    return inviting.invite(work, actor, application_id, body)


@router.delete("/{application_id}/invitations/{invitation_id}", **access("auth:application:invite"))
def take_back_invitation(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, invitation_id: str
) -> list[InvitationRead]:
    """Take an invitation back. A vote that was cast stays."""
    return inviting.take_back(work, actor, application_id, invitation_id)


@router.get("/{application_id}/co-applicants", **access("auth:application:read"))
def list_co_applicants(
    work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> list[CoApplicantRead]:
    """Who of the organisation may fill it in besides its applicants."""
    return co_applicants.co_applicants(work, actor, application_id)


@router.post("/{application_id}/co-applicants", status_code=201, **access("auth:application:name"))
def name_co_applicant(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, body: Naming
) -> list[CoApplicantRead]:
    """As an applicant: let somebody of the organisation fill it in too. He saves; handing in stays with applicants."""
    return co_applicants.name(work, actor, application_id, body)


@router.delete("/{application_id}/co-applicants/{entry_id}", **access("auth:application:name"))
def take_off_co_applicant(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, entry_id: str
) -> list[CoApplicantRead]:
    """Take a co-applicant off it, as an applicant, or oneself."""
    return co_applicants.take_off(work, actor, application_id, entry_id)
