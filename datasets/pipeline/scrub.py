"""Reading every stored file again: does it still hash to its name, is each that a row needs there, and which does nothing cite?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.sharing import dropping
from datasets.store import service

_PREFIXES: Final = "0123456789abcdef"


def run(ctx: JobContext) -> Mapping[str, Any]:
    """One durable step per first digit, so that an interrupted scrub goes on where it was."""
    checked, damaged = 0, []
    for number, prefix in enumerate(_PREFIXES):

        def look(prefix: str = prefix, number: int = number) -> dict[str, Any]:
            digests = [digest for digest in ctx.files.digests() if digest.startswith(prefix)]
            bad = []
            for place, digest in enumerate(digests):
                if not ctx.files.verify(digest):
                    bad.append(digest)
                share = (number + (place + 1) / len(digests)) / len(_PREFIXES)
                ctx.progress(share, Text(f"正在核对文件 {digest[:8]}…", f"Checking file {digest[:8]}…"))
            return {"checked": len(digests), "damaged": bad}

        part = ctx.step(f"scrub-{prefix}", look)
        checked += part["checked"]
        damaged += part["damaged"]
    if damaged:
        with ctx.write() as work:
            dropping.drop_damaged(work, damaged)
    with ctx.read() as work:
        missing = service.missing(work, ctx.files)
        uncited = service.garbage(work, ctx.files, service.before(work, ctx.job.id))
    size = sum(ctx.files.size_and_age(sha256)[0] for sha256 in uncited if ctx.files.has(sha256))
    return {
        "checked": checked, "damaged": damaged, "missing": len(missing), "missing_rows": missing[:200],
        "uncited": len(uncited), "uncited_bytes": size,
    }  # fmt: skip


JOB: Final = JobKind("store.scrub", Text("核对文件库", "Check the file store"), run)
