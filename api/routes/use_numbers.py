"""Numbers of use of open data: one dataset by day, month and release; all of them as a list. For everybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query, Response

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, ReadDep
from api.gives import may_give
from api.late import APIRouter
from catalog.use import service
from catalog.use.service import Order
from core.errors import InputRefused
from core.sheets import Sheet, csv_of
from core.text import Text
from datasets.open_data.use import SumsRead, UseRead, use_of

router = APIRouter(prefix="/api/v1", tags=["datasets"])
Since = Annotated[date | None, Query(description="From this local day")]
Until = Annotated[date | None, Query(description="To this local day")]
Form = Literal["json", "csv"]
_NUMBERS = ("visits", "downloads", "calls")


@router.get("/datasets/{dataset_id}/use", **access("public"), **may_give("text/csv"), response_model=UseRead)
def show_use(
    work: ReadDep, actor: ActorDep, dataset_id: str, since: Since = None, until: Until = None, format: Form = "json"
) -> UseRead | Response:  # fmt: skip
    """How often an open dataset was visited, downloaded and called; `csv`: a line for each day and release. 404 where data are not open to all."""
    demand_period(since, until)
    found = use_of(work, actor, dataset_id, since, until)
    if format == "json":
        return found
    numbers = {each.release_id: each.number for each in found.releases}
    lines = (
        (day.day.isoformat(), day.release_id, numbers.get(day.release_id), *(getattr(day, name) for name in _NUMBERS))
        for day in found.days
    )  # fmt: skip
    return as_csv(f"use-{found.dataset_id}", ("day", "release_id", "release", *_NUMBERS), lines)


@router.get("/use-numbers", **access("public"), **may_give("text/csv"), response_model=SumsRead)
def list_use(
    work: ReadDep, since: Since = None, until: Until = None, publisher: Annotated[str, Query(max_length=60)] = "",
    sort: Order = "-downloads", offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0, limit: Annotated[int, Query(ge=1, le=200)] = 50,
    format: Form = "json",
) -> SumsRead | Response:  # fmt: skip
    """Every published open dataset with its numbers in a period, the most downloaded first; `csv`: all of them at once."""
    demand_period(since, until)
    whole = format == "csv"
    lines, total, sums = service.listed(
        work, since=since, until=until, publisher=publisher, order=sort, offset=0 if whole else offset, limit=None if whole else limit
    )  # fmt: skip
    if whole:
        names = ("dataset_id", "title_zh", "title_en", "publisher", "publisher_zh", "publisher_en", *_NUMBERS)
        return as_csv("use-numbers", names, ([getattr(line, name) for name in names] for line in lines))
    following = offset + limit
    return SumsRead(items=lines, total=total, next=following if following < total else None, sums=sums)


def demand_period(since: date | None, until: date | None) -> None:
    if since and until and since > until:
        raise InputRefused(
            Text("起始日不能晚于截止日。", "The first day must not come after the last."), field="since"
        )


def as_csv(name: str, heads: tuple[str, ...], lines: Iterable[Sequence[Any]]) -> Response:
    return Response(
        b"".join(csv_of(Sheet(name, heads, lines))),
        media_type="text/csv; charset=utf-8",
        headers=attachment(f"{name}.csv"),
    )
