"""A person's inbox, and how he wants to be told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.messages import service
from auth.messages.kinds import TOPICS
from auth.messages.models import Choices, Marked

router = APIRouter(prefix="/api/v1/me/messages", tags=["messages"])


@router.get("", **access(SIGNED_IN))
def list_messages(
    work: ReadDep,
    actor: ActorDep,
    topic: str = "",
    unread: bool = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The caller's messages, newest first; `unread` counts all that are new."""
    found, total = service.inbox(
        work, actor, topic=topic, unread_only=unread, offset=(page - 1) * limit, limit=limit
    )
    return {
        "items": found,
        "total": total,
        "next": str(page + 1) if page * limit < total else None,
        "unread": service.unread(work, actor.account_id),
        "topics": {key: {"zh": name.zh, "en": name.en} for key, name in TOPICS.items()},
    }


@router.post("/read", **access(SIGNED_IN))
def mark_read(work: WorkDep, actor: ActorDep, body: Marked) -> dict[str, int]:
    """The named messages count as read; without `ids`, all of them."""
    return {"marked": service.mark_read(work, actor, body)}


@router.get("/settings", **access(SIGNED_IN))
def show_settings(work: ReadDep, actor: ActorDep) -> Choices:
    """Address, language and topics."""
    return service.choices(work, actor)


@router.put("/settings", **access(SIGNED_IN))
def choose(work: WorkDep, actor: ActorDep, body: Choices) -> Choices:
    """Set address (empty: no e-mail), language, and per topic inbox and e-mail."""
    return service.choose(work, actor, body)
