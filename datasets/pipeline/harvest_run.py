"""A harvest: page after page fetched and taken, each a durable step; then what the source lists no more is let go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from catalog.harvest.records import Fault, Record, Unreadable
from core.errors import AppError, Unavailable
from core.jobs_run import JobContext, JobKind
from core.text import Text, number_of
from core.work import Work
from datasets.harvest import reading, service, taking
from datasets.harvest.tables import HarvestRunRow, HarvestSourceRow

MOST_PAGES: Final = 2000
CHUNK: Final = 50


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Killed at any instant, it goes on at the page where it was; items that are written are not written again."""
    run_id = str(ctx.payload["run_id"])
    url, start, former, is_unchanged = "", 1, "", False
    pages: dict[str, Any] = {}
    for page in range(MOST_PAGES):
        got = _sure(ctx.step(f"fetch-{page}", partial(_fetch, ctx, run_id, url)))
        if got["sha256"] == former or got["url"] in pages:
            raise Unavailable(
                Text(
                    "来源的两页完全相同，或又回到前面的一页，分页不可靠；已停止。",
                    "Two pages of the source are equal, or it leads back to an earlier one, so its paging cannot be trusted; stopped.",
                )
            )
        pages[got["url"]] = got["memory"]
        if is_unchanged := page == 0 and got["unchanged"] and got["settled"]:
            break
        done = _sure(ctx.step(f"take-{page}", partial(_take, ctx, run_id, got, start)))
        former, url, start = got["sha256"], done["next"], start + done["count"]
        if not url:
            break
    else:
        raise Unavailable(Text(f"超过 {MOST_PAGES} 页。", f"There are more than {MOST_PAGES} pages."))
    memory = {where: kept for where, kept in pages.items() if kept}
    return ctx.step("close", lambda: _close(ctx, run_id, memory, is_unchanged))


def _sure(done: dict[str, Any]) -> dict[str, Any]:
    if failed := done.get("failed"):
        raise Unavailable(Text(failed["zh"], failed["en"]))
    return done


def _source(ctx: JobContext, run_id: str) -> HarvestSourceRow:
    with ctx.read() as work:
        return work.db.get_one(HarvestSourceRow, work.db.get_one(HarvestRunRow, run_id).source_id)


def _fetch(ctx: JobContext, run_id: str, url: str) -> dict[str, Any]:
    source = _source(ctx, run_id)
    try:
        with ctx.read() as work:
            ask = reading.ask_of(work, source, ctx.settings)
            lets_go = work.db.get_one(HarvestRunRow, run_id).lets_go
        where = url or reading.first_url(source)
        return reading.fetched(ask, source, where, ctx.files) | {
            "url": where, "settled": reading.is_settled(source) and not lets_go
        }  # fmt: skip
    except AppError as refused:
        return {"failed": {"zh": refused.detail.zh, "en": refused.detail.en}}


def _take(ctx: JobContext, run_id: str, got: Mapping[str, Any], start: int) -> dict[str, Any]:
    source = _source(ctx, run_id)
    data = ctx.files.path(got["sha256"]).read_bytes()
    try:
        found = reading.read(source, got["url"], data)
    except Unreadable as fault:
        return {"failed": {"zh": fault.why.zh, "en": fault.why.en}}
    both: list[Record | Fault] = [*found.records, *found.faults]
    for at in range(0, len(both), CHUNK):
        with ctx.write() as work:
            taking.take(work, run_id, start + at, both[at : at + CHUNK])
        ctx.progress(
            min(0.95, at / max(1, len(both))),
            Text(f"已处理 {start + at - 1} 条", f"{number_of(start + at - 1, 'records')} done"),
        )
    # CKAN pages by place in its own list: faults and inactive packages take a place there too
    following = reading.following(source, got["url"], data, found, _place_after(got["url"]))
    return {"count": len(both), "next": following}


def _place_after(url: str) -> int:
    from urllib.parse import parse_qs, urlsplit

    from catalog.harvest.ckan import PAGE

    return int(parse_qs(urlsplit(url).query).get("start", ["0"])[0]) + PAGE


def _close(ctx: JobContext, run_id: str, memory: dict[str, Any], is_unchanged: bool) -> dict[str, Any]:
    with ctx.write() as work:
        return taking.close(work, run_id, memory, is_unchanged=is_unchanged)


def unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    """Failed or cancelled: nothing is deleted; the source is tried again later, or paused after five failures."""
    taking.fail(work, str(payload["run_id"]), why)


JOB: Final = JobKind(service.JOB, Text("采集外部目录", "Harvest an outside catalogue"), run, unwind)
