"""Accepting several applications at once (批量受理): a look at each before, and each by itself.

Every application is accepted in a transaction of its own, by the very step that accepts one, with its own event on record. What one
refuses stops none of the others, and the answer says of each what became of it and why.

An acceptance is not taken back: its clocks and its reviewers have begun. So there is a look at each one that is picked, with the papers
that may follow later and until when, before anything is done; and what was accepted by mistake is returned to its applicant, as any
application may be while it is reviewed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, field_validator

from auth.actor import Actor
from auth.applications import listing, queries, reviewing, service
from auth.applications.models import ApplicationBrief, MissingPaper, ScreenBody, _Body
from auth.applications.reading import brief
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import STATE_NAMES, State
from auth.papers import cover as papers
from auth.papers.book import days_on
from auth.policy.model import Prose
from core.errors import AccessRefused, AppError, NotFound, Reason
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

SCREEN: Final = "auth:application:screen"
MOST: Final = 50


class AcceptItem(_Body):
    """One application with the version that was seen. `missing`: the papers that lack and with which it is accepted all the same."""

    application_id: ApplicationId = Field(min_length=1, max_length=60)
    version: int = Field(ge=1)
    missing: tuple[MissingPaper, ...] = Field(default=(), max_length=40)


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


class LaterPaper(BaseModel):
    """A paper that lacks and may follow: within so many working days, on this day if it were accepted now."""

    paper: str
    title_zh: str
    title_en: str
    working_days: int
    due_on: date


class Candidate(ApplicationBrief):
    """An application that waits to be accepted, with every reason that stands against accepting it now.

    `later`: papers with which it can be accepted all the same; whoever accepts it names them (`missing`).
    """

    reasons: list[dict[str, Any]]
    later: list[LaterPaper]


class LookAt(_Body):
    """The applications to have a look at before they are accepted."""

    application_ids: tuple[ApplicationId, ...] = Field(min_length=1, max_length=MOST)


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
    rows, total = listing.listed(
        work, actor, state=State.SUBMITTED, waiting=True, sort="due", offset=offset, limit=limit
    )
    return [_candidate(work, actor, row) for row in rows], total


def look(work: Work, actor: Actor, body: LookAt) -> list[Candidate]:
    """Each of those that were picked, in that order, with what would become of it; those that the actor may not see are left out.

    One that waits no longer, because somebody handled it meanwhile, says so as a reason.
    """
    found = []
    for each in dict.fromkeys(body.application_ids):
        try:
            row = queries.row(work, each, actor)
        except NotFound:
            continue
        found.append(_candidate(work, actor, row))
    return found


def _candidate(work: Work, actor: Actor, row: ApplicationRow) -> Candidate:
    against = list(reviewing.screening_objections(work, actor, row))
    later = []
    if row.state != State.SUBMITTED:
        against.append(_waits_no_longer(State(row.state)))
    else:
        against.extend(papers.screening_forbids(work, row))
        later = [
            LaterPaper(
                paper=paper.key, title_zh=paper.title.zh, title_en=paper.title.en, working_days=days, due_on=days_on(work, days)
            )
            for paper, days in papers.may_follow(work, row)
        ]  # fmt: skip
    return Candidate(
        **brief(work, row).model_dump(), reasons=[_as_json(each) for each in against], later=later
    )


def _waits_no_longer(state: State) -> Reason:
    name = STATE_NAMES[state]
    text = Text(
        f"该申请已是“{name.zh}”，不再等待受理。",
        f"The application is “{name.en}” and waits to be accepted no longer.",
    )
    return Reason("not-submitted", text, "受理 · screening")


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
    step = ScreenBody(
        version=item.version, outcome="ok", note=body.note, has_no_conflict=True, missing=item.missing
    )
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
