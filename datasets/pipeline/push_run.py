"""A push: our records one after the other to a portal, some in each durable step; one that is refused there stops none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from core.errors import AppError, Unavailable
from core.jobs_run import JobContext, JobKind
from core.text import Text, number_of
from core.work import Work
from datasets.push import queries, sending, service
from datasets.push.portal import Portal
from datasets.push.rules import Json
from datasets.push.tables import PushRunRow, PushTargetRow
from datasets.sources import vault

CHUNK: Final = 20


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Killed at any instant, it goes on with the record it was at; that one is found there by its mark and not entered twice."""
    run_id, after, page, done = str(ctx.payload["run_id"]), "", 0, 0
    _sure(ctx.step("ask", partial(_ask, ctx, run_id)))
    while True:
        sent = _sure(ctx.step(f"send-{page}", partial(_send, ctx, run_id, after, done)))
        if not sent["last"]:
            break
        after, page, done = sent["last"], page + 1, done + sent["count"]
    return ctx.step("close", partial(_close, ctx, run_id))


def _sure(done: dict[str, Any]) -> dict[str, Any]:
    if failed := done.get("failed"):
        raise Unavailable(Text(failed["zh"], failed["en"]))
    return done


def _portal(ctx: JobContext, run_id: str) -> tuple[Portal, PushRunRow, PushTargetRow]:
    with ctx.read() as work:
        found = work.db.get_one(PushRunRow, run_id)
        target = work.db.get_one(PushTargetRow, found.target_id)
    secret = (
        vault.unseal(ctx.settings.keys_dir, f"push:{target.id}", target.secret) if target.secret else None
    )
    return Portal(target.url, secret, ctx.settings), found, target


def _ask(ctx: JobContext, run_id: str) -> dict[str, Any]:
    """Whether anything can be entered there at all; else every record would fail alike."""
    try:
        portal, found, target = _portal(ctx, run_id)
        objection = portal.objection(target.portal_org) if found.mode == "all" else None
    except AppError as refused:
        objection = refused.detail
    return {"failed": {"zh": objection.zh, "en": objection.en}} if objection else {}


def _send(ctx: JobContext, run_id: str, after: str, done: int) -> dict[str, Any]:
    try:
        portal, found, target = _portal(ctx, run_id)
        with ctx.read() as work:
            ids = queries.following(work, target, found.mode, after, CHUNK)
        for each in ids:
            with ctx.read() as work:
                plan = sending.plan(work, run_id, each, ctx.settings.public_url)
            if plan is not None:
                outcome = sending.carry_out(portal, plan, partial(_intend, ctx, run_id, plan))
                with ctx.write() as work:
                    sending.note(work, run_id, plan, outcome)
    except AppError as refused:
        return {"failed": {"zh": refused.detail.zh, "en": refused.detail.en}}
    total = done + len(ids)
    ctx.progress(0.5, Text(f"已处理 {total} 条", f"{number_of(total, 'records')} done"))
    return {"last": ids[-1] if ids else "", "count": len(ids)}


def _intend(ctx: JobContext, run_id: str, plan: sending.Plan, echo: Json, sent: Json) -> None:
    with ctx.write() as work:
        sending.intend(work, run_id, plan, echo, sent)


def _close(ctx: JobContext, run_id: str) -> dict[str, Any]:
    with ctx.write() as work:
        return sending.close(work, run_id)


def unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    """Failed or cancelled: what was sent stays; it is tried again later, or paused after five failures."""
    sending.fail(work, str(payload["run_id"]), why)


JOB: Final = JobKind(service.JOB, Text("推送到门户", "Push to a portal"), run, unwind)
