"""Pages of webhooks: the endpoints of one's organisation, and one endpoint with its log."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page, page_number
from api.webhooks import sealer
from auth.actor import Actor
from auth.webhooks import service
from auth.webhooks.models import EndpointAsk, EndpointChange, EndpointMade
from auth.webhooks.rules import EVENT_KINDS, in_groups
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/webhooks", include_in_schema=True, tags=["pages"])
_MANAGE: Final = "auth:webhook:manage"
PER_PAGE: Final = 30
_STATES: Final = {
    "waiting": Text("待发送", "Waiting"), "sent": Text("已送达", "Sent"), "dead": Text("无法送达", "Dead letter"),
    "dropped": Text("已取消", "Dropped"),
}  # fmt: skip


@router.get("", response_class=HTMLResponse, **access(_MANAGE))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The endpoints of the reader's organisation."""
    return _list(request, work, actor)


def _list(
    request: Request, work: Work, actor: Actor, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    return page(
        request, "webhooks/list.html", status=status_of(refusal) if refusal else 200,
        found=service.endpoints(work, actor), groups=in_groups(), refusal=refusal,
        typed=typed or {"url": "https://", "note": "", "kinds": list(EVENT_KINDS)},
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(_MANAGE))
def create(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """A new endpoint; the page that follows shows its secret once."""
    typed = {
        "url": str(form.get("url", "")).strip(), "note": str(form.get("note", "")).strip(),
        "kinds": [str(kind) for kind in form.getlist("kinds")],
    }  # fmt: skip
    plain_ok = bool(house.settings.webhook_allow)
    made = tried(
        house,
        lambda work: service.create(
            work, actor, checked(EndpointAsk, typed), seal=sealer(house), plain_ok=plain_ok
        ),
    )
    if isinstance(made, AppError):
        with house.read() as work:
            return _list(request, work, actor, made, typed)
    with house.read() as work:
        return _show(request, work, actor, made.endpoint.id, made=made)


@router.get("/{endpoint_id}", response_class=HTMLResponse, **access(_MANAGE))
def show_page(request: Request, work: ReadDep, actor: ActorDep, endpoint_id: str, state: str = "") -> HTMLResponse:  # fmt: skip
    """One endpoint and its log."""
    return _show(request, work, actor, endpoint_id, state=state)


def _show(
    request: Request, work: Work, actor: Actor, endpoint_id: str, *,
    state: str = "", made: EndpointMade | None = None, refusal: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    number = page_number(request)
    chosen = state if state in _STATES else ""
    log, total = service.deliveries(
        work, actor, endpoint_id, state=chosen, offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    endpoint = next((each for each in service.endpoints(work, actor) if each.id == endpoint_id), None)
    if endpoint is None:
        raise NotFound(Text("没有这个推送地址。", "There is no such endpoint."))
    return page(
        request, "webhooks/show.html", status=status_of(refusal) if refusal else 200, refusal=refusal, groups=in_groups(), endpoint=endpoint, log=log, total=total, number=number, state=chosen,
        pages=max(1, -(-total // PER_PAGE)), kinds=EVENT_KINDS, states=_STATES, made=made,
    )  # fmt: skip


@router.post("/{endpoint_id}/change", response_class=HTMLResponse, **access(_MANAGE))
def change(work: WorkDep, actor: ActorDep, endpoint_id: str, form: Typed) -> Response:
    """Off (`is_on=no`) and on."""
    given = {"is_on": str(form.get("is_on", ""))}
    service.change(work, actor, endpoint_id, checked(EndpointChange, given))
    return go(f"/webhooks/{endpoint_id}", Text("已保存。", "Saved."))


@router.post("/{endpoint_id}/kinds", response_class=HTMLResponse, **access(_MANAGE))
def choose(request: Request, house: HouseDep, actor: ActorDep, endpoint_id: str, form: Typed) -> Response:
    """Other kinds of events, at least one."""
    given = {"kinds": [str(kind) for kind in form.getlist("kinds")]}
    done = tried(house, lambda work: service.change(work, actor, endpoint_id, checked(EndpointChange, given)))
    if isinstance(done, AppError):
        with house.read() as work:
            return _show(request, work, actor, endpoint_id, refusal=done)
    return go(f"/webhooks/{endpoint_id}", Text("已保存。", "Saved."))


@router.post("/{endpoint_id}/rotate", response_class=HTMLResponse, **access(_MANAGE))
def rotate(request: Request, house: HouseDep, actor: ActorDep, endpoint_id: str) -> Response:
    """A new secret, shown once."""
    with house.write() as work:
        made = service.rotate(work, actor, endpoint_id, seal=sealer(house))
    with house.read() as work:
        return _show(request, work, actor, endpoint_id, made=made)


@router.post("/{endpoint_id}/ping", response_class=HTMLResponse, **access(_MANAGE))
def ping(work: WorkDep, actor: ActorDep, endpoint_id: str) -> Response:
    """Try the endpoint."""
    service.ping(work, actor, endpoint_id)
    return go(
        f"/webhooks/{endpoint_id}",
        Text("测试事件已排队，半分钟内发出。", "The test event leaves within half a minute."),
    )


@router.post("/{endpoint_id}/remove", response_class=HTMLResponse, **access(_MANAGE))
def remove(work: WorkDep, actor: ActorDep, endpoint_id: str) -> Response:
    """Remove the endpoint."""
    service.remove(work, actor, endpoint_id)
    return go("/webhooks", Text("推送地址已移除。", "The endpoint was removed."))


@router.post("/deliveries/{delivery_id}/resend", response_class=HTMLResponse, **access(_MANAGE))
def resend(work: WorkDep, actor: ActorDep, delivery_id: str) -> Response:
    """Send one again."""
    made = service.resend(work, actor, delivery_id)
    return go(f"/webhooks/{made.endpoint_id}", Text("已重新排队。", "It will be sent again."))
