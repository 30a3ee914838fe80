"""Accepting several applications at once (批量受理): a look at each before, and each by itself.

Every application is accepted in a transaction of its own, by the very step that accepts one, with its own event on record. What one
refuses stops none of the others, and the answer says of each what became of it and why.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, field_validator

from auth.actor import Actor
from auth.applications import queries, reviewing, service
from auth.applications.models import ApplicationBrief, ScreenBody, _Body
from auth.applications.reading import brief
from auth.applications.workflow import State
from auth.papers import cover as papers
from auth.policy.model import Prose
from core.errors import AccessRefused, AppError, NotFound, Reason
from core.ids import ApplicationId
from core.work import Work

SCREEN: Final = "auth:application:screen"
MOST: Final = 50


class AcceptItem(_Body):
    """One application with the version that was seen."""

    application_id: ApplicationId = Field(min_length=1, max_length=60)
    version: int = Field(ge=1)


class AcceptMany(_Body):
    """The applications to accept, and the one declaration to have no interest in any of their applicants. `note` goes on record with each."""

    items: tuple[AcceptItem, ...] = Field(min_length=1, max_length=MOST)
    note: Prose = Field(default="", max_length=2000)
    has_no_conflict: bool | None = None

    @field_validator("items")
    @classmethod
    def _each_once(cls, items: tuple[AcceptItem, ...]) -> tuple[AcceptItem, ...]:
        if len({each.application_id for each in items}) < len(items):
            raise ValueError("an application is named twice")
        return items


class Candidate(ApplicationBrief):
    """An application that waits to be accepted, with every reason that stands against accepting it now."""

    reasons: list[dict[str, Any]]


class AcceptOutcome(BaseModel):
    """What became of one: accepted, or why not. `code`: of the refusal as a whole (`refused`, `stale`, …), empty where it was accepted."""

    application_id: ApplicationId
    outcome: Literal["accepted", "refused"]
    code: str
    detail_zh: str
    detail_en: str
    reasons: list[dict[str, Any]]


class AcceptedMany(BaseModel):
    accepted: int
    refused: int
    items: list[AcceptOutcome]


def candidates(work: Work, actor: Actor, *, offset: int = 0, limit: int = 50) -> tuple[list[Candidate], int]:
    """What waits for this actor to be accepted, the most urgent first, and their number."""
    rows, total = queries.listed(
        work, actor, state=State.SUBMITTED, waiting=True, sort="due", offset=offset, limit=limit
    )
    found = []
    for row in rows:
        against = (
            *reviewing.screening_objections(work, actor, row), *papers.screening_objections(work, row, {}),
        )  # fmt: skip
        found.append(Candidate(**brief(work, row).model_dump(), reasons=[_as_json(each) for each in against]))
    return found, total


def accept_many(
    write: Callable[[], AbstractContextManager[Work]], actor: Actor, body: AcceptMany
) -> AcceptedMany:
    """Accept them one after another. InputRefused or AccessRefused without the declaration, and then none is accepted."""
    reviewing.need_no_conflict(body.has_no_conflict)
    items = [_accept(write, actor, each, body) for each in body.items]
    accepted = sum(each.outcome == "accepted" for each in items)
    return AcceptedMany(accepted=accepted, refused=len(items) - accepted, items=items)


def _accept(
    write: Callable[[], AbstractContextManager[Work]], actor: Actor, item: AcceptItem, body: AcceptMany
) -> AcceptOutcome:
    step = ScreenBody(version=item.version, outcome="ok", note=body.note, has_no_conflict=True)
    try:
        with write() as work:
            reviewing.screen(work, actor, item.application_id, step)
    except AppError as refusal:
        if isinstance(refusal, AccessRefused):
            with write() as work:
                service.note_refusal(work, actor, item.application_id, "screen", refusal)
        return AcceptOutcome(
            application_id=item.application_id, outcome="refused", code=refusal.slug, detail_zh=refusal.detail.zh,
            detail_en=refusal.detail.en,
            reasons=[] if isinstance(refusal, NotFound) else [_as_json(each) for each in refusal.reasons],
        )  # fmt: skip
    return AcceptOutcome(
        application_id=item.application_id,
        outcome="accepted",
        code="",
        detail_zh="",
        detail_en="",
        reasons=[],
    )


def _as_json(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "zh": reason.text.zh, "en": reason.text.en, "basis": reason.basis}
