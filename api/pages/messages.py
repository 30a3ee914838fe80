"""The inbox, and the page on which a person says how he wants to be told."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import SIGNED_IN, access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from auth.messages import service
from auth.messages.kinds import TOPICS
from auth.messages.models import Choices, Marked
from core.errors import AppError
from core.text import Text
from core.work import Work
from datasets.notices import service as notices

router = APIRouter(prefix="/me/messages", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 30


@router.get("", response_class=HTMLResponse, **access(SIGNED_IN))
def inbox_page(
    request: Request, work: ReadDep, actor: ActorDep, topic: str = "", show: str = ""
) -> HTMLResponse:
    """The reader's messages."""
    number = page_number(request)
    found, total = service.inbox(
        work, actor, topic=topic, unread_only=show == "unread", offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    return page(
        request, "messages/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        topic=topic, show=show, topics=TOPICS, unread=service.unread(work, actor.account_id),
        about_datasets=notices.unread(work, actor),
    )  # fmt: skip


@router.post("/read", response_class=HTMLResponse, **access(SIGNED_IN))
def mark_read(work: WorkDep, actor: ActorDep, form: Typed) -> Response:
    """One message (`id`), or all, count as read."""
    one = str(form.get("id", ""))
    service.mark_read(work, actor, Marked(ids=[one[:60]] if one else None))
    return go("/me/messages", Text("已标为已读。", "Marked as read."))


@router.get("/settings", response_class=HTMLResponse, **access(SIGNED_IN))
def settings_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """How the reader is told."""
    return _settings(request, work, actor)


def _settings(
    request: Request, work: Work, actor: Actor, refusal: AppError | None = None, typed: Choices | None = None,
    email: str | None = None,
) -> HTMLResponse:  # fmt: skip
    now = typed or service.choices(work, actor)
    return page(
        request, "messages/settings.html", status=status_of(refusal) if refusal else 200, choices=now,
        email=now.email if email is None else email, topics=TOPICS, refusal=refusal,
        has_mail=bool(request.app.state.house.settings.mail_host),
    )  # fmt: skip


@router.post("/settings", response_class=HTMLResponse, **access(SIGNED_IN))
def choose(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Set address, language and topics."""
    in_app, by_mail = form.getlist("in_app"), form.getlist("by_mail")
    given: dict[str, Any] = {
        "email": str(form.get("email", "")).strip(), "lang": str(form.get("lang", "zh")),
        "topics": [{"topic": topic, "in_app": topic in in_app, "by_mail": topic in by_mail} for topic in TOPICS],
    }  # fmt: skip
    made = tried(house, lambda work: service.choose(work, actor, checked(Choices, given)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _settings(request, work, actor, made, email=given["email"])
    return go("/me/messages/settings", Text("通知方式已保存。", "Saved."))
