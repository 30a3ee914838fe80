"""Two large releases compared row by row; the result is kept, because releases never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.releases import comparing
from datasets.releases.tables import ReleaseRow

_COMPARING: Final = Text("正在逐行比较两个版本", "Comparing the two releases row by row")


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Whoever sees the department's jobs sees the result, so it tells counts alone."""
    with ctx.read() as work:
        older, newer = (work.db.get_one(ReleaseRow, str(ctx.payload[name])) for name in ("older", "newer"))
    ctx.progress(0.1, _COMPARING)
    key = tuple(str(name) for name in ctx.payload["key"])
    found = comparing.made(ctx.files, older, newer, key, ctx.settings.memory_limit_mb, ctx.scratch())
    with ctx.write() as work:
        comparing.keep(work, ctx.payload, found)
    return {"older": older.id, "newer": newer.id} | {
        name: found.counts[name] for name in ("added", "removed", "changed")
    }


JOB: Final = JobKind(comparing.JOB, Text("比较两个版本", "Compare two releases"), run)
