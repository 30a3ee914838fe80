"""The page that tells a department which records to mend first."""

from __future__ import annotations

from typing import Final, get_args

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from api.web import page, page_number
from catalog.scores import rules, service
from catalog.scores.service import Order

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
_ORDERS: Final[tuple[Order, ...]] = get_args(Order)


@router.get("/record-scores", response_class=HTMLResponse, **access("catalog:dataset:read-drafts"))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, sort: str = "score", publisher: str = ""
) -> HTMLResponse:
    """Records by score, with what would gain most."""
    number = page_number(request)
    order: Order = next((each for each in _ORDERS if each == sort), "score")
    found, total = service.scores(
        work, actor, order=order, publisher=publisher, offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    return page(
        request, "record_scores/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        grade_name=rules.grade_name,
    )  # fmt: skip
