"""For those who decide: what each rule would say of a request, and what a policy would show. Nothing is decided here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.late import APIRouter
from api.trials import explained_as_json, precedent_as_json, simulated, simulated_as_json
from auth.applications import trying
from auth.applications.precedents import LIMIT, precedents
from core.ids import ApplicationId, GrantId
from datasets.extracts import explaining
from datasets.extracts.explaining import ExplainAsk, SimulateAsk

router = APIRouter(prefix="/api/v1", tags=["grants"])


@router.post("/applications/{application_id}/explain", **access("auth:policy:read"))
def explain_line(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId, body: ExplainAsk
) -> dict[str, Any]:
    """Allowed or refused, rule by rule, if the line were a grant in force: for a person, purpose, columns, form and moment."""
    tried = trying.of_line(work, actor, application_id, body.line_id, body.narrowing)
    return explained_as_json(explaining.explain(work, tried, body), lang)


@router.get("/applications/{application_id}/precedents", **access("auth:policy:read"))
def list_precedents(
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    application_id: ApplicationId,
    line_id: str = "",
    limit: Annotated[int, Query(ge=1, le=50)] = LIMIT,
) -> dict[str, Any]:
    """Earlier decisions on the line's dataset or scenario within the caller's sight, the most alike first."""
    found = precedents(work, actor, application_id, line_id, limit=limit)
    return {"items": [precedent_as_json(each, lang) for each in found], "total": len(found)}


@router.post("/applications/{application_id}/simulate", **access("auth:policy:simulate"))
def simulate_line(
    house: HouseDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId, body: SimulateAsk
) -> dict[str, Any]:
    """Rows and columns that the line would show, beside what was asked and what counts already. Written down."""
    found = simulated(
        house, actor, lambda work: trying.of_line(work, actor, application_id, body.line_id, body.narrowing)
    )
    return simulated_as_json(found, lang)


@router.post("/grants/{grant_id}/explain", **access("auth:policy:read"))
def explain_grant(
    work: ReadDep, actor: ActorDep, lang: LangDep, grant_id: GrantId, body: ExplainAsk
) -> dict[str, Any]:
    """Allowed or refused under the grant, rule by rule."""
    tried = trying.of_grant(work, actor, grant_id, body.narrowing)
    return explained_as_json(explaining.explain(work, tried, body), lang)


@router.post("/grants/{grant_id}/simulate", **access("auth:policy:simulate"))
def simulate_grant(
    house: HouseDep, actor: ActorDep, lang: LangDep, grant_id: GrantId, body: SimulateAsk
) -> dict[str, Any]:
    """Rows and columns that the grant shows, or would show under a narrowing. Written down."""
    found = simulated(house, actor, lambda work: trying.of_grant(work, actor, grant_id, body.narrowing))
    return simulated_as_json(found, lang)
