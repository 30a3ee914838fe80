"""A look into a source: fetch what is new into the file store, hand it in as batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from core.errors import AppError, Unavailable
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets.sources import handing, kinds, service
from datasets.sources.tables import SourceRow, SourceRunRow
from datasets.sources.workflow import Outcome

_FETCH_UNTIL: Final = 0.95


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two durable steps: what was fetched is in the store before the second begins, and the second is one transaction."""
    run_id = str(ctx.payload["run_id"])
    caught = ctx.step("fetch", lambda: _fetch(ctx, run_id))
    if failed := caught.get("failed"):
        raise Unavailable(Text(failed["zh"], failed["en"]))
    done = ctx.step("hand-in", lambda: _hand_in(ctx, run_id, caught))
    if done["outcome"] == Outcome.FAILED:
        raise Unavailable(Text(done["said"]["zh"], done["said"]["en"]))
    return done


def _fetch(ctx: JobContext, run_id: str) -> dict[str, Any]:
    """What the source gave, as JSON; a refusal is an answer too, so that the step's result can be kept."""
    with ctx.read() as work:
        row = work.db.get_one(SourceRow, work.db.get_one(SourceRunRow, run_id).source_id)
        now = work.now
    try:
        ask = replace(service.look(row, ctx.settings, now), progress=ctx.part(0.0, _FETCH_UNTIL))
        return handing.as_data(kinds.fetch(ask, kinds.config_of(row.config), ctx.files))
    except AppError as refused:
        return {"failed": {"zh": refused.detail.zh, "en": refused.detail.en}}


def _hand_in(ctx: JobContext, run_id: str, caught: Mapping[str, Any]) -> dict[str, Any]:
    with ctx.write() as work:
        return handing.hand_in(work, run_id, caught)


def unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    """Failed or cancelled: the run says so, and the source is tried again later, or paused."""
    handing.fail(work, str(payload["run_id"]), why)


JOB: Final = JobKind(service.RUN, Text("读取数据来源", "Look into a source"), run, unwind)
