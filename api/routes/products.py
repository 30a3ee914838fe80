"""Products that enterprises build on their grants, caps of prices, and fees."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, LangDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import assets, delivered_files, org_names
from auth.caps import service as caps
from auth.caps.service import CapRead
from auth.grants.standing import licence
from auth.products import listing, service
from auth.products.assessing import assessed
from auth.products.rules import CHECKS, KINDS, TICKS, UNITS, yuan
from auth.products.service import CapCreate, FeeCreate, ProductCreate, ProductRead, RegistrationEnter
from core.ids import OrgId
from core.text import Text

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
    found = service.pre_check(work, actor, body, delivered_files(work), partial(assets, work))
    return {"permitted": not found, "reasons": [reason.as_json(lang) for reason in found]}


@router.post("/products", status_code=201, **access("auth:product:write"))
def enter_product(work: WorkDep, actor: ActorDep, body: ProductCreate) -> ProductRead:
    """Enter a product: free where it serves the public, never above the cap, built on grants of one's own."""
    return service.enter(work, actor, body, delivered_files(work), partial(assets, work))


@router.get("/products/{product_id}", **access("auth:product:read"))
def show_product(work: ReadDep, actor: ActorDep, product_id: str) -> ProductRead:
    """One product with its chain: grants, releases, receipts, files."""
    return service.product(work, actor, product_id, delivered_files(work))


@router.get("/products/{product_id}/listing", **access("auth:product:read"))
def listing_pack(
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    product_id: str,
    listing_type: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, Any]:
    """What an exchange asks for at listing: the product, its source chain, the self-check, its price and the fees taken; the same laid out by
    the four dimensions of a compliance assessment, the twelve cells (three stages by four dimensions) as they stand now, and the four ticks.

    `listing_type`: under which type it is listed (dataset, report, visualisation, index, api, encrypted); by default what the product's kind says.
    """
    files = delivered_files(work)
    found = service.product(work, actor, product_id, files)
    affirmed = found.affirmed or []
    fees = service.fees(work, actor, product_id)
    four = service.ticks(work, actor, product_id, files, partial(assets, work))
    holder = licence(work, OrgId(found.org_id))
    kind_of_listing = listing.type_of(found.kind, listing_type)
    stages, sides, types = listing.names("stages"), listing.names("dimensions"), listing.names("types")
    return {
        "listing_type": {"code": kind_of_listing, "name": types[kind_of_listing].in_(lang) if kind_of_listing else None},
        "assessment": {
            "source": listing.frame()["source"], "stages_source": listing.frame()["stages_source"],
            "cells": [
                {"stage": each.stage, "stage_name": stages[each.stage].in_(lang), "dimension": each.dimension,
                 "dimension_name": sides[each.dimension].in_(lang), "standing": each.standing,
                 "standing_name": listing.STANDINGS[each.standing].in_(lang), "why": each.why.in_(lang)}
                for each in assessed(work, actor, product_id, files, partial(assets, work))
            ],
        },
        "ticks": [{"key": each.key, "name": TICKS[each.key].in_(lang), "is_met": each.is_met, "why": each.why.in_(lang)} for each in four],
        "dimensions": {
            "subject": {
                "organisation": org_names(work).get(found.org_id, Text(found.org_id, found.org_id)).in_(lang), "org_id": found.org_id,
                "licence": holder.state, "licence_valid_to": holder.valid_to,
            },
            "source": {"grants": found.sources, "names_its_source": "source_named" in affirmed},
            "content": {
                "kind": KINDS[found.kind].in_(lang), "summary": found.summary, "level": found.level, "level_reason": found.level_reason,
                "surveying": found.surveying, "holds_no_raw_data": "no_raw_data" in affirmed, "identifies_no_person": "no_person" in affirmed,
            },
            "circulation": {
                "scenario_id": found.scenario_id, "purpose": found.purpose, "unit": UNITS[found.unit].in_(lang), "price_yuan": yuan(found.price_fen),
                "registration_code": found.registration_code, "registered_on": found.registered_on, "taken_yuan": yuan(found.revenue_fen),
            },
        },
        "product": found, "self_check": {name: CHECKS[name].in_(lang) for name in affirmed if name in CHECKS},
        "price_yuan": yuan(found.price_fen), "fees": [fee.model_dump(exclude={"entered_by"}) for fee in fees],
        "as_of": work.now,
    }  # fmt: skip


@router.post("/products/{product_id}/registration", **access("auth:product:write"))
def register_product(work: WorkDep, actor: ActorDep, product_id: str, body: RegistrationEnter) -> ProductRead:
    """Enter the code under which a register of data products has entered it."""
    return service.register(work, actor, product_id, body, delivered_files(work))


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
    """The caps of prices that two people have put in force, newest first, with their sources."""
    items = [cap.model_dump(exclude={"set_by"}) for cap in service.caps(work)]
    return {"items": items, "total": len(items), "next": None}


@router.post("/fee-caps", status_code=201, **access("auth:fee-cap:write"))
def propose_cap(work: WorkDep, actor: ActorDep, body: CapCreate) -> CapRead:
    """Propose the highest price of a unit in a scenario, from a day on; it counts once a second person has confirmed it (`/api/v1/caps`)."""
    return caps.propose_fee(work, actor, body)
