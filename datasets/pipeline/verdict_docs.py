"""Drawing Great Expectations' Data Docs from a stored verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets import gate
from datasets.batches.tables import BatchRow
from datasets.verdict_docs import KIND
from quality.data_docs import write_site
from quality.verdict import Verdict


def run(ctx: JobContext) -> Mapping[str, Any]:
    """One file into the store; drawn twice, it is the newer one that counts."""
    with ctx.read() as work:
        batch = work.db.get_one(BatchRow, str(ctx.payload["batch_id"]))
        stored = gate.verdict_row(work, str(ctx.payload["verdict_id"]))
    assert stored is not None  # noqa: S101 - verdicts are never deleted
    out = ctx.scratch(".zip")
    name = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in batch.dataset_id
    )
    write_site(
        Verdict.model_validate(stored.result),
        out,
        name=name,
        run=f"batch {batch.number}",
        given_at=stored.created_at,
    )
    kept = ctx.files.put_file(out)
    return {"verdict_id": stored.id, "sha256": kept.sha256, "size_bytes": kept.size_bytes}


JOB: Final = JobKind(KIND, Text("生成 Data Docs", "Draw Data Docs"), run, lane="check")
