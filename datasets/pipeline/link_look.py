"""Looking at the links of records: gathered first, then asked one by one with a pause for each host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets.links import asking, rules, service
from datasets.links.rules import Outcome
from datasets.sources.guard import Allowed

_GATHERED: Final = 200
_ASKED: Final = 20


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Every part is a step: after a death it goes on where it was, and what was asked is not asked again."""
    most = ctx.settings.link_looks or service.USUAL
    ctx.step("gather", lambda: _gather(ctx))
    keys = ctx.step("choose", lambda: _chosen(ctx, most))
    told = {outcome.value: 0 for outcome in Outcome if outcome is not Outcome.NEW}
    asked_at: dict[str, float] = {}
    weary: set[str] = set()
    for at in range(0, len(keys), _ASKED):
        part = keys[at : at + _ASKED]
        found = ctx.step(f"look-{at}", partial(_look, ctx, part, at / len(keys), asked_at, weary))
        for outcome, number in found.items():
            told[outcome] += number
    return {"looked": sum(told.values()), **told}


def _gather(ctx: JobContext) -> int:
    with ctx.read() as work:
        held = service.holding(work)
    for at in range(0, len(held), _GATHERED):
        with ctx.write() as work:
            service.gather(work, held[at : at + _GATHERED], ctx.settings.public_url)
        ctx.progress(
            0.0, Text(f"汇总链接：{at} / {len(held)} 条记录", f"Gathering links: {at} of {len(held)} records")
        )
    with ctx.write() as work:
        service.forget(work)
    return len(held)


def _chosen(ctx: JobContext, most: int) -> list[str]:
    with ctx.read() as work:
        return service.chosen(work, most)


def _look(
    ctx: JobContext, keys: list[str], fraction: float, asked_at: dict[str, float], weary: set[str]
) -> dict[str, int]:
    """`asked_at`: when each host was last asked; `weary`: hosts that asked to be left alone, for the rest of the run."""
    allowed = Allowed.parse(ctx.settings.source_allow)
    told: dict[str, int] = {}
    for key in keys:
        with ctx.read() as work:
            row = service.link(work, key)
            if row is None or row.due_at > work.now or row.host in weary:
                continue
        wait = asked_at.get(row.host, float("-inf")) + rules.PAUSE_S - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        answer = asking.look(row.url, row.etag, row.last_modified, allowed, ctx.settings.public_url)
        asked_at[row.host] = time.monotonic()
        if answer.wait:
            weary.add(row.host)
        with ctx.write() as work:
            service.note(work, key, answer)
        told[answer.outcome] = told.get(answer.outcome, 0) + 1
        ctx.progress(fraction, Text(f"检查 {row.host}", f"Looking at {row.host}"))
    return told


JOB: Final = JobKind(service.LOOK, Text("检查链接", "Look at links"), run)
