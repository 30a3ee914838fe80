"""Reading the whole audit record again: chain, checkpoints, and what stands beside the events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auth.proof import looking
from auth.proof.checkpoint import Place
from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.store import service


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Read in one transaction, note in another: a reader holds up nobody who writes."""
    place = Place.of(ctx.settings)

    def look() -> dict[str, Any]:
        with ctx.read() as work:
            found = looking.verified(work, place)
        with ctx.write() as work:
            return looking.note(work, found).model_dump(mode="json")

    return ctx.step("look", look)


JOB: Final = JobKind(service.RECORD, Text("核对审计记录", "Check the audit record"), run)
