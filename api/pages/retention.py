"""A dataset's rule of retention: what it is, what it would retire, and doing so."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.late import APIRouter
from api.web import go, page
from catalog.assets import asset
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work
from datasets.releases import retention
from datasets.releases.retention import RETIRE, RetentionSet

router = APIRouter(prefix="/datasets/{dataset_id}/retention", include_in_schema=True, tags=["pages"])


def _show(
    request: Request,
    work: Work,
    actor: ActorDep,
    dataset_id: str,
    error: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:
    rule = retention.show(work, actor, dataset_id)
    least = rule.floor
    given = typed or {
        "keep_last": rule.keep_last or least["keep_last_at_least"],
        "keep_years": least["keep_years_at_least"] if rule.keep_years is None else rule.keep_years,
        "by_clock": rule.by_clock,
    }
    return page(
        request, "releases/retention.html", status=status_of(error) if error else 200, rule=rule.model_dump(),
        title=asset(work, dataset_id).title, error=error, typed=given,
    )  # fmt: skip


@router.get("", response_class=HTMLResponse, **access(RETIRE))
def retention_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """The rule, and what it means today."""
    return _show(request, work, actor, dataset_id)


@router.post("", response_class=HTMLResponse, **access(RETIRE))
def save(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    dataset_id: str,
    keep_last: Annotated[str, Form()] = "",
    keep_years: Annotated[str, Form()] = "",
    by_clock: Annotated[str, Form()] = "",
) -> Response:
    """Set the rule."""
    typed = {"keep_last": keep_last, "keep_years": keep_years, "by_clock": bool(by_clock)}
    try:
        with house.write() as work:
            retention.set_rule(work, actor, dataset_id, _asked(typed))
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, dataset_id, error, typed)
    return go(f"/datasets/{dataset_id}/retention", Text("规则已保存。", "The rule is saved."))


def _asked(typed: dict[str, Any]) -> RetentionSet:
    try:
        return RetentionSet.model_validate(typed)
    except ValidationError:
        raise InputRefused(
            Text(
                "请填写整数：版本数至少 1，年数 0 至 100。",
                "Give whole numbers: at least 1 release, 0 to 100 years.",
            )
        ) from None


@router.post("/apply", response_class=HTMLResponse, **access(RETIRE))
def apply(work: WorkDep, actor: ActorDep, dataset_id: str) -> Response:
    """Retire what the rule does not keep."""
    retention.apply(work, actor, dataset_id)
    return go(f"/datasets/{dataset_id}/retention", Text("已按规则退役。", "Retired by the rule."))
