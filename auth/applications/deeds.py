"""What was done to an application and by whom: as the rules of segregation see it, and who signed its decisions."""

from __future__ import annotations

import json

from auth.applications.queries import events, lines
from auth.applications.tables import ApplicationEventRow, ApplicationReviewRow, ApplicationRow
from auth.applications.workflow import State, Step
from auth.policy.separation import RETURNED_IN_REVIEW, Past
from core.work import Work


def past(work: Work, application_id: str) -> tuple[Past, ...]:
    """What was done to the application over all turns, oldest first."""
    return tuple(past_of(event, _deed(event)) for event in events(work, application_id))


def past_of(event: ApplicationEventRow, deed: str = "") -> Past:
    """One event as the rules of segregation see it."""
    return Past(deed or event.step, event.person_id, event.org_id, event.for_person, event.for_org)


def past_of_vote(vote: ApplicationReviewRow) -> Past:
    """One vote as the rules of segregation see it."""
    return Past(Step.REVIEW, vote.person_id, vote.org_id, vote.for_person, vote.for_org)


def _deed(event: ApplicationEventRow) -> str:
    """The step, but sending back during the reviews is a review and no decision."""
    is_review = event.step == Step.RETURN and event.from_state == State.IN_REVIEW
    return RETURNED_IN_REVIEW if is_review else event.step


def signing(work: Work, found: ApplicationRow) -> dict[str, list[ApplicationEventRow]]:
    """How the decision that stands proposed was signed, by line: by its proposer first, then by those who agreed."""
    if not found.proposal:
        return {}
    signed: dict[str, list[ApplicationEventRow]] = {}
    every = [line.id for line in lines(work, found.id)]
    for event in events(work, found.id):
        for line_id in json.loads(event.line_ids) if event.line_ids else every:
            match event.step:
                case Step.PROPOSE:
                    signed[line_id] = [event]
                case Step.CONCUR:
                    signed[line_id].append(event)
                case Step.DISSENT:
                    signed.pop(line_id, None)
    stands = {line["line_id"] for line in json.loads(found.proposal)["lines"]}
    return {line_id: signed[line_id] for line_id in every if line_id in stands}


def signers(
    work: Work, found: ApplicationRow, decision: ApplicationEventRow
) -> tuple[ApplicationEventRow, ...]:
    """Every signature that a decision bears, oldest first; `decision` is the step by which it counted."""
    every = [line.id for line in lines(work, found.id)]
    signed: dict[str, list[ApplicationEventRow]] = {line_id: [] for line_id in every}
    for event in events(work, found.id):
        if event.turn != decision.turn or event.version > decision.version:
            continue
        for line_id in json.loads(event.line_ids) if event.line_ids else every:
            match event.step:
                case Step.PROPOSE:
                    signed[line_id] = [event]
                case Step.CONCUR | Step.OFFER | Step.REJECT | Step.SCREEN_REJECT:
                    signed[line_id].append(event)
                case Step.DISSENT | Step.COUNTER:
                    signed[line_id] = []
    return tuple({each.version: each for of_line in signed.values() for each in of_line}.values())
