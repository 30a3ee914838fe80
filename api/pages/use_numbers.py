"""The page of how often open data are used."""

from __future__ import annotations

from typing import Any, Final, get_args
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ReadDep
from api.late import APIRouter
from api.web import page, page_number
from catalog.search.saved import day
from catalog.use import service
from catalog.use.service import MonthRead, Order
from core.text import Lang, Text

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
_ORDERS: Final[tuple[Order, ...]] = get_args(Order)


@router.get("/use-numbers", response_class=HTMLResponse, **access("public"))
def list_page(
    request: Request, work: ReadDep, sort: str = "-downloads", publisher: str = "", since: str = "", until: str = ""
) -> HTMLResponse:  # fmt: skip
    """Open datasets with visits, downloads and calls in a period. A day that is none is left out."""
    number = page_number(request)
    order: Order = next((each for each in _ORDERS if each == sort), "-downloads")
    days = {"since": day(since[:10]), "until": day(until[:10])}
    lines, total, sums = service.listed(
        work, **days, publisher=publisher[:60], order=order, offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    asked = {
        "publisher": publisher[:60],
        "sort": order,
        **{key: value.isoformat() for key, value in days.items() if value},
    }
    return page(
        request, "use_numbers/list.html", found=lines, total=total, sums=sums, number=number, pages=max(1, -(-total // PER_PAGE)),
        days=days, publisher=publisher[:60], orgs=list(service.publishers(work).items()),
        csv=f"/api/v1/use-numbers?{urlencode({key: value for key, value in asked.items() if value} | {'format': 'csv'})}",
    )  # fmt: skip


def months_chart(months: list[MonthRead], lang: Lang) -> dict[str, Any]:
    """Visits, downloads and calls of the last months."""
    names = {
        "visits": Text("访问", "Visits"),
        "downloads": Text("下载", "Downloads"),
        "calls": Text("调用", "Calls"),
    }
    return {
        "kind": "bar",
        "labels": [each.month for each in months],
        "series": [
            {"name": label.in_(lang), "values": [getattr(each, key) for each in months]}
            for key, label in names.items()
        ],
    }
