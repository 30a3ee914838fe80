"""A person's notices, and the buttons that follow a dataset or let it go."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.web import go, page
from core.text import Text
from datasets.notices import service

router = APIRouter(include_in_schema=True, tags=["pages"])


@router.get("/me/notices", response_class=HTMLResponse, **access(SIGNED_IN))
def notices_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """What became of the datasets that the reader follows."""
    return page(
        request, "notices/list.html", items=service.notices(work, actor), unread=service.unread(work, actor),
        follows=service.followed(work, actor), kinds=service.KIND_NAMES,
    )  # fmt: skip


@router.post("/me/notices/read", response_class=HTMLResponse, **access(SIGNED_IN))
def mark_read(work: WorkDep, actor: ActorDep) -> Response:
    """Everything so far counts as read."""
    service.mark_read(work, actor)
    return go("/me/notices", Text("已全部标为已读。", "All marked as read."))


@router.post("/datasets/{dataset_id}/follow", response_class=HTMLResponse, **access(SIGNED_IN))
def follow(work: WorkDep, actor: ActorDep, dataset_id: str) -> Response:
    """Be told of the dataset's releases."""
    service.follow(work, actor, dataset_id)
    said = Text(
        "已关注；新版本、撤回与不兼容变化会在“通知”中告诉您。",
        "You follow it now; its releases are told under Notices.",
    )
    return go(f"/datasets/{dataset_id}", said)


@router.post("/datasets/{dataset_id}/unfollow", response_class=HTMLResponse, **access(SIGNED_IN))
def unfollow(work: WorkDep, actor: ActorDep, dataset_id: str) -> Response:
    """Be told no more."""
    service.unfollow(work, actor, dataset_id)
    return go("/me/notices", Text("已取消关注。", "You no longer follow it."))
