"""Grants: look, follow, activate, suspend, resume, revoke, relinquish."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import JSONResponse

from api.access import access
from api.activating import activated
from api.deps import ActorDep, LangDep, Offset, ReadDep, WorkDep
from api.gives import gives
from api.late import APIRouter
from api.lookups import assets, has_release, holds
from api.routes.applications import commands_as_json, history_as_json
from api.versions import etag
from auth import audit_reading
from auth.applications.reading import is_bureau
from auth.grants import reading, service, waking
from auth.grants.reading import GrantRead
from auth.grants.service import RevokeStep
from auth.grants.steps import GrantStep
from auth.grants.workflow import State, Step
from auth.supervision import ledger
from core.ids import GrantId

router = APIRouter(prefix="/api/v1/grants", tags=["grants"])


@router.get("", **access("auth:grant:read"))
def list_grants(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    dataset_id: str | None = None,
    org_id: str | None = None,
    application_id: str | None = None,
    sort: str = "-created",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Grants in the caller's sight. Sort by created, ends, dataset or state; `-` before it turns it round."""
    items, total = reading.grants(
        work, actor, state=state, dataset_id=dataset_id, org_id=org_id, application_id=application_id, sort=sort,
        offset=offset, limit=limit,
    )  # fmt: skip
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/{grant_id}", **access("auth:grant:read"))
def show_grant(work: ReadDep, actor: ActorDep, response: Response, grant_id: GrantId) -> GrantRead:
    """One grant with its policy and what has been used; `is_effective` is computed for this instant."""
    return _tagged(response, reading.grant(work, actor, grant_id))


@router.get("/{grant_id}/odrl", **access("auth:grant:read"), **gives("application/ld+json"))
def show_odrl(work: ReadDep, actor: ActorDep, grant_id: GrantId) -> JSONResponse:
    """The agreement in ODRL 2.2 (JSON-LD), valid against the Dataspace Protocol's contract schema; it says the whole policy."""
    return JSONResponse(reading.as_odrl(work, actor, grant_id), media_type="application/ld+json")


@router.get("/{grant_id}/commands", **access("auth:grant:read"))
def list_commands(work: ReadDep, actor: ActorDep, lang: LangDep, grant_id: GrantId) -> dict[str, Any]:
    """The steps open to the caller now, each with every reason that still stands against it."""
    found = service.commands(
        work,
        actor,
        grant_id,
        assets=partial(assets, work),
        has_release=has_release(work),
        holds=holds(work),
    )
    return commands_as_json(found, lang)


@router.get("/{grant_id}/history", **access("auth:grant:read"))
def show_history(work: ReadDep, actor: ActorDep, lang: LangDep, grant_id: GrantId) -> dict[str, Any]:
    """The grant from its application to the last download, oldest first."""
    found = reading.grant(work, actor, grant_id)
    events = audit_reading.history(
        work, application_id=found.application_id, grant_id=grant_id, internal=is_bureau(actor)
    )
    return history_as_json(events, lang)


@router.get("/{grant_id}/usage", **access("auth:grant:read"))
def show_usage(
    work: ReadDep,
    actor: ActorDep,
    grant_id: GrantId,
    kind: Annotated[str, Query(max_length=20)] = "",
    since: date | None = None,
    until: date | None = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Every charge, refund, delivery, download and refusal, oldest first; sums over all of them are the used counters.

    `kind`, `since`, `until`: only lines of that kind, of these days (local, both count). `sums`: what all lines that match add up to.
    """
    reading.grant(work, actor, grant_id)
    wish = ledger.of_grant(grant_id, kind, since, until)
    found, sums = ledger.rows(work, wish, offset=offset, limit=limit)
    return {
        "items": [event.model_dump() for event in found],
        "sums": sums,
        "total": sums.lines,
        "next": offset + limit if offset + limit < sums.lines else None,
    }


@router.post("/{grant_id}/activate", **access("auth:grant:activate"))
def activate_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Put the grant into force."""
    return _tagged(response, activated(work, actor, grant_id, body))


@router.post("/{grant_id}/suspend", **access("auth:grant:suspend"))
def suspend_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Stop all use at once; needs a reason."""
    return _tagged(response, service.suspend(work, actor, grant_id, body))


@router.post("/{grant_id}/resume", **access("auth:grant:resume"))
def resume_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Let it count again; not by whoever suspended it."""
    return _tagged(response, service.resume(work, actor, grant_id, body))


@router.post("/{grant_id}/ask-resume", **access("auth:grant:ask-resume"))
def ask_resume(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Ask, as the holder, that a grant suspended for want of use be resumed; `note` says what for."""
    return _tagged(response, waking.ask_resume(work, actor, grant_id, body))


@router.post("/{grant_id}/wake", **access("auth:grant:wake"))
def wake_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Let a dormant grant be used again, as a steward, when the holder has asked."""
    return _tagged(response, waking.decide_resume(work, actor, grant_id, body, Step.WAKE))


@router.post("/{grant_id}/decline-resume", **access("auth:grant:wake"))
def decline_resume(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """Decline to resume a dormant grant; needs a reason."""
    return _tagged(response, waking.decide_resume(work, actor, grant_id, body, Step.DECLINE_RESUME))


@router.post("/{grant_id}/revoke", **access("auth:grant:revoke"))
def revoke_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: RevokeStep,
) -> GrantRead:
    """End it for good, at once; needs a reason. Another person confirms it within a day: `/api/v1/revocations`."""
    return _tagged(response, service.revoke(work, actor, grant_id, body, assets=partial(assets, work)))


@router.post("/{grant_id}/relinquish", **access("auth:grant:relinquish"))
def relinquish_grant(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    grant_id: GrantId,
    body: GrantStep,
) -> GrantRead:
    """The holder gives it back."""
    return _tagged(response, service.relinquish(work, actor, grant_id, body))


def _tagged(response: Response, found: GrantRead) -> GrantRead:
    response.headers.update(etag(found.version))
    return found
