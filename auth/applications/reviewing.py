"""The departments' and security's side: screen, review stage by stage, return."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from auth.actor import SYSTEM, Actor
from auth.applications import deeds, plans, queries, steps
from auth.applications.models import ApplicationRead, DeclaredStep, ReviewBody, ScreenBody
from auth.applications.reading import read
from auth.applications.rules import Stage
from auth.applications.tables import ApplicationReviewRow, ApplicationRow
from auth.applications.workflow import State, Step, advance
from auth.papers import cover as papers
from auth.policy import separation
from auth.policy.limits import limits
from auth.policy.rules import refused
from auth.profile.now import profile
from auth.profile.opinions import Stage as OpinionStage
from auth.profile.opinions import inserted
from auth.roles import Role
from auth.scope import roles_towards
from core.errors import AccessRefused, InputRefused, Reason, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

_SCREENERS: Final = frozenset({Role.REVIEWER_BUSINESS})
_RETURNERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.APPROVER})
_SCREEN = {"ok": Step.SCREEN_OK, "return": Step.SCREEN_RETURN, "reject": Step.SCREEN_REJECT}


def screen(work: Work, actor: Actor, application_id: ApplicationId, body: ScreenBody) -> ApplicationRead:
    """Accept for review, send back for completion, or refuse; the last two say why."""
    row = steps.load(work, actor, application_id, body.version)
    step = _SCREEN[body.outcome]
    advance(State(row.state), step, steps.roles(work, actor, row))
    refuse_if(screening_objections(work, actor, row))
    need_no_conflict(body.has_no_conflict)
    if body.outcome != "ok":
        need_note(body.note)
    if body.outcome == "reject" and body.reason_code not in limits().refusals:
        raise InputRefused(Text("请选择不予受理的理由代码。", "Choose a code of the list of refusals."))
    named = {each.paper: each.working_days for each in body.missing}
    if body.outcome == "ok":
        refuse_if(papers.screening_objections(work, row, named))
    elif named:
        raise InputRefused(
            Text(
                "只有受理时才能容缺；退回或不予受理请去掉容缺材料。",
                "Papers may follow only where the application is accepted; leave them out.",
            ),
            field="missing",
        )
    facts: dict[str, Any] = {"reason_code": body.reason_code, "has_no_conflict": True} | (
        {"missing": named} if named else {}
    )
    if body.opinion:
        facts["opinion"] = _opinion(work, "screening", body.opinion, body.note)
    lender = steps.reviews_for(actor, _SCREENERS, queries.departments(work, row.id))
    refused = queries.lines(work, row.id) if body.outcome == "reject" else []
    codes = [body.reason_code for _ in refused]
    steps.move(work, actor, row, step, body.note, facts, lender=lender, refused=codes)
    papers.defer(work, actor, row, named)
    if refused:
        row.decided_at = work.now
        for line in refused:
            line.decision_code = body.reason_code
            work.db.add(line)
    return read(work, actor, row)


def review(work: Work, actor: Actor, application_id: ApplicationId, body: ReviewBody) -> ApplicationRead:
    """One stage's vote on all of its lines. The last vote of the plan moves the application on to the decision."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.REVIEW, steps.roles(work, actor, row))
    stage = _stage(work, actor, row, body.stage)
    refuse_if(review_objections(work, actor, row))
    need_no_conflict(body.has_no_conflict)
    _votes_match(body, stage)
    if any(line.vote != "approve" for line in body.lines):
        need_note(body.note)
    lender = steps.reviews_for(actor, frozenset({stage.role}), stage_departments(work, row, stage))
    if not reaches(work, actor, row, stage):
        lender = steps.invited(work, actor, row)[stage.name]
    work.db.add(
        ApplicationReviewRow(
            id=work.new_id(), application_id=row.id, turn=row.turn, stage=stage.name, comment=body.note,
            lines=json.dumps({vote.line_id: vote.model_dump(mode="json", exclude={"line_id"}) for vote in body.lines}),
            person_id=actor.person_id, account_id=actor.account_id, reviewer_name=actor.username,
            org_id=actor.org_id, at=work.now,
            for_person=lender.person_id if lender else "", for_name=lender.username if lender else "", for_org=lender.org_id if lender else None,
        )
    )  # fmt: skip
    work.db.flush()
    votes = {vote.line_id: vote.vote for vote in body.lines}
    facts: dict[str, Any] = {"stage": stage.name, "votes": votes, "has_no_conflict": True}
    if body.opinion:
        facts["opinion"] = _opinion(work, "review", body.opinion, body.note)
    steps.move(work, actor, row, Step.REVIEW, payload=facts, lender=lender)
    if not open_stages(work, row):
        steps.move(work, SYSTEM, row, Step.COMPLETE)
    return read(work, actor, row)


def _opinion(work: Work, stage: OpinionStage, key: str, note: str) -> dict[str, Any]:
    """The template that a note came from, as the profile in force has it. InputRefused for one that is not there."""
    return inserted(profile(work).opinions, stage, steps.local_day(work.now), key, note).as_json()


def send_back(work: Work, actor: Actor, application_id: ApplicationId, body: DeclaredStep) -> ApplicationRead:
    """Return the application to the applicant with what is to be completed; votes stay with their turn."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.RETURN, steps.roles(work, actor, row))
    refuse_if(
        tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, deeds.past(work, row.id)))
    )
    need_no_conflict(body.has_no_conflict)
    need_note(body.note)
    row.proposal = ""
    lender = steps.reviews_for(actor, _RETURNERS, queries.departments(work, row.id))
    steps.move(work, actor, row, Step.RETURN, body.note, {"has_no_conflict": True}, lender=lender)
    return read(work, actor, row)


def screening_objections(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    past = deeds.past(work, row.id)
    return (
        *separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past),
        *separation.decider_does_not_review(steps.doer(work, actor), past),
    )


def review_objections(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    """Why this person may not vote at all: side, earlier decision, or a vote given in this turn, by himself or by who counts as him."""
    found = list(screening_objections(work, actor, row))
    doer = steps.doer(work, actor)
    if any(doer.did(deeds.past_of_vote(vote)) for vote in queries.reviews(work, row)):
        found.append(
            refused(
                "one-vote-each",
                "您（或与您互为代理的人）在本轮已投票；其余环节须由他人审核。",
                "You, or somebody who counts as you, voted in this round; the other stages need other reviewers.",
                "每人一票 · one vote each",
            )
        )
    return tuple(found)


def open_stages(work: Work, row: ApplicationRow) -> list[Stage]:
    """Stages of the plan that have too few votes in this turn."""
    cast = Counter(vote.stage for vote in queries.reviews(work, row))
    return [stage for stage in plans.plan(work, row) if cast[stage.name] < stage.quorum]


def stages_open_to(work: Work, actor: Actor, row: ApplicationRow) -> list[Stage]:
    """Open stages for which this actor holds the role: a department's stage in its scope, security anywhere in reach."""
    seats = steps.invited(work, actor, row)
    return [
        stage for stage in open_stages(work, row) if reaches(work, actor, row, stage) or stage.name in seats
    ]


def reaches(work: Work, actor: Actor, row: ApplicationRow, stage: Stage) -> bool:
    """Whether a role of the actor, or one lent to him, is the stage's and reaches its department."""
    departments = stage_departments(work, row, stage)
    return stage.role in roles_towards(actor, org_id=row.org_id, departments=departments, with_lent=True)


def stage_departments(work: Work, row: ApplicationRow, stage: Stage) -> frozenset[str]:
    """Where a role must reach for this stage: its department, or any of the application's."""
    return frozenset({stage.department_id}) if stage.department_id else queries.departments(work, row.id)


def _stage(work: Work, actor: Actor, row: ApplicationRow, named: str | None) -> Stage:
    able = [stage for stage in stages_open_to(work, actor, row) if named in (None, stage.name)]
    if not able:
        text = Text(
            "没有等待您审核的环节：可能已由他人完成，或不在您的职责范围内。",
            "No stage waits for you: somebody else has done it, or it is not yours.",
        )
        raise AccessRefused(text, reasons=[Reason("no-stage-for-you", text, "审核环节 · stage plan")])
    return able[0]


def _votes_match(body: ReviewBody, stage: Stage) -> None:
    if sorted(vote.line_id for vote in body.lines) != sorted(stage.line_ids):
        raise InputRefused(
            Text(
                f"本环节须对以下各行逐一表决：{'、'.join(stage.line_ids)}。",
                f"This stage votes once on each of these lines: {', '.join(stage.line_ids)}.",
            ),
            stage=stage.name,
            line_ids=list(stage.line_ids),
        )


def undeclared() -> InputRefused:
    """What asks for the declaration of interest that was left out."""
    return InputRefused(
        Text(
            "请声明本人与申请方不存在利益冲突。",
            "Declare that you have no conflict of interest with the applicant.",
        ),
        field="has_no_conflict",
    )


def need_no_conflict(has_none: bool | None) -> None:
    """Whoever declares an interest takes no part; who declares nothing is asked."""
    if has_none is None:
        raise undeclared()
    if not has_none:
        text = Text(
            "存在利益冲突，请由他人办理。", "With a conflict of interest somebody else must take this step."
        )
        raise AccessRefused(
            text, reasons=[Reason("conflict-of-interest", text, "利益冲突声明 · declaration of interest")]
        )


def need_note(note: str) -> None:
    if len(note.strip()) < limits()["min_reason_characters"]:
        raise InputRefused(Text("请写明理由（note）。", "Give a reason (note)."))
