"""Webhooks of one's own organisation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from api.webhooks import sealer
from auth.webhooks import service
from auth.webhooks.models import DeliveryRead, EndpointAsk, EndpointChange, EndpointMade, EndpointRead
from auth.webhooks.rules import EVENT_KINDS

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])
_MANAGE = "auth:webhook:manage"


@router.get("", **access(_MANAGE))
def list_endpoints(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """The endpoints of the caller's organisation; no secret is ever shown again."""
    found = service.endpoints(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.get("/kinds", **access(_MANAGE))
def list_kinds() -> dict[str, Any]:
    """The kinds of events that may be chosen, and all that each says."""
    items = [
        {"kind": kind, "zh": each.name.zh, "en": each.name.en, "says": each.says}
        for kind, each in EVENT_KINDS.items()
    ]
    return {"items": items, "total": len(items), "next": None}


@router.post("", status_code=201, **access(_MANAGE))
def create_endpoint(house: HouseDep, work: WorkDep, actor: ActorDep, body: EndpointAsk) -> EndpointMade:
    """A new endpoint; the answer holds its secret, this once."""
    return service.create(work, actor, body, seal=sealer(house), plain_ok=bool(house.settings.webhook_allow))


@router.patch("/{endpoint_id}", **access(_MANAGE))
def change_endpoint(work: WorkDep, actor: ActorDep, endpoint_id: str, body: EndpointChange) -> EndpointRead:
    """Other kinds, or off and on."""
    return service.change(work, actor, endpoint_id, body)


@router.post("/{endpoint_id}/rotate", **access(_MANAGE))
def rotate_secret(house: HouseDep, work: WorkDep, actor: ActorDep, endpoint_id: str) -> EndpointMade:
    """A new secret; the former one signs beside it for a day."""
    return service.rotate(work, actor, endpoint_id, seal=sealer(house))


@router.post("/{endpoint_id}/ping", status_code=202, **access(_MANAGE))
def ping_endpoint(work: WorkDep, actor: ActorDep, endpoint_id: str) -> DeliveryRead:
    """Send an event that says nothing, to try the endpoint."""
    return service.ping(work, actor, endpoint_id)


@router.delete("/{endpoint_id}", status_code=204, **access(_MANAGE))
def remove_endpoint(work: WorkDep, actor: ActorDep, endpoint_id: str) -> None:
    """No more events; what waits is dropped."""
    service.remove(work, actor, endpoint_id)


@router.get("/{endpoint_id}/deliveries", **access(_MANAGE))
def list_deliveries(
    work: ReadDep,
    actor: ActorDep,
    endpoint_id: str,
    state: Literal["", "waiting", "sent", "dead", "dropped"] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The log of an endpoint, newest first."""
    found, total = service.deliveries(
        work, actor, endpoint_id, state=state, offset=(page - 1) * limit, limit=limit
    )
    return {"items": found, "total": total, "next": str(page + 1) if page * limit < total else None}


@router.post("/deliveries/{delivery_id}/resend", **access(_MANAGE))
def resend_delivery(work: WorkDep, actor: ActorDep, delivery_id: str) -> DeliveryRead:
    """Send one again: the same id and bytes, all attempts anew."""
    return service.resend(work, actor, delivery_id)
