"""Applications: from draft to agreement. Each step names the version that was seen, by If-Match or in the body."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Response

from api import scanning
from api.access import access
from api.awaited import of_terms
from api.deps import ActorDep, HouseDep, LangDep, Offset, ReadDep, WorkDep
from api.house import House
from api.late import APIRouter
from api.lookups import assets, holds, seen_assets
from api.versions import etag
from auth import audit_reading
from auth.actor import Actor
from auth.applications import service
from auth.applications.models import (
    AcceptBody,
    ApplicationAsk,
    ApplicationRead,
    ApplicationSave,
    DecideBody,
    DeclaredStep,
    ReviewBody,
    ScreenBody,
    StepBody,
)
from auth.applications.reading import is_bureau
from auth.applications.workflow import State
from auth.policy.limits import Coded, limits
from catalog.queries import with_columns_asked
from core.errors import AccessRefused
from core.ids import ApplicationId
from core.text import Lang

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


@router.get("", **access("auth:application:read"))
def list_applications(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    mine: bool = False,
    waiting: bool = False,
    handled: bool = False,
    dataset_id: str | None = None,
    sort: str = "-created",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Applications in the caller's sight; `waiting` keeps those on which the caller has the next word, `handled` those that are named to be his."""
    items, total = service.applications(
        work, actor, state=state, mine=mine, waiting=waiting, handled=handled, dataset_id=dataset_id, sort=sort, offset=offset, limit=limit
    )  # fmt: skip
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/lists", **access("auth:application:read"))
def code_lists(lang: LangDep) -> dict[str, Any]:
    """Scenarios, purposes, reasons for refusal, and the limits with their sources."""
    known = limits()

    def listed(codes: dict[str, Coded]) -> list[dict[str, str]]:
        return [
            {"code": c.code, "name": c.name.in_(lang), "class": c.kind, "basis": c.basis}
            for c in codes.values()
        ]

    return {
        "effective_from": known.effective_from,
        "scenarios": listed(dict(known.scenarios)),
        "purposes": listed(dict(known.purposes)),
        "refusals": listed(dict(known.refusals)),
        "limits": [
            {
                "key": n.key,
                "value": n.value,
                "unit": n.unit,
                "source": n.source,
                "name": n.name.in_(lang),
            }
            for n in known.numbers.values()
        ],
    }


@router.post("", status_code=201, **access("auth:application:write"))
def create_application(
    house: HouseDep, actor: ActorDep, response: Response, body: ApplicationAsk
) -> ApplicationRead:
    """A new draft; it may be incomplete."""
    with noted(house, actor, "", "create"), house.write() as work:
        made = service.create(work, actor, body, assets=partial(seen_assets, work, actor))
    response.headers.update(etag(made.version) | {"Location": f"/api/v1/applications/{made.id}"})
    return made


@router.get("/{application_id}", **access("auth:application:read"))
def show_application(
    work: ReadDep, actor: ActorDep, response: Response, application_id: ApplicationId
) -> ApplicationRead:
    """One application."""
    return tagged(response, service.application(work, actor, application_id))


@router.put("/{application_id}", **access("auth:application:edit"))
def save_application(
    house: HouseDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: ApplicationSave,
) -> ApplicationRead:
    """Replace the whole request while it is a draft or has come back."""
    with noted(house, actor, application_id, "save"), house.write() as work:
        saved = service.save(work, actor, application_id, body, assets=partial(seen_assets, work, actor))
    return tagged(response, saved)


@router.get("/{application_id}/precheck", **access("auth:application:read"))
def precheck_application(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId
) -> dict[str, Any]:
    """Everything that submitting would meet: what blocks, and what is likely to be narrowed or asked about."""
    said = service.precheck(work, actor, application_id, assets=partial(assets, work), holds=holds(work))
    return {
        "may_submit": not said.blocking,
        "blocking": [reason.as_json(lang) for reason in said.blocking],
        "advice": [reason.as_json(lang) for reason in said.advice],
    }


@router.get("/{application_id}/commands", **access("auth:application:read"))
def list_commands(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId
) -> dict[str, Any]:
    """The steps open to the caller now, each with every reason that still stands against it."""
    return commands_as_json(service.commands(work, actor, application_id, assets=partial(assets, work)), lang)


@router.get("/{application_id}/history", **access("auth:application:read"))
def show_history(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId
) -> dict[str, Any]:
    """All that happened to the application, oldest first."""
    service.application(work, actor, application_id)
    found = audit_reading.history(work, application_id=application_id, internal=is_bureau(actor))
    return history_as_json(found, lang)


@router.get("/{application_id}/terms", **access("auth:application:read"))
def show_terms(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId
) -> dict[str, Any]:
    """The terms on offer or agreed, and the digest that accepting them names. `wanting`: what, while they are on offer, keeps their grants from coming into force."""
    found = service.terms(work, actor, application_id)
    return found | {"wanting": [reason.as_json(lang) for line in of_terms(work, found) for reason in line]}


@router.post("/{application_id}/submit", **access("auth:application:write"))
def submit_application(
    house: HouseDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: StepBody,
) -> ApplicationRead:
    """Hand the draft in. Papers that no malware scanner has seen are shown to it first, where one is configured (503 without its word)."""
    scanning.look_at_papers(house, actor, application_id)
    with noted(house, actor, application_id, "submit"), house.write() as work:
        done = service.submit(work, actor, application_id, body, assets=partial(assets, work))
    return tagged(response, done)


@router.post("/{application_id}/withdraw", **access("auth:application:withdraw"))
def withdraw_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: StepBody,
) -> ApplicationRead:
    """Take the application back."""
    return tagged(response, service.withdraw(work, actor, application_id, body))


@router.post("/{application_id}/screen", **access("auth:application:screen"))
def screen_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: ScreenBody,
) -> ApplicationRead:
    """Accept for review, return for completion, or refuse."""
    return tagged(response, service.screen(work, actor, application_id, body))


@router.post("/{application_id}/review", **access("auth:application:review"))
def review_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: ReviewBody,
) -> ApplicationRead:
    """Vote on every line of one stage."""
    return tagged(response, service.review(work, actor, application_id, body))


@router.post("/{application_id}/return", **access("auth:application:return"))
def return_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: DeclaredStep,
) -> ApplicationRead:
    """Send the application back to the applicant during review or decision."""
    return tagged(response, service.send_back(work, actor, application_id, body))


@router.post("/{application_id}/decide", **access("auth:application:decide"))
def decide_application(
    house: HouseDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: DecideBody,
) -> ApplicationRead:
    """Approve, narrow or refuse each line."""
    with house.write() as work:  # in this thread from its beginning to its commit, instead of in three
        decided = service.decide(
            work,
            actor,
            application_id,
            body,
            assets=partial(assets, work),
            asset_asked=with_columns_asked,
            holds=holds(work),
        )
    return tagged(response, decided)


@router.post("/{application_id}/accept", **access("auth:application:accept"))
def accept_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: AcceptBody,
) -> ApplicationRead:
    """Accept the terms by their digest; grants are issued at once."""
    return tagged(response, service.accept_terms(work, actor, application_id, body))


@router.post("/{application_id}/decline", **access("auth:application:accept"))
def decline_application(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    application_id: ApplicationId,
    body: StepBody,
) -> ApplicationRead:
    """Turn the terms down."""
    return tagged(response, service.decline(work, actor, application_id, body))


@contextmanager
def noted(house: House, actor: Actor, application_id: str, step: str) -> Iterator[None]:
    """Keep refused attempts on record, in a transaction of their own: the refused one wrote nothing."""
    try:
        yield
    except AccessRefused as refusal:
        with house.write() as work:
            service.note_refusal(work, actor, application_id, step, refusal)
        raise


def commands_as_json(found: list[dict[str, Any]], lang: Lang) -> dict[str, Any]:
    items = [
        item | {"reasons": [reason.as_json(lang) for reason in item["reasons"]], "open": not item["reasons"]}
        for item in found
    ]
    return {"items": items, "total": len(items), "next": None}


def history_as_json(found: list[audit_reading.Happening], lang: Lang) -> dict[str, Any]:
    items = [
        {
            "seq": event.seq,
            "at": event.at,
            "kind": event.kind,
            "name": event.name.in_(lang),
            "who": event.who,
            "org_id": event.org_id,
            "subject": event.subject,
            "note": event.note,
            "facts": event.facts,
        }
        for event in found
    ]
    return {"items": items, "total": len(items), "next": None}


def tagged(response: Response, found: ApplicationRead) -> ApplicationRead:
    response.headers.update(etag(found.version))
    return found
