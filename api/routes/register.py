"""What the public may know of grants, and the matrix of datasets and scenarios."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from auth.agreements import register as agreements
from auth.grants import register
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.supervision.transparency import Transparency, transparency
from catalog.queries import public_ids
from datasets import matrix

router = APIRouter(prefix="/api/v1", tags=["register"])
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/register", **access("public"))
def list_register(
    work: ReadDep,
    dataset_id: str = "",
    org_id: str = "",
    scenario_id: str = "",
    offset: Offset = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Grants in force: who is authorised for which dataset, scenario and purposes, until when. Those that end first come first."""
    items, total = register.register(
        work,
        public_ids(),
        dataset_id=dataset_id,
        org_id=org_id,
        scenario_id=scenario_id,
        offset=offset,
        limit=limit,
    )
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/register/agreements", **access("public"))
def list_agreements(
    work: ReadDep,
    state: agreements.Standing | None = None,
    org_id: Annotated[str, Query(max_length=60)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    sort: agreements.Order = "-starts",
    offset: Offset = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Agreements in force and ended: who operates which scenarios and purposes, from when to when. `q`: words of the title or the operator's name, or the number."""
    items, total = agreements.register(
        work, state=state, org_id=org_id, words=q, sort=sort, offset=offset, limit=limit
    )
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/matrix", **access("public"))
def show_matrix(
    work: ReadDep, actor: ActorDep, theme: str = "", org_id: str = "", offset: Offset = 0, limit: Limit = 50
) -> dict[str, Any]:
    """Datasets within authorised operation × scenarios: grants in force and pending, applications in the caller's sight."""
    scenarios = limits().scenarios
    items, total = matrix.matrix(
        work, actor, list(scenarios), theme=theme, org_id=org_id, offset=offset, limit=limit
    )
    named = [{"code": code, "zh": each.name.zh, "en": each.name.en} for code, each in scenarios.items()]
    following = offset + limit if offset + limit < total else None
    return {"scenarios": named, "items": items, "total": total, "next": following}


@router.get("/transparency", **access("public"))
def show_transparency(
    work: ReadDep, year: Annotated[int | None, Query(ge=2000, le=2100)] = None
) -> Transparency:
    """How applications were handled in a year (this one): how many, the share granted, the median of working days, refusals by reason. Nobody is named."""
    return transparency(work, year or work.now.astimezone(LOCAL).year)
