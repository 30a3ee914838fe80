"""What a look brought: handed in as batches through the service of uploads, or written down as a failure.

All of it is one transaction that also closes the run, so a look that is repeated after a crash hands nothing in twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.identity.principals import principal
from core import outbox
from core.errors import AppError, Conflict, InputRefused
from core.files import StoredFile
from core.jobs import FINAL, JobRow
from core.text import Text
from core.work import Work, hold
from datasets.batches import service as batches
from datasets.sources import rules
from datasets.sources.asking import Catch, Found
from datasets.sources.tables import DeliveryRow, SourceRow, SourceRunRow
from datasets.sources.workflow import Outcome, SourceState, SourceStep, advance


def as_data(catch: Catch) -> dict[str, Any]:
    """What a look brought, as JSON: it outlives the process between fetching and handing in."""
    return {
        "files": [
            {"name": f.name, "sha256": f.stored.sha256, "size_bytes": f.stored.size_bytes, "seen": f.stored.seen, "provenance": f.provenance}
            for f in catch.files
        ],
        "memory": catch.memory,
        "said": _told(catch.said),
        "problems": [_told(each) for each in catch.problems],
        "look_again_s": catch.look_again_s,
    }  # fmt: skip


def hand_in(work: Work, run_id: str, caught: Mapping[str, Any]) -> dict[str, Any]:
    """Every file as a batch in the owner's name; the same bytes as before make none. Closes the run."""
    run, row = _open(work, run_id)
    if run.outcome != Outcome.RUNNING:
        return _result(run)
    if row.state != SourceState.ACTIVE:
        said = Text("来源已暂停或移除，未提交。", "The source was paused or removed; nothing was handed in.")
        return _result(_close(work, run, row, Outcome.CANCELLED, said))
    actor = _owner(work, row)
    if actor is None:
        said = Text(
            "配置该来源的人已不能为本部门提交数据；请由另一位数据专员恢复来源，即由其接手。",
            "Who configured this source may no longer hand in for the department; another steward takes it over by resuming it.",
        )
        return _result(_fail(work, run, row, said, at_once=True))
    preparers = {*row.preparers, *([run.asked_by["person_id"]] if run.asked_by else ())}
    items = [_one(work, actor, row, run, Found(f["name"], StoredFile(f["sha256"], f["size_bytes"], f.get("seen", "")), f["provenance"]), preparers)
             for f in caught["files"]]  # fmt: skip
    problems = [*caught["problems"], *(item["problem"] for item in items if item["problem"])]
    run.items = items
    if problems and not any(item["batch_id"] for item in items):
        return _result(_fail(work, run, row, _joined(problems)))
    row.memory, row.failures = caught["memory"], 0
    if caught["look_again_s"] and row.due_at is not None:
        row.due_at = min(row.due_at, work.now + timedelta(seconds=caught["look_again_s"]))
    said = _joined([caught["said"], *problems])
    return _result(_close(work, run, row, _outcome(items), said))


def fail(work: Work, run_id: str, why: Text) -> None:
    """The look broke or was cancelled; a run that is closed already is left alone."""
    run, row = _open(work, run_id)
    if run.outcome != Outcome.RUNNING:
        return
    job = work.db.get(JobRow, run.job_id) if run.job_id else None
    if job is not None and job.cancel_requested:
        _close(work, run, row, Outcome.CANCELLED, why)
    else:
        _fail(work, run, row, why)


def close_forgotten(work: Work) -> int:
    """End the looks whose job has ended without them; else their sources would wait for ever. Returns their number."""
    rows = work.db.exec(
        select(SourceRunRow.id)
        .join(SourceRow, col(SourceRow.open_run) == SourceRunRow.id)
        .join(JobRow, col(JobRow.id) == SourceRunRow.job_id)
        .where(col(JobRow.state).in_(FINAL))
    ).all()
    for run_id in rows:
        fail(work, run_id, Text("任务中断，没有留下结果。", "The job broke off and left no result."))
    return len(rows)


def _open(work: Work, run_id: str) -> tuple[SourceRunRow, SourceRow]:
    """The run and its source, for this transaction alone."""
    run = work.db.get_one(SourceRunRow, run_id)
    hold(work, f"source/{run.source_id}")
    work.db.refresh(run)
    return run, work.db.get_one(SourceRow, run.source_id)


def _owner(work: Work, row: SourceRow) -> Actor | None:
    """The owner as he is now; None when he may no longer hand in for this dataset."""
    found = principal(work, row.owner["account_id"], "token")
    if found is None:
        return None
    try:
        batches.may_submit(work, found.actor, row.dataset_id)
    except AppError:
        return None
    return found.actor


def _one(
    work: Work, actor: Actor, row: SourceRow, run: SourceRunRow, found: Found, preparers: set[str]
) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": batches.clean_name(found.name), "sha256": found.stored.sha256, "size_bytes": found.stored.size_bytes,
        "provenance": found.provenance, "batch_id": None, "is_new": False, "problem": None,
    }  # fmt: skip
    try:
        with work.db.begin_nested():
            batch = batches.receive(
                work, actor, row.dataset_id, found.name, found.stored, also_prepared=preparers
            )
    except Conflict as same:
        if "batch_id" not in same.facts:
            raise
        return item | {"batch_id": same.facts["batch_id"]}
    except InputRefused as refused:
        return item | {"problem": _told(refused.detail)}
    facts = {"source": row.id, "run": run.id, **found.provenance}
    work.db.add(DeliveryRow(batch_id=batch.id, source_id=row.id, run_id=run.id, provenance=found.provenance))
    audit.record(work, actor, "source.delivered", subject=batch.id, payload=facts, dataset_id=row.dataset_id)
    return item | {"batch_id": batch.id, "is_new": True}


def _outcome(items: list[dict[str, Any]]) -> Outcome:
    if any(item["is_new"] for item in items):
        return Outcome.DELIVERED
    return Outcome.RECOGNISED if items else Outcome.UNCHANGED


def _close(work: Work, run: SourceRunRow, row: SourceRow, outcome: Outcome, said: Text) -> SourceRunRow:
    run.outcome, run.said, run.ended_at = outcome, _told(said), work.now
    row.last_outcome, row.last_run_at = outcome, work.now
    if row.open_run == run.id:
        row.open_run = None
    work.db.add_all([run, row])
    return run


def _fail(work: Work, run: SourceRunRow, row: SourceRow, why: Text, *, at_once: bool = False) -> SourceRunRow:
    """One more failure: tried again later and later, and at the limit paused, with word to the outside."""
    row.failures += 1
    payload = {"run": run.id, "why": why.en, "failures": row.failures}
    audit.record(work, SYSTEM, "source.failed", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    if row.state == SourceState.ACTIVE:
        if at_once or rules.gives_up(row.failures):
            _give_up(work, row, why)
        elif row.due_at is not None:
            row.due_at = rules.retry_at(row.failures, work.now)
    return _close(work, run, row, Outcome.FAILED, why)


def _give_up(work: Work, row: SourceRow, why: Text) -> None:
    row.state = advance(SourceState(row.state), SourceStep.GIVE_UP)
    row.version += 1
    row.due_at, row.paused_why = None, _told(why)
    body: dict[str, object] = {
        "source_id": row.id, "dataset_id": row.dataset_id, "name": row.name, "failures": row.failures, "why": _told(why),
    }  # fmt: skip
    outbox.post(work, "source.paused", row.id, body)
    audit.record(
        work, SYSTEM, "source.paused", subject=row.id, payload={"why": why.en}, dataset_id=row.dataset_id
    )


def _joined(parts: list[dict[str, str]]) -> Text:
    return Text("".join(part["zh"] for part in parts), " ".join(part["en"] for part in parts))


def _told(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _result(run: SourceRunRow) -> dict[str, Any]:
    """What the job says it did."""
    return {
        "run_id": run.id,
        "outcome": run.outcome,
        "said": run.said,
        "batches": [item["batch_id"] for item in run.items if item.get("is_new")],
    }
