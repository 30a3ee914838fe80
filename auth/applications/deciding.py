"""The bureau's decision line by line, the terms that come out of it, and the officer's acceptance that makes grants."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError

from auth.actor import Actor
from auth.applications import queries, rules, steps
from auth.applications.gates import gates
from auth.applications.models import (
    AcceptBody,
    ApplicationRead,
    DecideBody,
    LineDecision,
    StepBody,
    Vote,
)
from auth.applications.reading import read
from auth.applications.reviewing import need_note
from auth.applications.steps import Assets
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State, Step, advance
from auth.grants import service as grants
from auth.grants.standing import licence
from auth.policy import separation
from auth.policy.limits import limits
from auth.policy.model import GrantPolicy
from auth.policy.rules import licence_objections
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.ids import ApplicationId, DatasetId, OrgId
from core.text import Text
from core.work import Work


def decide(
    work: Work, actor: Actor, application_id: ApplicationId, body: DecideBody, *, assets: Assets
) -> ApplicationRead:
    """Approve, narrow or refuse each line. Terms are offered when any line stands; otherwise the application is rejected."""
    row = steps.load(work, actor, application_id, body.version)
    step = Step.REJECT if all(line.outcome == "reject" for line in body.lines) else Step.OFFER
    advance(State(row.state), step, steps.roles(work, actor, row))
    lines = queries.lines(work, row.id)
    if sorted(decision.line_id for decision in body.lines) != sorted(line.id for line in lines):
        raise InputRefused(Text("须对每一行作出且仅作出一次决定。", "Decide on each line, once."))
    found = list(decision_separation(work, actor, row))
    if step is Step.OFFER:
        found.extend(gates(work, row))
    ask, votes = queries.ask_of(work, row), _votes(work, row)
    by_line = {decision.line_id: decision for decision in body.lines}
    for line, asked_line in zip(lines, ask.lines, strict=True):
        asked = rules.policy_asked(ask, asked_line)
        found.extend(_decide_line(line, by_line[line.id], asked, votes.get(line.id, []), assets))
    refuse_if(found)
    row.decided_at = work.now
    if step is Step.OFFER:
        _offer(row, lines)
    work.db.add_all(lines)
    payload = {"lines": {line.id: line.decision for line in lines}, "agreement_hash": row.agreement_hash}
    steps.move(work, actor, row, step, body.note, payload)
    return read(work, actor, row)


def _decide_line(
    line: ApplicationLineRow, decision: LineDecision, asked: GrantPolicy, votes: list[Vote], assets: Assets
) -> tuple[Reason, ...]:
    """Write the decision onto the line and give what stands against it; the caller rolls back when anything does."""
    try:
        offered = rules.decided_policy(asked, decision)
    except (ValidationError, ValueError) as wrong:
        said = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
        raise InputRefused(
            Text(
                f"{line.dataset_id} 的收窄内容不成立：{said}",
                f"The narrowing of {line.dataset_id} does not hold together: {said}",
            )
        ) from wrong
    line.decision, line.decision_code, line.decision_note = (
        decision.outcome,
        decision.reason_code,
        decision.note,
    )
    line.offered = offered.canonical().decode() if offered else None
    return rules.decision_objections(
        decision, asked, offered, votes, assets(DatasetId(line.dataset_id)), limits()
    )


def decision_separation(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    past = queries.past(work, row.id)
    return (
        *separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past),
        *separation.reviewer_does_not_decide(steps.doer(work, actor), past),
    )


def _votes(work: Work, row: ApplicationRow) -> dict[str, list[Vote]]:
    found: dict[str, list[Vote]] = {}
    for review in queries.reviews(work, row):
        for line_id, vote in json.loads(review.lines).items():
            found.setdefault(line_id, []).append(vote["vote"])
    return found


@cache
def clauses() -> dict[str, Any]:
    """The standing clauses of every agreement, versioned."""
    read_: dict[str, Any] = json.loads((Path(__file__).parent / "terms.json").read_text(encoding="utf-8"))
    return read_


def _offer(row: ApplicationRow, lines: list[ApplicationLineRow]) -> None:
    """Fix the terms on offer as canonical JSON; its digest is what the officer accepts."""
    document: dict[str, Any] = {
        "version": 1,
        "application_id": row.id,
        "turn": row.turn,
        "org_id": row.org_id,
        "purpose_text": row.purpose_text,
        "clauses": clauses(),
        "lines": [
            {"line_id": line.id, "dataset": {"zh": line.title_zh, "en": line.title_en}, "policy": json.loads(line.offered)}
            for line in lines
            if line.offered is not None
        ],
    }  # fmt: skip
    canonical = rfc8785.dumps(document)
    row.agreement = canonical.decode()
    row.agreement_hash = hashlib.sha256(canonical).hexdigest()


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
    refuse_if((*licence_objections(licence(work, OrgId(row.org_id)), work.now), *gates(work, row)))
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
    approvers = [p.person_id for p in queries.past(work, row.id) if p.step == Step.OFFER]
    for line in queries.lines(work, row.id):
        if line.offered is not None:
            grants.issue(
                work, actor, application_id=row.id, line_id=line.id, org_id=row.org_id,
                department_id=line.department_id, title=Text(line.title_zh, line.title_en),
                policy=GrantPolicy.model_validate_json(line.offered), agreement_hash=row.agreement_hash,
                approved_by=approvers,
            )  # fmt: skip
    return read(work, actor, row)


def decline(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """The officer turns the terms down; the application ends."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.DECLINE, steps.roles(work, actor, row))
    need_note(body.note)
    steps.move(work, actor, row, Step.DECLINE, body.note)
    return read(work, actor, row)
