"""The enclave: specifications that a steward reviews, that run inside, and whose results leave after an output review."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, Offset, ReadDep, WorkDep
from api.house import House
from api.late import APIRouter
from api.witnessed import noted
from auth.actor import Actor
from core.errors import AccessRefused, QuotaExceeded
from core.text import Lang
from core.work import Work
from datasets.enclave import queries, service
from datasets.enclave.model import (
    EnclaveDecision,
    EnclaveDetail,
    EnclaveRead,
    EnclaveRevise,
    EnclaveSpec,
    EnclaveSubmit,
)
from datasets.enclave.workflow import EnclaveState
from datasets.outputs import opening

router = APIRouter(prefix="/api/v1/enclave", tags=["enclave"])
_READ, _ASK, _REVIEW = "datasets:enclave:read", "datasets:query:ask", "datasets:enclave:review"


@router.get("", **access(_READ))
def list_enclave(
    work: ReadDep,
    actor: ActorDep,
    state: EnclaveState | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-submitted",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Requests of the caller's organisation or on the data of his departments (watchers: all), newest first."""
    found, total = queries.listed(
        work,
        actor,
        state=state,
        grant_id=grant_id,
        dataset_id=dataset_id,
        sort=sort,
        offset=offset,
        limit=limit,
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/plan", **access(_ASK))
def plan_enclave(work: ReadDep, actor: ActorDep, lang: LangDep, body: EnclaveSpec) -> dict[str, Any]:
    """Whether the specification may be handed in, with every reason. Reads no row, takes nothing."""
    return plan(work, actor, body, lang)


def plan(work: Work, actor: Actor, spec: EnclaveSpec, lang: Lang) -> dict[str, Any]:
    case = service.consider(work, actor, spec)
    limit, used = case.grant.policy.quotas.extracts, case.grant.used.extracts
    return {
        "permitted": not case.reasons,
        "reasons": [reason.as_json(lang) for reason in case.reasons],
        "spec_hash": spec.hash,
        "columns": [*spec.groups, *spec.measures],
        "release_number": case.release.number if case.release else None,
        "min_group": case.limits["query_min_group"],
        "seconds": case.limits["enclave_seconds"],
        "checkers": opening.needed(work, case.grant.dataset_id, case.question.form, case.grant.policy),
        "takes": {"extracts": 1},
        "left": {"extracts": None if limit is None else max(limit - used, 0)},
    }


@router.post("", status_code=201, **access(_ASK))
def submit_enclave(request: Request, house: HouseDep, actor: ActorDep, body: EnclaveSubmit) -> EnclaveRead:
    """Hand a specification in for its review; takes one extract of the quota."""
    noted(request)  # refusals are written down below
    return submitted(house, actor, body)


def submitted(house: House, actor: Actor, body: EnclaveSubmit) -> EnclaveRead:
    """Hand it in; a refusal is on record and in the ledger."""
    try:
        with house.write() as work:
            return service.submit(work, actor, body)
    except (AccessRefused, QuotaExceeded) as refusal:
        with house.write() as work:
            service.note_refusal(work, actor, body.spec, refusal)
        raise


@router.get("/{enclave_id}", **access(_READ))
def show_enclave(work: ReadDep, actor: ActorDep, enclave_id: str) -> EnclaveDetail:
    """One request: specification, history, what stands against it now, and what the caller may do."""
    return service.detail(work, actor, enclave_id)


@router.post("/{enclave_id}/revise", **access(_ASK))
def revise_enclave(work: WorkDep, actor: ActorDep, enclave_id: str, body: EnclaveRevise) -> EnclaveRead:
    """Hand a returned specification in again."""
    return service.revise(work, actor, enclave_id, body)


@router.post("/{enclave_id}/decision", **access(_REVIEW))
def decide_enclave(work: WorkDep, actor: ActorDep, enclave_id: str, body: EnclaveDecision) -> EnclaveRead:
    """Approve, return or decline the specification that `spec_hash` names; approval has it computed at once."""
    return service.decide(work, actor, enclave_id, body)


@router.post("/{enclave_id}/withdraw", **access(_ASK))
def withdraw_enclave(work: WorkDep, actor: ActorDep, enclave_id: str) -> EnclaveRead:
    """Take it back before it is released; what runs is stopped."""
    return service.withdraw(work, actor, enclave_id)
