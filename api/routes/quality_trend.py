"""The course of quality: every department as it stands, and one from day to day. For everybody."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Response

from api.access import access
from api.deps import ReadDep
from api.gives import may_give
from api.late import APIRouter
from api.routes.use_numbers import Since, Until, as_csv, demand_period
from datasets.trends import service
from datasets.trends.service import By, StandingRead, TrendPoint, TrendRead

router = APIRouter(prefix="/api/v1/quality-trend", tags=["datasets"])
Form = Literal["json", "csv"]


@router.get("", **access("public"), **may_give("text/csv"), response_model=dict[str, Any])
def list_standings(work: ReadDep, format: Form = "json") -> dict[str, Any] | Response:
    """Every department that has published records, on the newest day known, with its change within half a year."""
    found = service.standings(work)
    if format == "csv":
        names = list(StandingRead.model_fields)
        return as_csv(
            "quality-trend", tuple(names), ([getattr(each, name) for name in names] for each in found)
        )
    return {"items": found, "total": len(found)}


@router.get("/{publisher_id}", **access("public"), **may_give("text/csv"), response_model=TrendRead)
def show_trend(
    work: ReadDep, publisher_id: str, since: Since = None, until: Until = None, by: By = "month", format: Form = "json"
) -> TrendRead | Response:  # fmt: skip
    """One department's scores: each day, or the last known day of each month. 404 where it has published nothing."""
    demand_period(since, until)
    found = service.trend(work, publisher_id, since=since, until=until, by=by)
    if format == "csv":
        names = list(TrendPoint.model_fields)
        lines = ([getattr(each, name) for name in names] for each in found.items)
        return as_csv(f"quality-trend-{publisher_id}", tuple(names), lines)
    return found
