"""The door to applications: read, list, which commands are open, and every step by its name."""

from __future__ import annotations

from typing import Any

from auth import audit
from auth.actor import Actor
from auth.applications import deeds, listing, plans, queries, steps
from auth.applications.deciding import concur, decide, dissent
from auth.applications.drafts import (
    Precheck,
    assist,
    confirm,
    create,
    lapse_due,
    precheck,
    save,
    submit,
    withdraw,
)
from auth.applications.judging import statement
from auth.applications.models import ApplicationBrief, ApplicationRead
from auth.applications.reading import brief, read
from auth.applications.reviewing import (
    review,
    review_objections,
    screen,
    screening_objections,
    send_back,
    stages_open_to,
)
from auth.applications.signing import (
    concurrence_objections,
    decision_objections,
    docket,
    proposed_within,
    separation_of_decider,
)
from auth.applications.steps import Assets
from auth.applications.succession import amend, copy, renew
from auth.applications.tables import ApplicationRow
from auth.applications.terms import (
    accept_terms,
    acceptance_objections,
    counter,
    counter_objections,
    decline,
    terms,
)
from auth.applications.workflow import MOVES, State, Step
from auth.papers import cover as papers
from auth.policy import separation
from auth.policy.rules import refused
from core.errors import AccessRefused, Reason
from core.ids import ApplicationId
from core.work import Work

__all__ = [
    "Precheck",
    "accept_terms",
    "amend",
    "application",
    "applications",
    "assist",
    "commands",
    "concur",
    "confirm",
    "copy",
    "counter",
    "create",
    "decide",
    "decline",
    "dissent",
    "lapse_due",
    "note_refusal",
    "precheck",
    "renew",
    "review",
    "save",
    "screen",
    "send_back",
    "statement",
    "submit",
    "terms",
    "withdraw",
]  # fmt: skip


def note_refusal(work: Work, actor: Actor, application_id: str, step: str, refusal: AccessRefused) -> None:
    """Keep a refused attempt on record: who tried what, and every reason. The attempt itself has left nothing behind."""
    audit.record(
        work, actor, "application.refused", subject=application_id or "new", application_id=application_id or None,
        payload={"step": step, "reasons": [{"code": r.code, **r.facts} for r in refusal.reasons]},
    )  # fmt: skip


def application(work: Work, actor: Actor, application_id: ApplicationId) -> ApplicationRead:
    """One application; NotFound outside the actor's sight."""
    return read(work, actor, queries.row(work, application_id, actor))


def applications(
    work: Work,
    actor: Actor,
    *,
    offset: int = 0,
    limit: int = 50,
    sort: str = "-created",
    state: str | None = None,
    mine: bool = False,
    waiting: bool = False,
    handled: bool = False,
    dataset_id: str | None = None,
) -> tuple[list[ApplicationBrief], int]:
    """Applications in sight, and their number."""
    rows, total = listing.listed(
        work, actor, offset=offset, limit=limit, sort=sort, state=state, mine=mine, waiting=waiting,
        handled=handled, dataset_id=dataset_id,
    )  # fmt: skip
    return [brief(work, row) for row in rows], total


def commands(
    work: Work, actor: Actor, application_id: ApplicationId, *, assets: Assets
) -> list[dict[str, Any]]:
    """The steps that this actor's roles open now, each with every reason that still stands against it."""
    row = queries.row(work, application_id, actor)
    held, now, idle = steps.roles(work, actor, row), steps.state(work, row), _idle(work, actor, row)
    return [
        {"command": step.value, "version": row.version, "reasons": _against(work, actor, row, step, assets)}
        for (state, step), move in MOVES.items()
        if state == now and not move.by.isdisjoint(held) and step not in idle
    ]


def _idle(work: Work, actor: Actor, row: ApplicationRow) -> frozenset[Step]:
    """Of the ways to decide, those that do not come up now: a decision over all lines by one, or one that others share."""
    if row.state != State.DECIDING:
        return frozenset() if row.assisted_by else frozenset({Step.CONFIRM})
    mine = docket(work, actor, row)
    alone = plans.approval_of(work, row).count == 1 and not mine.beyond and not row.proposal
    idle = {Step.PROPOSE} if alone else {Step.OFFER, Step.REJECT}
    if not row.proposal:
        return frozenset(idle | {Step.CONCUR, Step.DISSENT})
    if not mine.open:
        idle.add(Step.PROPOSE)
    if (
        not mine.to_sign and not mine.held_back
    ):  # what stands proposed lies beyond the scope, or is signed enough
        idle.add(Step.CONCUR)
    if not proposed_within(work, actor, row):
        idle.add(Step.DISSENT)
    return frozenset(idle)


def _against(work: Work, actor: Actor, row: ApplicationRow, step: Step, assets: Assets) -> tuple[Reason, ...]:
    match step:
        case Step.SUBMIT:
            return precheck(work, actor, ApplicationId(row.id), assets=assets).blocking
        case Step.SCREEN_OK:
            return (*screening_objections(work, actor, row), *papers.screening_forbids(work, row))
        case Step.SCREEN_RETURN | Step.SCREEN_REJECT:
            return screening_objections(work, actor, row)
        case Step.ACCEPT_TERMS:
            return acceptance_objections(work, row)
        case Step.REVIEW:
            found = review_objections(work, actor, row)
            return found or _no_stage(work, actor, row)
        case Step.OFFER | Step.REJECT | Step.PROPOSE:
            return decision_objections(work, actor, row)
        case Step.DISSENT:
            return separation_of_decider(work, actor, row)
        case Step.CONCUR:
            return concurrence_objections(work, actor, row)
        case Step.COUNTER:
            return counter_objections(work, row)
        case Step.RETURN:
            past = deeds.past(work, row.id)
            return tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past))
    return ()


def _no_stage(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    if stages_open_to(work, actor, row):
        return ()
    return (
        refused(
            "no-stage-for-you",
            "没有等待您审核的环节。",
            "No stage of the plan waits for you.",
            "审核环节 · stage plan",
        ),
    )
