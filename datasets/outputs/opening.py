"""Whether a file must be reviewed before it leaves, and putting it before the checkers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.clocks.counting import day_of
from auth.grants import queries as grant_queries
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.model import GrantPolicy
from auth.profile.now import limits_under
from auth.roles import Role
from catalog.assets import asset
from core import outbox
from core.calendar import add_working_days
from core.errors import Conflict, NotFound
from core.ids import GrantId
from core.jobs import JobRow
from core.text import Text
from core.work import Work
from datasets.outputs.tables import OutputReviewRow
from datasets.outputs.workflow import OutputState, OutputStep, advance


@dataclass(frozen=True, slots=True)
class Output:
    """A finished file and what it was made for. `made`: what the release of it will need, as JSON values.

    findings: what the checks saw; None where none were made, because none were needed then.
    """

    kind: str
    subject_id: str
    dataset_id: str
    org_id: str
    grant_id: str
    application_id: str
    release_id: str
    release_number: int
    form: str
    purpose: str
    columns: Sequence[str]
    sha256: str
    rows: int
    size_bytes: int
    requested_by: str
    job_id: str | None
    findings: Sequence[Mapping[str, Any]] | None
    made: Mapping[str, Any]


def needed(work: Work, dataset_id: str, form: str, policy: GrantPolicy) -> int:
    """How many people review a file of this dataset in this form, as the rules are now and the grant asks. Of a dataset that is gone: two."""
    try:
        level = asset(work, dataset_id).level
    except NotFound:
        return 2
    return limits_under(work, policy).checkers(level, form)


def open_review(work: Work, actor: Actor, output: Output) -> OutputReviewRow:
    """Put a finished file before the checkers. Raises Conflict where it was not checked by the machine."""
    if output.findings is None:
        raise Conflict(
            Text(
                "文件生成期间，该数据集改为须出域审核；请重新申请提取。",
                "While the file was being made its dataset came to need an output review; ask for it anew.",
            )
        )
    held = asset(work, output.dataset_id)
    grant = grant_queries.row(work, GrantId(output.grant_id))
    limits = limits_under(work, grant_queries.view_of(work, grant).policy)
    row = OutputReviewRow(
        id=work.new_id(), kind=output.kind, subject_id=output.subject_id, dataset_id=output.dataset_id,
        department_id=held.org_id, org_id=output.org_id, grant_id=output.grant_id, application_id=output.application_id,
        release_id=output.release_id, release_number=output.release_number, form=output.form, level=held.level,
        purpose=output.purpose, needed=limits.checkers(held.level, output.form), sha256=output.sha256, rows=output.rows,
        size_bytes=output.size_bytes, columns=list(output.columns), findings=[dict(each) for each in output.findings],
        made=dict(output.made), requested_by=output.requested_by, person_id=_person(work, output.requested_by),
        builders=_builders(work, output.job_id), approvers=json.loads(grant.approved_by), opened_at=work.now,
        due_on=add_working_days(work.db, day_of(work.now), limits["output_review_working_days"]),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    note(work, actor, "output.opened", row, {"findings": sorted({each["code"] for each in row.findings})})
    checkers = audience.holders(work, [Role.OUTPUT_CHECKER], [row.department_id])
    facts = {"dataset": row.dataset_id, "due_on": row.due_on.isoformat()}
    tell(work, checkers, "output.waits", subject=row.id, href=f"/outputs/{row.id}", once=row.id, facts=facts)
    return row


def already_released(work: Work, kind: str, subject_id: str, sha256: str, least: int) -> bool:
    """Whether these very bytes were released for this very subject by enough people."""
    wanted = select(OutputReviewRow.needed).where(
        OutputReviewRow.kind == kind,
        OutputReviewRow.subject_id == subject_id,
        OutputReviewRow.sha256 == sha256,
        OutputReviewRow.state == OutputState.RELEASED,
    )
    return any(count >= least for count in work.db.exec(wanted))


def newest(work: Work, kind: str, subject_id: str) -> OutputReviewRow | None:
    """The last review of an extract or a view, regardless of who asks."""
    wanted = select(OutputReviewRow).where(
        OutputReviewRow.kind == kind, OutputReviewRow.subject_id == subject_id
    )
    return work.db.exec(wanted.order_by(col(OutputReviewRow.id).desc()).limit(1)).first()


def note(work: Work, actor: Actor, kind: str, row: OutputReviewRow, payload: Mapping[str, Any]) -> None:
    """Write one step of a review down, and let it be heard."""
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id,
        application_id=row.application_id,
        payload={"of": row.kind, "subject": row.subject_id, "sha256": row.sha256, **payload},
    )  # fmt: skip
    outbox.post(work, kind, row.id, {"of": row.kind, "subject": row.subject_id, "dataset_id": row.dataset_id})


def take_back(work: Work, actor: Actor, kind: str, subject_id: str) -> None:
    """The requester's side withdrew what the newest review is about; nothing where none waits."""
    row = newest(work, kind, subject_id)
    if row is None or row.state != OutputState.IN_REVIEW:
        return
    row.state, row.decided_at = advance(OutputState(row.state), OutputStep.WITHDRAW), work.now
    row.version += 1
    work.db.add(row)
    note(work, actor, "output.withdrawn", row, {})


def _person(work: Work, account_id: str) -> str:
    row = work.db.get(AccountRow, account_id)
    return row.person_id if row else account_id


def _builders(work: Work, job_id: str | None) -> list[str]:
    """Whoever set the making going, besides the requester: somebody may have started a job again."""
    job = work.db.get(JobRow, job_id) if job_id else None
    return [_person(work, job.requested_by)] if job and job.requested_by else []


def waiting(row: OutputReviewRow | None) -> Conflict:
    """What somebody hears who asks for a file that waits for its review."""
    due = row.due_on.isoformat() if row else "—"
    return Conflict(
        Text(
            f"文件已生成，正在出域审核（期限 {due}）；放行后方可取用。",
            f"The file is made and waits for its output review (due {due}); it can be had after the release.",
        )
    )


def overdue(work: Work) -> list[str]:
    """Reviews whose day is over and of which nobody was told yet."""
    wanted = select(OutputReviewRow.id).where(
        OutputReviewRow.state == OutputState.IN_REVIEW,
        OutputReviewRow.due_on < day_of(work.now),
        col(OutputReviewRow.overdue_told).is_(False),
    )
    return list(work.db.exec(wanted.order_by(col(OutputReviewRow.id))))


def tell_overdue(work: Work) -> int:
    """Tell checkers and approvers of the department, and of the bureau, of each overdue review, once; their number."""
    found = overdue(work)
    for review_id in found:
        row = work.db.get_one(OutputReviewRow, review_id)
        row.overdue_told = True
        work.db.add(row)
        people = audience.holders(work, [Role.OUTPUT_CHECKER, Role.APPROVER], [row.department_id])
        facts = {"dataset": row.dataset_id, "due_on": row.due_on.isoformat()}
        tell(
            work,
            people,
            "output.overdue",
            subject=row.id,
            href=f"/outputs/{row.id}",
            once=row.id,
            facts=facts,
        )
        note(work, SYSTEM, "output.overdue", row, {"due_on": row.due_on.isoformat()})
    return len(found)
