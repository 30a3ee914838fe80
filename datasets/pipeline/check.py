"""The check of a batch (检查): read the file by the dictionary, judge the table by the suite, store the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from auth import audit
from auth.actor import SYSTEM
from core.errors import AppError, InputRefused
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets import gate
from datasets.batches import rules, service
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState, BatchStep
from datasets.content import content_digest
from datasets.intake.dictionary import Dictionary
from datasets.intake.guesses import Guess, doubts
from datasets.intake.listing import list_members
from datasets.intake.reader import read_table
from datasets.pipeline._correction import merge_rows
from datasets.references import look_up
from datasets.releases.writer import write_csv
from datasets.tickets import following as tickets
from datasets.waivers.cover import standing
from quality.engine import run_suite
from quality.references import NONE
from quality.service import current_suite, store_verdict
from quality.suite import Suite

_READ_UNTIL: Final = 0.55


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two durable steps; each looks first whether it was done already. A doubtful reading waits between them."""
    batch_id = str(ctx.payload["batch_id"])
    if (state := ctx.step("type", lambda: _type(ctx, batch_id))) != BatchState.TYPED:
        return {"batch_id": batch_id, "state": state}
    return {"batch_id": batch_id, "state": ctx.step("judge", lambda: _judge(ctx, batch_id))}


def unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    """Cancelled or broken: the batch says so and may be checked again."""
    row = work.db.get_one(BatchRow, str(payload["batch_id"]))
    if row.state in (BatchState.RECEIVED, BatchState.TYPED):
        service.move(work, row, BatchStep.BREAK, problem=dict(service.problem_of(why)))
        _note(work, row, {"why": why.en})


def _mine(ctx: JobContext, row: BatchRow, state: BatchState) -> bool:
    """Whether the batch still waits for this very job in this state."""
    return row.job_id == ctx.job.id and row.state == state


def _type(ctx: JobContext, batch_id: str) -> str:
    """Read the file into a typed table in the store; a file that cannot be read is refused and kept."""
    with ctx.read() as work:
        row = work.db.get_one(BatchRow, batch_id)
        former = work.db.get(BatchRow, row.corrects) if row.corrects else None
        words = gate.dictionary(work, row.dataset_id, row.options)
        digest = gate.dictionary_digest(work, row.dataset_id)
    if not _mine(ctx, row, BatchState.RECEIVED):
        return row.state
    out, lost, doubtful = ctx.scratch(".parquet"), ctx.scratch(".untyped.parquet"), list[Guess]()
    try:
        if row.is_row_correction and former is not None:
            facts = merge_rows(ctx, row, former, out, lost)
        else:
            read = read_table(
                ctx.files.path(row.sha256), out, dictionary=words, name=row.name, look=True,
                memory_limit_mb=ctx.settings.memory_limit_mb, on_progress=ctx.part(0.0, _READ_UNTIL), untyped=lost,
            )  # fmt: skip
            facts = read.model_dump(mode="json")
            doubtful = doubts(read.input.detection)
    except InputRefused as refusal:
        return _refuse(ctx, batch_id, refusal, _listed(ctx, row.sha256, words, refusal))
    content = content_digest(out)
    stored, listed = ctx.files.put_file(out), _kept(ctx, lost)
    with ctx.write() as work:
        row = work.db.get_one(BatchRow, batch_id)
        if _mine(ctx, row, BatchState.RECEIVED):
            service.move(
                work, row, BatchStep.LOOK if doubtful else BatchStep.TYPE, typed_sha256=stored.sha256, content_sha256=content, intake=facts,
                dictionary_sha256=digest, rows=facts["rows"], untyped_cells=facts["untyped_cells"], **listed,
            )  # fmt: skip
            if doubtful:
                _note(work, row, {"doubts": {guess.aspect: guess.confidence for guess in doubtful}})
        return row.state


def _kept(ctx: JobContext, lost: Path) -> dict[str, str]:
    """The list of cells that their types cannot hold, put into the store in both forms, where there are any."""
    if not lost.exists():
        return {}
    text = ctx.scratch(".untyped.csv")
    write_csv(lost, text)
    return {
        "untyped_sha256": ctx.files.put_file(lost).sha256,
        "untyped_csv_sha256": ctx.files.put_file(text).sha256,
    }


def _listed(ctx: JobContext, sha256: str, words: Dictionary, refusal: AppError) -> dict[str, Any] | None:
    """What an archive holds, where it was refused for want of a choice among its members."""
    if not refusal.facts.get("members"):
        return None
    try:
        return list_members(ctx.files.path(sha256), words).model_dump(mode="json")
    except InputRefused:
        return None


def _refuse(ctx: JobContext, batch_id: str, refusal: AppError, listing: dict[str, Any] | None) -> str:
    with ctx.write() as work:
        row = work.db.get_one(BatchRow, batch_id)
        if _mine(ctx, row, BatchState.RECEIVED):
            problem = dict(service.problem_of(refusal.detail, refusal.reasons))
            if members := refusal.facts.get("members"):
                problem["members"], problem["listing"] = members, listing
            service.move(work, row, BatchStep.REFUSE, problem=problem)
            _note(work, row, {"why": refusal.detail.en})
        return row.state


def _judge(ctx: JobContext, batch_id: str) -> str:
    """Run the suite in force over the typed table and store what it found, in one transaction."""
    with ctx.read() as work:
        row = work.db.get_one(BatchRow, batch_id)
        suite = current_suite(work, row.dataset_id)
        rules_in_force = Suite.from_data(suite.suite) if suite else None
        others = look_up(work, ctx.files, row.dataset_id, rules_in_force) if rules_in_force else NONE
        keys = gate.key_columns(work, row.dataset_id)
    if not _mine(ctx, row, BatchState.TYPED) or row.typed_sha256 is None:
        return row.state
    if suite is None or rules_in_force is None:
        return _no_suite(ctx, batch_id)
    tell = ctx.part(_READ_UNTIL, 1.0)
    said = Text("正在逐条校验规则", "Judging expectation by expectation")
    tell(0.0, said)
    verdict = run_suite(
        rules_in_force, ctx.files.path(row.typed_sha256), memory_limit_mb=ctx.settings.memory_limit_mb,
        query_seconds=ctx.settings.query_seconds, reference=row.submitted_at, references=others, keys=keys,
        on_progress=lambda done, total: tell(done / max(total, 1), Text(f"{said.zh}（{done}/{total}）", f"{said.en} ({done}/{total})")),
    )  # fmt: skip
    with ctx.write() as work:
        row = work.db.get_one(BatchRow, batch_id)
        if _mine(ctx, row, BatchState.TYPED):
            stored = store_verdict(
                work,
                subject=str(row.content_sha256),
                batch_id=row.id,
                suite_version_id=suite.id,
                verdict=verdict,
            )
            found = standing(work, row, verdict)
            step = rules.gate_step(
                verdict.verdict, len(found.unsigned), row.untyped_cells or 0, waived=len(found.applied),
                blocking=len(found.blocking),
            )  # fmt: skip
            service.move(
                work, row, step, verdict_id=stored.id, verdict=verdict.verdict, suite_version_id=suite.id,
                suite_number=suite.number, waivers=list(found.applied),
            )  # fmt: skip
            tickets.after_check(work, row, verdict, found)
            compared = [each.model_dump(mode="json", exclude_defaults=True) for each in verdict.references]
            facts = {"verdict": verdict.verdict, "verdict_id": stored.id, "suite": suite.number}
            _note(work, row, facts | ({"compared_with": compared} if compared else {}))
        return row.state


def _no_suite(ctx: JobContext, batch_id: str) -> str:
    with ctx.write() as work:
        row = work.db.get_one(BatchRow, batch_id)
        if _mine(ctx, row, BatchState.TYPED):
            text = Text(
                f"数据集 {row.dataset_id} 还没有规则集，无法校验；请先建立规则集，再重新校验本批次。",
                f"Dataset {row.dataset_id} has no suite, so nothing can be judged; make one, then check this batch again.",
            )
            service.move(work, row, BatchStep.BREAK, problem=dict(service.problem_of(text)))
            _note(work, row, {"why": text.en})
        return row.state


def _note(work: Work, row: BatchRow, facts: dict[str, Any]) -> None:
    payload = {"state": row.state, "content": row.content_sha256, "rows": row.rows, "job": row.job_id} | facts
    audit.record(work, SYSTEM, "batch.checked", subject=row.id, payload=payload, dataset_id=row.dataset_id)


JOB: Final = JobKind(service.CHECK, Text("校验批次", "Check a batch"), run, unwind, lane="check")
