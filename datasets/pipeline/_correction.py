"""Corrected rows handed in alone (更正): merged into the table of the batch that they correct."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.jobs_run import JobContext
from core.text import Text
from datasets.batches.tables import BatchRow


def merge_rows(ctx: JobContext, row: BatchRow, former: BatchRow, out: Path) -> dict[str, Any]:
    """Write the former table with the corrected rows in place to `out`; gives the intake facts of the result."""
    assert former.typed_sha256 is not None  # noqa: S101 - asked when the rows were handed in
    from quality.correction import apply_correction

    ctx.progress(0.1, Text("正在合并更正行", "Merging the corrected rows"))
    apply_correction(ctx.files.path(former.typed_sha256), ctx.files.path(row.sha256), out)
    return {}
