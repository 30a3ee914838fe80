"""Products that enterprises build on their grants, caps of prices, and fees."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, LangDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import delivered_files
from auth.products import service
from auth.products.rules import CHECKS, yuan
from auth.products.service import CapCreate, FeeCreate, ProductCreate, ProductRead

router = APIRouter(prefix="/api/v1", tags=["products"])


@router.get("/products", **access("auth:product:read"))
def list_products(
    work: ReadDep,
    actor: ActorDep,
    org_id: str = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Products of the caller's organisation (watchers: all), newest first."""
    items, total = service.products(
        work, actor, delivered_files(work), org_id=org_id, offset=offset, limit=limit
    )
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/products/check", **access("auth:product:write"))
def check_product(work: ReadDep, actor: ActorDep, lang: LangDep, body: ProductCreate) -> dict[str, Any]:
    """Everything that would stand against the product, with rule and source; enters nothing."""
    found = service.pre_check(work, actor, body, delivered_files(work))
    return {"permitted": not found, "reasons": [reason.as_json(lang) for reason in found]}


@router.post("/products", status_code=201, **access("auth:product:write"))
def enter_product(work: WorkDep, actor: ActorDep, body: ProductCreate) -> ProductRead:
    """Enter a product: free where it serves the public, never above the cap, built on grants of one's own."""
    return service.enter(work, actor, body, delivered_files(work))


@router.get("/products/{product_id}", **access("auth:product:read"))
def show_product(work: ReadDep, actor: ActorDep, product_id: str) -> ProductRead:
    """One product with its chain: grants, releases, receipts, files."""
    return service.product(work, actor, product_id, delivered_files(work))


@router.get("/products/{product_id}/listing", **access("auth:product:read"))
def listing_pack(work: ReadDep, actor: ActorDep, lang: LangDep, product_id: str) -> dict[str, Any]:
    """What an exchange asks for at listing: the product, its source chain, the self-check, its price and the fees taken."""
    found = service.product(work, actor, product_id, delivered_files(work))
    fees = service.fees(work, actor, product_id)
    return {
        "product": found, "self_check": {name: CHECKS[name].in_(lang) for name in found.affirmed if name in CHECKS},
        "price_yuan": yuan(found.price_fen), "fees": [fee.model_dump(exclude={"entered_by"}) for fee in fees],
        "as_of": work.now,
    }  # fmt: skip


@router.post("/products/{product_id}/end", **access("auth:product:write"))
def end_product(work: WorkDep, actor: ActorDep, product_id: str) -> ProductRead:
    """It is not offered any more; the record stays."""
    return service.end(work, actor, product_id, delivered_files(work))


@router.get("/products/{product_id}/fees", **access("auth:product:read"))
def list_fees(work: ReadDep, actor: ActorDep, product_id: str) -> dict[str, Any]:
    """Fees taken for a product, newest first."""
    items = [fee.model_dump(exclude={"entered_by"}) for fee in service.fees(work, actor, product_id)]
    return {"items": items, "total": len(items), "next": None}


@router.post("/products/{product_id}/fees", status_code=201, **access("auth:product:write"))
def enter_fee(work: WorkDep, actor: ActorDep, product_id: str, body: FeeCreate) -> dict[str, Any]:
    """Enter money taken; its price keeps to the cap of that day."""
    return service.charge(work, actor, product_id, body).model_dump(exclude={"entered_by"})


@router.get("/fee-caps", **access("public"))
def list_caps(work: ReadDep) -> dict[str, Any]:
    """The caps of prices, newest first, with their sources."""
    items = [cap.model_dump(exclude={"set_by"}) for cap in service.caps(work)]
    return {"items": items, "total": len(items), "next": None}


@router.post("/fee-caps", status_code=201, **access("auth:fee-cap:write"))
def set_cap(work: WorkDep, actor: ActorDep, body: CapCreate) -> dict[str, Any]:
    """Set the highest price of a unit in a scenario, from a day on."""
    return service.set_cap(work, actor, body).model_dump(exclude={"set_by"})
