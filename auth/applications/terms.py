"""The terms that come out of a decision, and the answer to them: accepting makes grants, countering asks anew, declining ends it."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from auth.actor import Actor
from auth.applications import deeds, queries, steps
from auth.applications.gates import gates
from auth.applications.models import AcceptBody, ApplicationRead, StepBody
from auth.applications.reading import counters_left, read
from auth.applications.reviewing import need_note
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State, Step, advance
from auth.grants import activating
from auth.grants.standing import licence
from auth.papers import cover as papers
from auth.policy import separation
from auth.policy.limits import Limits
from auth.policy.rules import licence_objections, refused
from auth.profile.now import limits_now, profile
from auth.proof import standstill
from core.canonical import canonical
from core.errors import Conflict, Reason, refuse_if
from core.ids import ApplicationId, OrgId
from core.text import Text, number_of
from core.work import Work


@cache
def clauses() -> dict[str, Any]:
    """The standing clauses of new offers, versioned. What was offered before keeps its own: each agreement holds its text."""
    read_: dict[str, Any] = json.loads((Path(__file__).parent / "terms.json").read_text(encoding="utf-8"))
    return read_


def clauses_under(known: Limits) -> dict[str, Any]:
    """The same with the numbers of a profile, and where those come from, in their places."""
    return clauses() | {"clauses": [_filled(clause, known) for clause in clauses()["clauses"]]}


def _filled(clause: dict[str, Any], known: Limits) -> dict[str, str]:
    numbers = [known.numbers[key] for key in clause.get("numbers", ())]
    found = {
        "key": clause["key"],
        "zh": clause["zh"].format_map({each.key: each.value for each in numbers}),
        "en": clause["en"].format_map({each.key: number_of(each.value, each.unit) for each in numbers}),
    }
    sources = [clause["source"]] if "source" in clause else []
    sources = list(dict.fromkeys([*sources, *(each.source for each in numbers)]))
    return found | ({"source": "; ".join(sources)} if sources else {})


def fix_terms(row: ApplicationRow, lines: list[ApplicationLineRow], known: Limits) -> None:
    """Fix the terms on offer as canonical JSON; its digest is what the officer accepts. `known`: the limits of the profile in force."""
    document: dict[str, Any] = {
        "version": 1,
        "application_id": row.id,
        "turn": row.turn,
        "org_id": row.org_id,
        "purpose_text": row.purpose_text,
        "clauses": clauses_under(known),
        "lines": [
            {"line_id": line.id, "dataset": {"zh": line.title_zh, "en": line.title_en}, "policy": json.loads(line.offered)}
            for line in lines
            if line.offered is not None
        ],
    }  # fmt: skip
    fixed = canonical(document)
    row.agreement = fixed.decode()
    row.agreement_hash = hashlib.sha256(fixed).hexdigest()


def terms(work: Work, actor: Actor, application_id: ApplicationId) -> dict[str, Any]:
    """The terms on offer, or agreed: the document and its digest. Conflict while there are none."""
    row = queries.row(work, application_id, actor)
    if not row.agreement:
        raise Conflict(Text("该申请尚无条款。", "The application has no terms yet."))
    return {
        "hash": row.agreement_hash,
        "version": row.version,
        "state": row.state,
        "document": json.loads(row.agreement),
    }


def accept_terms(
    work: Work, actor: Actor, application_id: ApplicationId, body: AcceptBody
) -> ApplicationRead:
    """The officer accepts the very terms that were offered; every line on offer becomes a PENDING grant at once."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.ACCEPT_TERMS, steps.roles(work, actor, row))
    refuse_if(acceptance_objections(work, row))
    stored = hashlib.sha256(row.agreement.encode()).hexdigest()
    if not body.hash == row.agreement_hash == stored:
        raise Conflict(
            Text(
                "您阅读的条款与当前提供的条款不一致；请重新打开条款页。",
                "The terms you read are not the ones on offer; open the terms again.",
            ),
            hash=row.agreement_hash,
        )
    row.accepted_by, row.accepted_at = actor.account_id, work.now
    steps.move(work, actor, row, Step.ACCEPT_TERMS, body.note, {"agreement_hash": row.agreement_hash})
    signed = [past for past in deeds.past(work, row.id) if past.step in separation.SIGNS]
    approvers = [person for past in signed for person in (past.person_id, past.for_person) if person]
    for line in queries.lines(work, row.id):
        if line.offered is not None:
            activating.issue(
                work, actor, application_id=row.id, line_id=line.id, org_id=row.org_id,
                department_id=line.department_id, title=Text(line.title_zh, line.title_en),
                policy=queries.offered_policy(line.offered), agreement_hash=row.agreement_hash,
                approved_by=approvers,
                succeeds=(row.from_grant_id, row.succession) if row.from_grant_id else None,
            )  # fmt: skip
    return read(work, actor, row)


def acceptance_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Why the terms cannot be accepted now: licence, what stands from outside, papers that are owed (again)."""
    held = licence_objections(licence(work, OrgId(row.org_id)), work.now)
    still = standstill.against(work, profile(work))
    return (*still, *held, *gates(work, row), *papers.blocking(work, row))


def counter(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """The applicant answers the offer with what should change; the approver decides again. Only so many times."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.COUNTER, steps.roles(work, actor, row))
    refuse_if(counter_objections(work, row))
    need_note(body.note)
    refused_terms, row.agreement, row.agreement_hash = row.agreement_hash, "", ""
    offered: dict[str, Any] = {}  # the line forgets it; whoever decides anew starts from it
    for line in queries.lines(work, row.id):
        if line.offered is not None:
            offered[line.id] = json.loads(line.offered)
        line.decision = line.decision_code = line.decision_note = line.decision_opinion = ""
        line.offered = None
        work.db.add(line)
    row.decided_at = None
    row.public_interest = row.fairness = ""
    payload = {"agreement_hash": refused_terms, "offered": offered}
    steps.move(work, actor, row, Step.COUNTER, body.note, payload)
    return read(work, actor, row)


def counter_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    if counters_left(work, row):
        return ()
    rounds = limits_now(work).numbers["counter_rounds"]
    return (
        refused(
            "no-counter-left",
            f"已协商 {rounds.value} 轮；请接受或拒绝现有条款。",
            f"The terms were countered {number_of(rounds.value, 'times')}; accept or decline those on offer.",
            rounds.source,
        ),
    )


def decline(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """The officer turns the terms down; the application ends."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.DECLINE, steps.roles(work, actor, row))
    need_note(body.note)
    steps.move(work, actor, row, Step.DECLINE, body.note)
    return read(work, actor, row)
