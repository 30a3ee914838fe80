"""Watching over use: the ledger, the dashboard, and what the public is told."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from fastapi.responses import FileResponse, Response
from pydantic import AwareDatetime

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.late import APIRouter
from api.supervision_files import Form, ledger_file, monthly_file
from auth.supervision import ledger
from auth.supervision.dashboard import Dashboard, a_year_to, dashboard
from auth.supervision.ledger import Wish
from auth.supervision.monthly import By, Monthly, monthly

router = APIRouter(prefix="/api/v1", tags=["supervision"])
MONTH: Final = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
Month = Annotated[str, Query(pattern=MONTH)]
MonthPath = Annotated[str, Path(pattern=MONTH)]


def _wish(
    kind: str = "",
    grant_id: str = "",
    org_id: str = "",
    dataset_id: str = "",
    account: str = "",
    purpose: str = "",
    scenario_id: str = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> Wish:
    return Wish(kind, grant_id, org_id, dataset_id, account, purpose, scenario_id, since, until)


WishDep = Annotated[Wish, Depends(_wish)]


@router.get("/supervision", **access("auth:usage:read"))
def show_dashboard(work: ReadDep, first: Month | None = None, last: Month | None = None) -> Dashboard:
    """Deliveries by month, dataset and enterprise; dormant, over-broad and ending grants; refusals. A year to now unless said."""
    since, until = a_year_to(work.now)
    return dashboard(work, first or since, last or until)


@router.get("/supervision/months/{month}", **access("auth:usage:read"))
def show_month(work: ReadDep, month: MonthPath, by: By = By.DATASET) -> Monthly:
    """The month's report by dataset, department or enterprise: grants, applications, what was taken, refused and found."""
    return monthly(work, month, by)


@router.get("/supervision/months/{month}/file", response_class=Response, **access("auth:usage:read"))
def month_file(work: ReadDep, month: MonthPath, by: By = By.DATASET, form: Form = "csv") -> Response:
    """The same as a file, the total last."""
    return monthly_file(monthly(work, month, by), form)


@router.get("/usage", **access("auth:usage:read", personal=""))
def list_usage(
    work: ReadDep,
    wish: WishDep,
    sort: str = "-at",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Who took what: every charge, delivery, refund, download and refusal, and what those that match add up to.

    Sort by at, rows, bytes or sent; `-` before it turns it round.
    """
    items, sums = ledger.lines(work, wish, sort=sort, offset=offset, limit=limit)
    following = offset + limit if offset + limit < sums.lines else None
    return {"items": items, "total": sums.lines, "sums": sums, "next": following}


@router.get("/usage/file", response_class=FileResponse, **access("auth:usage:read", personal=""))
def usage_file(house: HouseDep, actor: ActorDep, wish: WishDep, form: Form = "csv") -> Response:
    """The same lines as a file, oldest first. That it was taken out stands in the audit record."""
    return ledger_file(house, actor, wish, form)
