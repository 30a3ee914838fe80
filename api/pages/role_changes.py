"""Administration: changes that wait for a second person, and break-glass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep
from api.errors import status_of
from api.forms import Typed, sentences, tried
from api.house import House
from api.late import APIRouter
from api.web import go, page, page_number
from auth.actor import Actor
from auth.identity import changes, credentials
from auth.identity.changes import GLASS_HOURS, MIN_REASON, ChangeRead, ChangeState, GlassAsk
from auth.identity.labels import CHANGE_KIND_NAMES, CHANGE_STATE_NAMES
from auth.identity.rules import ENTERPRISE_ROLES
from auth.roles import ROLE_NAMES
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/admin", include_in_schema=True, tags=["pages"])
PER_PAGE = 25
LABELS = {
    "username": Text("用户名", "User name"), "role": Text("角色", "Role"), "hours": Text("小时数", "Hours"),
    "reason": Text("事由", "Reason"),
}  # fmt: skip


@router.get("/changes", response_class=HTMLResponse, **access("auth:user:read"))
def look(request: Request, house: HouseDep, actor: ActorDep) -> HTMLResponse:
    """What waits, what was settled, and the form for break-glass."""
    return _page(request, house, actor)


@router.post("/changes/{change_id}/confirm", response_class=HTMLResponse, **access("auth:glass:use"))
def confirm(request: Request, house: HouseDep, actor: ActorDep, change_id: str) -> Response:
    """The second person agrees."""
    said = Text("已确认，变更即刻生效。", "Confirmed; the change counts at once.")
    return _done(request, house, actor, lambda work: credentials.confirm(work, actor, change_id), said)


@router.post("/changes/{change_id}/refuse", response_class=HTMLResponse, **access("auth:glass:use"))
def refuse(request: Request, house: HouseDep, actor: ActorDep, change_id: str) -> Response:
    """The second person says no, or the first takes it back."""
    said = Text("已终止该变更申请。", "The change will not be made.")
    return _done(request, house, actor, lambda work: changes.refuse(work, actor, change_id), said)


@router.post("/break-glass", response_class=HTMLResponse, **access("auth:glass:use"))
def break_glass(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Ask for a role for a few hours."""
    typed = {name: str(form.get(name, "")).strip() for name in LABELS}
    try:
        ask = GlassAsk.model_validate(typed)
    except ValidationError as wrong:
        faults = [text for _, text in sentences(wrong, LABELS)]
        text = Text("；".join(each.zh for each in faults), "; ".join(each.en for each in faults))
        return _page(request, house, actor, error=InputRefused(text), typed=typed)
    said = Text(
        "应急授权已提出，须由另一位系统管理员或安全管理员确认。",
        "Break-glass asked for; another system administrator or security officer must confirm it.",
    )
    return _done(request, house, actor, lambda work: _read(work, actor, ask), said, typed)


@router.post("/break-glass/{change_id}/close", response_class=HTMLResponse, **access("auth:glass:use"))
def close(request: Request, house: HouseDep, actor: ActorDep, change_id: str) -> Response:
    """End it before its time."""
    said = Text("应急授权已结束。", "The break-glass was closed.")
    return _done(request, house, actor, lambda work: changes.close_glass(work, actor, change_id), said)


def _read(work: Work, actor: Actor, ask: GlassAsk) -> ChangeRead:
    return changes.read(work, actor, changes.ask_glass(work, actor, ask))


def _done(
    request: Request,
    house: House,
    actor: Actor,
    act: Callable[[Work], ChangeRead],
    said: Text,
    typed: dict[str, str] | None = None,
) -> Response:
    outcome = tried(house, act)
    if isinstance(outcome, AppError):
        return _page(request, house, actor, error=outcome, typed=typed)
    return go("/admin/changes", said)


def _page(
    request: Request,
    house: House,
    actor: Actor,
    *,
    error: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:
    number = page_number(request)
    with house.read() as work:
        waiting, _ = changes.changes(work, actor, waiting=True, limit=200)
        found, total = changes.changes(work, actor, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    options = [(role, name) for role, name in ROLE_NAMES.items() if role not in ENTERPRISE_ROLES]
    return page(
        request, "admin/changes.html", status=status_of(error) if error else 200, waiting=waiting,
        open=[row for row in found if row.is_open], found=[row for row in found if row.state is not ChangeState.WAITING],
        total=total, number=number, pages=max(1, -(-total // PER_PAGE)), error=error, kinds=CHANGE_KIND_NAMES,
        states=CHANGE_STATE_NAMES, role_names=ROLE_NAMES, role_options=options, max_hours=GLASS_HOURS,
        min_reason=MIN_REASON, typed=typed or {"username": "", "role": "", "hours": 2, "reason": ""},
    )  # fmt: skip
