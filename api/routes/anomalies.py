"""Anomalies: what the rules found, answers to it, and how the rules are set."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.anomalies import service
from auth.anomalies.rules import Rule
from auth.anomalies.service import AnomalyRead, SettingBody, SettingRead
from auth.anomalies.workflow import State, Step
from auth.casework.book import CaseStep

router = APIRouter(prefix="/api/v1", tags=["supervision"])
_READ, _ANSWER, _CONFIGURE = "auth:anomaly:read", "auth:anomaly:answer", "auth:anomaly:configure"


@router.get("/anomalies", **access(_READ))
def list_anomalies(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    rule: Rule | None = None,
    grant_id: str = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Findings, newest first; none is ever deleted."""
    found, total = service.anomalies(
        work, actor, state=state or "", rule=rule or "", grant_id=grant_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/anomalies/{anomaly_id}", **access(_READ))
def show_anomaly(work: ReadDep, actor: ActorDep, anomaly_id: str) -> AnomalyRead:
    """One finding."""
    return service.anomaly(work, actor, anomaly_id)


@router.post("/anomalies/{anomaly_id}/acknowledge", **access(_ANSWER))
def acknowledge_anomaly(work: WorkDep, actor: ActorDep, anomaly_id: str, body: CaseStep) -> AnomalyRead:
    """It was an anomaly: say what was done. A throttle ends; a suspended grant may then be resumed."""
    return service.close(work, actor, anomaly_id, Step.ACKNOWLEDGE, body)


@router.post("/anomalies/{anomaly_id}/dismiss", **access(_ANSWER))
def dismiss_anomaly(work: WorkDep, actor: ActorDep, anomaly_id: str, body: CaseStep) -> AnomalyRead:
    """A false alarm: say why."""
    return service.close(work, actor, anomaly_id, Step.DISMISS, body)


@router.get("/anomaly-rules", **access(_READ))
def list_anomaly_rules(work: ReadDep) -> list[SettingRead]:
    """Every rule with its numbers, what follows from it, and where that comes from."""
    return service.rules(work)


@router.put("/anomaly-rules/{rule}", **access(_CONFIGURE))
def set_anomaly_rule(work: WorkDep, actor: ActorDep, rule: Rule, body: SettingBody) -> SettingRead:
    """Set a rule from now on. Whoever sets it does not resume what it suspends."""
    return service.configure(work, actor, rule, body)
