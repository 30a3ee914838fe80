"""The page of the course of quality, and its chart for a department's own page."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ReadDep
from api.late import APIRouter
from api.web import page
from core.text import Lang, Text
from datasets.trends import service
from datasets.trends.service import TrendRead

router = APIRouter(include_in_schema=True, tags=["pages"])


@router.get("/quality-trend", response_class=HTMLResponse, **access("public"))
def list_page(request: Request, work: ReadDep) -> HTMLResponse:
    """Departments as they stand, with how far they came within half a year."""
    return page(request, "quality_trend/list.html", found=service.standings(work))


def trend_chart(found: TrendRead, lang: Lang) -> dict[str, Any] | None:
    """Four shares in per cent over the days shown; none before there are two of them."""
    if len(found.items) < 2:
        return None
    lines = (
        (Text("元数据得分（占满分）", "Metadata (share of all points)"), [_percent(each.points, found.maximum) for each in found.items]),
        (Text("已填字段", "Fields filled"), [_percent(each.filled, 1) for each in found.items]),
        (Text("数据质量得分", "Score of the data"), [each.quality for each in found.items]),
        (Text("规则通过率", "Rules fulfilled"), [each.pass_rate for each in found.items]),
    )  # fmt: skip
    return {
        "kind": "line", "max": 100, "unit": "%", "labels": [each.day.isoformat() for each in found.items],
        "series": [{"name": name.in_(lang), "values": values} for name, values in lines if any(value is not None for value in values)],
    }  # fmt: skip


def _percent(value: float | None, of: float) -> float | None:
    return round(100 * value / of, 1) if value is not None else None
