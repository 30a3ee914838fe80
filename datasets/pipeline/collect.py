"""Taking files out of the store that nothing cites any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.store import service


def run(ctx: JobContext) -> Mapping[str, Any]:
    """First the record of what goes, then one file after the other, each asked about again. A killed run begins again."""
    with ctx.write() as work:
        instant = service.before(work, ctx.job.id)
        digests = service.garbage(work, ctx.files, instant)
        service.note(work, digests)
    sizes = []
    for place, sha256 in enumerate(digests):
        ctx.progress(place / len(digests), Text(f"正在清理 {sha256[:8]}…", f"Removing {sha256[:8]}…"))
        size = service.remove(ctx.files, ctx.read, sha256, instant)
        sizes += [] if size is None else [size]
    return {
        "removed": len(sizes),
        "bytes": sum(sizes),
        "kept": len(digests) - len(sizes),
        "staged_removed": ctx.files.drop_staged(instant),
    }


JOB: Final = JobKind(service.COLLECT, Text("清理文件库", "Collect what nothing cites"), run)
