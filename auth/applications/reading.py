"""From rows to what a reader gets. Who may see a vote is decided here, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import assisting, deeds, listing, plans, queries, references, seeing, steps
from auth.applications.models import (
    ApplicationBrief,
    ApplicationRead,
    LineRead,
    ProposalRead,
    ReviewRead,
    StageRead,
)
from auth.applications.signing import docket
from auth.applications.tables import (
    ApplicationEventRow,
    ApplicationLineRow,
    ApplicationReviewRow,
    ApplicationRow,
)
from auth.applications.workflow import State, Step
from auth.grants.tables import GrantRow
from auth.identity.tables import AccountRow
from auth.policy.filters.rules import LOCAL
from auth.profile.now import limits_now
from auth.roles import Role
from auth.scope import sight
from core import calendar
from core.text import Text
from core.work import Work

NEXT: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("申请人填写并提交", "the applicant completes and submits"),
    State.SUBMITTED: Text("数源部门受理", "the source department screens"),
    State.IN_REVIEW: Text("审核人审核", "the reviewers review"),
    State.DECIDING: Text("审批人决定", "the approver decides"),
    State.OFFERED: Text("机构负责人阅读并接受条款", "the organisation's officer reads and accepts the terms"),
    State.RETURNED: Text("申请人补正", "the applicant completes"),
    State.AGREED: Text("数据专员使授权生效", "a steward activates the grant"),
    State.REJECTED: Text("—", "—"),
    State.WITHDRAWN: Text("—", "—"),
    State.LAPSED: Text("—", "—"),
}


def brief(work: Work, row: ApplicationRow) -> ApplicationBrief:
    return ApplicationBrief.model_validate(_brief(work, row, queries.lines(work, row.id)))


def _brief(work: Work, row: ApplicationRow, lines: list[ApplicationLineRow]) -> dict[str, Any]:
    state = steps.state(work, row)
    today = work.now.astimezone(LOCAL).date()
    return {
        "id": row.id,
        "org_id": row.org_id,
        "state": state,
        "version": row.version,
        "scenario_id": row.scenario_id,
        "datasets": [line.dataset_id for line in lines],
        "created_at": row.created_at,
        "submitted_at": row.submitted_at,
        "due_on": row.due_on,
        "working_days_left": calendar.working_days_left(work, today, row.due_on) if row.due_on else None,
        "next_zh": NEXT[state].zh,
        "next_en": NEXT[state].en,
    }


def read(work: Work, actor: Actor, row: ApplicationRow) -> ApplicationRead:
    lines = queries.lines(work, row.id)
    votes = queries.reviews(work, row)
    names = references.names_of(work, [each for line in lines for each in json.loads(line.members)])
    cast = Counter(vote.stage for vote in votes)
    approval = plans.approval_of(work, row)
    return ApplicationRead.model_validate(
        _brief(work, row, lines)
        | {
            "turn": row.turn,
            "assisted_by": _username(work, row.assisted_by),
            "assisted_for": row.assisted_for,
            "is_confirmed": assisting.is_confirmed(work, row),
            "purposes": json.loads(row.purposes),
            "purpose_text": row.purpose_text,
            "starts_on": row.starts_on,
            "ends_on": row.ends_on,
            "retention_days": row.retention_days,
            "lines": [_line(line, names) for line in lines],
            "stages": [
                StageRead(
                    stage=stage.name,
                    line_ids=list(stage.line_ids),
                    is_done=cast[stage.name] >= stage.quorum,
                    quorum=stage.quorum,
                    votes=cast[stage.name],
                )
                for stage in plans.plan(work, row)
            ],
            "reviews": [_review(vote) for vote in votes if _may_see_vote(actor, row, vote)],
            "approvers_needed": approval.count,
            "distinct_departments": approval.distinct_departments,
            "proposal": _proposal(work, row) if is_bureau(actor) and actor.org_id != row.org_id else None,
            "co_applicants": [seat.username for seat in queries.co_applicants(work, row)],
            "lines_for_you": lines_for(work, actor, row),
            "succession": row.succession,
            "from_grant_id": row.from_grant_id,
            "counters_left": counters_left(work, row),
            "decided_at": row.decided_at,
            "ended_at": row.ended_at,
            "agreement_hash": row.agreement_hash,
            "accepted_at": row.accepted_at,
            "grants": _grants(work, row),
            "queue": listing.place(work, row),
            "public_interest": row.public_interest,
            "fairness": row.fairness,
        }
    )


def _grants(work: Work, row: ApplicationRow) -> list[str]:
    if row.accepted_at is None:  # they are made when the terms are accepted
        return []
    return list(
        work.db.exec(select(GrantRow.id).where(GrantRow.application_id == row.id).order_by(col(GrantRow.id)))
    )


def _username(work: Work, account_id: str) -> str:
    found = work.db.get(AccountRow, account_id) if account_id else None
    return found.username if found else account_id


def lines_for(work: Work, actor: Actor, row: ApplicationRow) -> list[str]:
    """The lines on which this actor may decide now."""
    able = row.state == State.DECIDING and Role.APPROVER in actor.role_kinds
    return list(docket(work, actor, row).open) if able else []


def counters_left(work: Work, row: ApplicationRow) -> int:
    """How often the applicant may still answer an offer with a counter-proposal."""
    made = sum(event.step == Step.COUNTER for event in queries.events(work, row.id))
    return max(limits_now(work)["counter_rounds"] - made, 0)


def _proposal(work: Work, row: ApplicationRow) -> ProposalRead | None:
    if not row.proposal:
        return None
    said, signed = json.loads(row.proposal), deeds.signing(work, row)
    events = {event.version: event for of_line in signed.values() for event in of_line}
    ordered = [events[version] for version in sorted(events)]
    accounts = [event.account_id for event in ordered]
    wanted = select(AccountRow.id, AccountRow.username).where(col(AccountRow.id).in_(accounts))
    names = dict(list(work.db.exec(wanted)))
    return ProposalRead(
        lines=said["lines"], note=said["note"], signed_by=[_signer(event, names) for event in ordered],
        signatures={
            line_id: [_signer(event, names) for event in of_line] for line_id, of_line in signed.items()
        },
        open_lines=[line.id for line in queries.lines(work, row.id) if line.id not in signed],
    )  # fmt: skip


def _signer(event: ApplicationEventRow, names: Mapping[str, str]) -> str:
    """The signer's user name, and for whom a deputy signed."""
    name = names.get(event.account_id, event.account_id)
    return f"{name} (for {event.for_name})" if event.for_name else name


def _line(line: ApplicationLineRow, names: Mapping[str, str]) -> LineRead:
    return LineRead(
        **line.model_dump(exclude={"application_id", "columns", "row_filter", "delivery_forms", "quotas", "networks", "members", "safeguards", "offered", "decision_opinion"}),
        columns=json.loads(line.columns),
        row_filter=json.loads(line.row_filter) if line.row_filter else None,
        delivery_forms=json.loads(line.delivery_forms),
        quotas=json.loads(line.quotas),
        networks=json.loads(line.networks),
        members=json.loads(line.members),
        safeguards=json.loads(line.safeguards),
        member_names=[names.get(each, each) for each in json.loads(line.members)],
        offered=json.loads(line.offered) if line.offered else None,
        decision_opinion=json.loads(line.decision_opinion) if line.decision_opinion else None,
    )  # fmt: skip


def _review(vote: ApplicationReviewRow) -> ReviewRead:
    return ReviewRead(
        stage=vote.stage,
        reviewer_name=f"{vote.reviewer_name} (for {vote.for_name})" if vote.for_name else vote.reviewer_name,
        lines=json.loads(vote.lines),
        comment=vote.comment,
        at=vote.at,
    )


def is_bureau(actor: Actor) -> bool:
    """Whether the actor reads applications on the bureau's side at all."""
    seen = sight(actor, seeing.READ)
    return seen.everything or bool(seen.departments)


def _may_see_vote(actor: Actor, row: ApplicationRow, vote: ApplicationReviewRow) -> bool:
    """One's own vote always, and what a deputy voted for one; the auditor all; the rest of the bureau once all votes are in; the applicant none."""
    if (
        actor.account_id == vote.account_id
        or actor.person_id == vote.for_person
        or Role.AUDITOR in actor.role_kinds
    ):
        return True
    return is_bureau(actor) and actor.org_id != row.org_id and row.state != State.IN_REVIEW
