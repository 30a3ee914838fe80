"""Reading every stored file again: does it still hash to its name?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text

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
    return {"checked": checked, "damaged": damaged}


JOB: Final = JobKind("store.scrub", Text("核对文件库", "Check the file store"), run)
