"""The reviews and the decision that an application needs: fixed for the turn when it is submitted, foreseen for a draft."""

from __future__ import annotations

import json

from auth.applications import rules
from auth.applications.models import LineAsk
from auth.applications.queries import lines, stage_rows
from auth.applications.rules import Approval, PlanLine, Stage, approval, needs_security_review, stages
from auth.applications.tables import ApplicationLineRow, ApplicationRow, ApplicationStageRow
from auth.asset import Asset
from auth.policy.stages import DECISION
from auth.profile.now import limits_now, profile
from auth.roles import Role
from core.errors import Reason
from core.work import Work


def plan_lines(work: Work, application_id: str) -> list[PlanLine]:
    return [
        PlanLine(line.id, line.department_id, line.level, line.needs_security_review)
        for line in lines(work, application_id)
    ]


def plan(work: Work, found: ApplicationRow) -> tuple[Stage, ...]:
    """The reviews of the present turn, as fixed when it was submitted; of a draft, as they would be."""
    if found.turn == 0:
        return stages(plan_lines(work, found.id), profile(work).stage_plans())
    return tuple(
        Stage(row.stage, Role(row.role), row.department_id, tuple(json.loads(row.line_ids)), row.quorum)
        for row in stage_rows(work, found)
        if row.stage != DECISION
    )


def approval_of(work: Work, found: ApplicationRow) -> Approval:
    """How many decide, as fixed when the turn was submitted; of a draft, as it would be."""
    for row in stage_rows(work, found):
        if row.stage == DECISION:
            return Approval(row.quorum, row.distinct_departments)
    return approval(plan_lines(work, found.id), profile(work).stage_plans())


def outgrown(
    work: Work, found: ApplicationRow, line: ApplicationLineRow, ask: LineAsk, asset: Asset
) -> tuple[Reason, ...]:
    """A line whose dataset was graded higher since it was submitted, beyond the plan of the turn; () where the plan does."""
    now = PlanLine(
        line.id, line.department_id, asset.level, needs_security_review(ask, asset, limits_now(work))
    )
    if now.level <= line.level and now.needs_security_review <= line.needs_security_review:
        return ()
    beyond = rules.outgrown(now, plan(work, found), approval_of(work, found), profile(work).stage_plans())
    return (rules.graded_higher(line.dataset_id),) if beyond else ()


def fix_plan(work: Work, found: ApplicationRow) -> None:
    """Write down the plan of the turn that begins: later changes of the plans do not touch it."""
    needed = plan_lines(work, found.id)
    rows = [
        ApplicationStageRow(
            application_id=found.id, turn=found.turn, stage=stage.name, position=position, role=stage.role,
            department_id=stage.department_id, line_ids=json.dumps(stage.line_ids), quorum=stage.quorum,
        )
        for position, stage in enumerate(stages(needed, profile(work).stage_plans()))
    ]  # fmt: skip
    last = approval(needed, profile(work).stage_plans())
    rows.append(
        ApplicationStageRow(
            application_id=found.id, turn=found.turn, stage=DECISION, position=len(rows), role=Role.APPROVER,
            line_ids=json.dumps([line.id for line in needed]), quorum=last.count,
            distinct_departments=last.distinct_departments,
        )
    )  # fmt: skip
    work.db.add_all(rows)
    work.db.flush()
