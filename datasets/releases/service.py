"""Asking for a release, finishing it in one transaction, withdrawing it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import func
from sqlmodel import select

from auth import audit
from auth.actor import Actor
from catalog.service import note_release
from core import bases, jobs, outbox
from core.errors import AccessRefused, Conflict, Reason, Stale, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets import gate, own_checks
from datasets.batches import queries as batches
from datasets.batches import rules as batch_rules
from datasets.batches import service as batch_service
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState, BatchStep
from datasets.batches.workflow import advance as advance_batch
from datasets.notices import service as notices
from datasets.people import acting_for, stamp
from datasets.releases import queries, rules, shape
from datasets.releases.models import ReleaseCreate, ReleaseRead
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import MOVES, ReleaseState, ReleaseStep, advance
from datasets.waivers import cover as waivers
from quality.service import current_suite

PUBLISH: Final = "datasets:release:publish"
JOB: Final = "release.publish"
_RULE_6: Final = "separation of duties, rule 6 (who prepares does not publish)"


def request(work: Work, actor: Actor, body: ReleaseCreate) -> ReleaseRead:
    """Have a checked batch published by a second person; the files are made by a job, the release appears whole or not at all."""
    batch = batches.batch(work, actor, body.batch_id)
    hold(work, f"releases/{batch.dataset_id}")
    hold(work, f"batch/{batch.id}")
    work.db.refresh(batch)
    if not actor.may_in(PUBLISH, batch.org_id):
        text = Text("您的角色不含发布权限。", "Your roles do not include publishing.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])
    if body.version is not None and body.version != batch.version:
        raise Stale(
            Text(
                "批次已被他人更新；请刷新后再发布。",
                "Somebody changed the batch meanwhile; reload it before publishing.",
            ),
            version=batch.version,
            state=batch.state,
        )
    advance_batch(BatchState(batch.state), BatchStep.PUBLISH)
    authors = gate.rule_authors(work, batch.dataset_id)
    refuse_if(batch_rules.second_person_objections(batch.preparers, actor.person_id, authors))
    refuse_if(waivers.publish_objections(work, batch, actor))
    _refuse_outdated(work, batch)
    _refuse_second_at_once(work, batch.dataset_id)
    compared = shape.of_batch(work, batch)
    _refuse_unacknowledged(compared, body)
    row = _new_row(work, actor, batch, body.note, sorted({*batch.preparers, *authors}))
    row.semver, row.shape = compared.semver, compared.shape
    row.changes = [change.as_json() for change in compared.changes]
    row.compared_to = compared.former.id if compared.former else None
    batch_service.move(work, batch, BatchStep.PUBLISH)
    row.job_id = jobs.ask_for(
        work,
        JOB,
        f"release/{row.id}",
        requested_by=actor.account_id,
        org_id=row.org_id,
        payload={"release_id": row.id},
    )
    work.db.add(row)
    payload = {
        "batch": batch.id, "number": row.number, "job": row.job_id, "content": row.content_sha256, "semver": row.semver,
        "impact": compared.impact.word, "accepts_breaking": body.accepts_breaking,
    }  # fmt: skip
    audit.record(work, actor, "release.requested", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    return ReleaseRead.model_validate(row)


def finish(work: Work, release_id: str, made: dict[str, Any], content_sha256: str) -> ReleaseRead:
    """Publish the made files. Done twice is done once; refused unless the stored verdict names these very values."""
    row = work.db.get_one(ReleaseRow, release_id)
    hold(work, f"releases/{row.dataset_id}")
    work.db.refresh(row)
    if row.state != ReleaseState.PREPARING:
        return ReleaseRead.model_validate(row)
    batch = work.db.get_one(BatchRow, row.batch_id)
    _demand_verdict(work, row, batch, content_sha256)
    if (former := queries.current_row(work, row.dataset_id)) is not None:
        former.superseded_at = work.now
        _move(work, former, ReleaseStep.SUPERSEDE)
        work.db.flush()
    for name, value in made.items():
        setattr(row, name, value)
    row.published_at = work.now
    _move(work, row, ReleaseStep.FINISH)
    batch_service.move(work, batch, BatchStep.RELEASE)
    _tell_catalogue(work, row)
    payload = {
        "number": row.number, "sha256": row.sha256, "manifest": row.manifest_sha256, "content": row.content_sha256,
        "batch": batch.id, "verdict": row.verdict_id, "suite": row.suite_number, "preparers": row.preparers,
        "supersedes": former.id if former else None,
    }  # fmt: skip
    publisher = acting_for(row.publisher)
    audit.record(
        work, publisher, "release.published", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    impact = max((each["impact"] for each in row.changes or []), key=rules.IMPACTS.index, default="patch")
    told = {"dataset_id": row.dataset_id, "number": row.number, "semver": row.semver, "impact": impact}
    outbox.post(work, "release.published", row.id, {**told, "sha256": row.sha256})
    _tell_followers(work, row, "breaking" if impact == "major" else "released")
    return ReleaseRead.model_validate(row)


def give_up(work: Work, release_id: str, why: Text) -> None:
    """The files could not be made: the try stays on record, the batch may be published again."""
    row = work.db.get_one(ReleaseRow, release_id)
    if row.state != ReleaseState.PREPARING:
        return
    row.problem = dict(batch_service.problem_of(why))
    _move(work, row, ReleaseStep.FAIL)
    batch = work.db.get_one(BatchRow, row.batch_id)
    unwaived = BatchStep.GIVE_BACK_WAIVED if batch.waivers else BatchStep.GIVE_BACK
    back = BatchStep.GIVE_BACK_CONFIRMED if batch.confirmed else unwaived
    batch_service.move(work, batch, back)
    audit.record(
        work,
        acting_for(row.publisher),
        "release.failed",
        subject=row.id,
        payload={"why": why.en},
        dataset_id=row.dataset_id,
    )


def withdraw(work: Work, actor: Actor, release_id: str, reason: str) -> ReleaseRead:
    """Stop every delivery of a release at once; a tombstone with the reason stays in its place."""
    row = queries.seen(work, actor, release_id)
    hold(work, f"releases/{row.dataset_id}")
    work.db.refresh(row)
    needs = MOVES[ReleaseState.PUBLISHED, ReleaseStep.WITHDRAW].needs
    if needs and not actor.may_in(needs, row.org_id):
        text = Text(
            "您的角色不能撤回该部门的发布版本。",
            "Your roles do not let you withdraw a release of this department.",
        )
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])
    refuse_if(batch_rules.note_objections(reason))
    was_current = row.state == ReleaseState.PUBLISHED
    row.withdrawn, row.withdrawn_at, row.withdrawn_reason = stamp(actor), work.now, reason.strip()
    _move(work, row, ReleaseStep.WITHDRAW)
    if was_current:
        note_release(work, row.dataset_id, release_no=None, released_at=None)
    payload = {"number": row.number, "reason": row.withdrawn_reason, "sha256": row.sha256}
    audit.record(work, actor, "release.withdrawn", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    outbox.post(work, "release.withdrawn", row.id, {"dataset_id": row.dataset_id, "number": row.number})
    _tell_followers(work, row, "withdrawn")
    return ReleaseRead.model_validate(row)


def _new_row(work: Work, actor: Actor, batch: BatchRow, note: str, preparers: list[str]) -> ReleaseRow:
    last = work.db.exec(
        select(func.max(ReleaseRow.number)).where(ReleaseRow.dataset_id == batch.dataset_id)
    ).one()
    return ReleaseRow.model_validate(
        {
            "id": work.new_id(), "dataset_id": batch.dataset_id, "org_id": batch.org_id, "number": (last or 0) + 1,
            "batch_id": batch.id, "content_sha256": batch.content_sha256, "batch_sha256": batch.sha256,
            "suite_version_id": batch.suite_version_id, "suite_number": batch.suite_number,
            "verdict_id": batch.verdict_id, "verdict": batch.verdict, "preparers": preparers,
            "prepared": batch.submitted, "publisher": stamp(actor), "note": note.strip(), "requested_at": work.now,
            "waivers": waivers.lasting(work, batch),
        }
    )  # fmt: skip


def _refuse_unacknowledged(compared: shape.Compatibility, body: ReleaseCreate) -> None:
    reasons = rules.acknowledgement_objections(compared.changes, body.accepts_breaking, body.note)
    if reasons:
        raise Conflict(reasons[0].text, reasons=reasons)


def _refuse_outdated(work: Work, batch: BatchRow) -> None:
    """A verdict by an older suite or dictionary says nothing about today's."""
    reasons = []
    suite = current_suite(work, batch.dataset_id)
    if suite is None or suite.id != batch.suite_version_id:
        text = Text(
            "校验之后规则集已更换；请先重新校验该批次。",
            "The suite has changed since the check; check the batch again first.",
        )
        reasons.append(Reason("suite-changed", text, bases.UNVALIDATED))
    reasons += _dictionary_objections(work, batch)
    if strangers := _strangers(work, batch):
        text = Text(
            f"数据字典没有这些列：{'、'.join(strangers[:20])}；未定级的列不能发布，请先补充数据字典再重新校验。",
            f"The dictionary does not know these columns: {', '.join(strangers[:20])}; what has no level cannot be published. Describe them, then check the batch again.",
        )
        reasons.append(Reason("columns-not-in-dictionary", text, "R25 (GB/T 43697)", {"columns": strangers}))
    if reasons:
        raise Conflict(
            Text(
                "；".join(reason.text.zh for reason in reasons),
                " ".join(reason.text.en for reason in reasons),
            ),
            reasons=reasons,
        )


def _dictionary_objections(work: Work, batch: BatchRow) -> list[Reason]:
    if gate.dictionary_digest(work, batch.dataset_id) == batch.dictionary_sha256:
        return []
    text = Text(
        "校验之后数据字典（列、文件布局、点坐标列）或坐标系已修改；请先重新校验该批次。",
        "The data dictionary (columns, layout, points) or the reference system has changed since the check; check the batch again first.",
    )
    return [Reason("dictionary-changed", text, bases.UNVALIDATED)]


def _strangers(work: Work, batch: BatchRow) -> list[str]:
    """Columns of the batch that nobody has described, and so nobody has graded."""
    declared = {column.name for column in gate.dictionary(work, batch.dataset_id).columns}
    held = batch.intake["columns"] if batch.intake else []
    return [each["name"] for each in held if each["name"] not in declared]


def _refuse_second_at_once(work: Work, dataset_id: str) -> None:
    busy = work.db.exec(
        select(ReleaseRow).where(
            ReleaseRow.dataset_id == dataset_id, ReleaseRow.state == ReleaseState.PREPARING
        )
    ).first()
    if busy is not None:
        raise Conflict(
            Text(
                f"该数据集第 {busy.number} 版正在发布；请待其完成后再发布下一版。",
                f"Release {busy.number} of this dataset is being published; wait for it to finish.",
            ),
            release_id=busy.id,
        )


def _demand_verdict(work: Work, row: ReleaseRow, batch: BatchRow, content_sha256: str) -> None:
    """Promise 1, asked again inside the transaction that publishes."""
    refuse_if(waivers.publish_objections(work, batch, acting_for(row.publisher)))
    refuse_if(_dictionary_objections(work, batch))
    verdict = gate.verdict_row(work, row.verdict_id)
    holds = (
        verdict is not None
        and waivers.demand(work, batch, row.waivers)
        and verdict.content_sha256 == content_sha256 == row.content_sha256 == batch.content_sha256
        and verdict.suite_version_id == row.suite_version_id
        and batch.state == BatchState.PUBLISHING
        and not batch.untyped_cells
    )
    if not holds:
        text = Text(
            "待发布文件与校验结论不符，未予发布；请重新校验该批次。",
            "The file to publish is not what the verdict is about; nothing was published. Check the batch again.",
        )
        raise Conflict(
            text,
            reasons=[
                Reason(
                    "verdict-names-other-content",
                    text,
                    bases.UNVALIDATED,
                )
            ],
        )
    refuse_if(batch_rules.second_person_objections(row.preparers, row.publisher["person_id"]))


def _tell_followers(work: Work, row: ReleaseRow, kind: str) -> None:
    facts = {
        "number": row.number, "semver": row.semver, "rows": row.rows, "changes": row.changes or [],
        "compared_to": row.compared_to if kind != "withdrawn" else None, "reason": row.withdrawn_reason,
    }  # fmt: skip
    notices.tell(work, row.dataset_id, kind, row.id, facts)


def _tell_catalogue(work: Work, row: ReleaseRow) -> None:
    checks = own_checks.of_release(own_checks.record_of(work, row.dataset_id), row, as_current=True)
    score, grade = gate.quality_of(work, row.verdict_id, checks)
    note_release(
        work, row.dataset_id, release_no=row.number, released_at=row.published_at, row_count=row.rows,
        size_bytes=row.size_bytes, quality_score=score, quality_grade=grade,
    )  # fmt: skip


def _move(work: Work, row: ReleaseRow, step: ReleaseStep) -> None:
    row.state = advance(ReleaseState(row.state), step)
    row.version += 1
    work.db.add(row)
