"""A suite tried on a batch that is there already. No verdict is stored, no batch moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.batches.tables import BatchRow
from datasets.references import look_up
from datasets.suites import TRY
from quality.engine import run_suite
from quality.scores import score
from quality.suite import Suite
from quality.verdict import Outcome
from quality.wording import describe

_ROWS: Final = 20


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Whoever sees the department's jobs sees the result, so it tells counts and row numbers, no values."""
    with ctx.read() as work:
        row = work.db.get_one(BatchRow, str(ctx.payload["batch_id"]))
        suite = Suite.from_data(ctx.payload["suite"])
        others = look_up(work, ctx.files, row.dataset_id, suite)
    verdict = run_suite(
        suite, ctx.files.path(str(row.typed_sha256)), memory_limit_mb=ctx.settings.memory_limit_mb,
        reference=row.submitted_at, references=others, max_examples=0, max_failing_rows=_ROWS,
        on_progress=lambda done, total: ctx.progress(
            done / max(total, 1), Text(f"正在试跑规则（{done}/{total}）", f"Trying expectations ({done}/{total})")
        ),
    )  # fmt: skip
    card = score(verdict)
    return {
        "batch_id": row.id, "batch_number": row.number, "rows": verdict.rows, "verdict": verdict.verdict,
        "statistics": verdict.statistics, "score": card.total, "grade": card.grade,
        "expectations": [_told(each) for each in verdict.expectations],
    }  # fmt: skip


def _told(each: Outcome) -> dict[str, Any]:
    said = describe(each)
    kept = {
        "type",
        "kwargs",
        "severity",
        "outcome",
        "element_count",
        "unexpected_count",
        "unexpected_percent",
    }
    kept |= {"failing_rows", "error"}
    return each.model_dump(mode="json", include=kept) | {"rule_zh": said.zh, "rule_en": said.en}


JOB: Final = JobKind(TRY, Text("试跑规则集", "Try a suite"), run, lane="check")
