"""A suite tried on batches or releases that are there already. No verdict is stored, no batch moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.batches.tables import BatchRow
from datasets.references import look_up
from datasets.releases.tables import ReleaseRow
from datasets.suites import TRY
from quality.engine import run_suite
from quality.schemes.now import rules_now
from quality.scores import score
from quality.suite import Suite
from quality.troubles import trouble
from quality.verdict import Outcome
from quality.wording import describe

_ROWS: Final = 20


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Whoever sees the department's jobs sees the result, so it tells counts and row numbers, no values.

    The facts of the first run stand at the top; `runs` holds all of them, in the order asked for.
    """
    wanted = ctx.payload["runs"]
    runs = [_run(ctx, each, place, len(wanted)) for place, each in enumerate(wanted)]
    return runs[0] | {"runs": runs}


def _run(ctx: JobContext, on: Mapping[str, str | None], place: int, count: int) -> dict[str, Any]:
    with ctx.read() as work:
        row = work.db.get_one(BatchRow, str(on["batch_id"]))
        release = work.db.get_one(ReleaseRow, on["release_id"]) if on["release_id"] else None
        suite = Suite.from_data(ctx.payload["suite"])
        others = look_up(work, ctx.files, row.dataset_id, suite)
        by = rules_now(work)
    tell = ctx.part(place / count, (place + 1) / count)
    verdict = run_suite(
        suite, ctx.files.path(_table(row, release)), memory_limit_mb=ctx.settings.memory_limit_mb,
        query_seconds=ctx.settings.query_seconds, reference=row.submitted_at, references=others, max_examples=0, max_failing_rows=_ROWS,
        on_progress=lambda done, total: tell(
            done / max(total, 1), Text(f"正在试跑规则（{done}/{total}）", f"Trying expectations ({done}/{total})")
        ),
    )  # fmt: skip
    card = score(verdict, by)
    return {
        "batch_id": row.id, "batch_number": row.number, "release_id": release.id if release else None,
        "release_number": release.number if release else None, "rows": verdict.rows, "verdict": verdict.verdict,
        "statistics": verdict.statistics, "score": card.total, "grade": card.grade,
        "expectations": [_told(each) for each in verdict.expectations],
    }  # fmt: skip


def _table(row: BatchRow, release: ReleaseRow | None) -> str:
    """The typed table with its row numbers; a release whose batch was read anew since is tried on its own file."""
    read_anew = release is not None and release.content_sha256 != row.content_sha256
    return str(release.sha256 if release is not None and read_anew else row.typed_sha256)


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
    why = trouble(each.error) if each.error else Text("", "")
    words = {"rule_zh": said.zh, "rule_en": said.en, "error_zh": why.zh, "error_en": why.en}
    return each.model_dump(mode="json", include=kept) | words


JOB: Final = JobKind(TRY, Text("试跑规则集", "Try a suite"), run, lane="check")
