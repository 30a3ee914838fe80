"""Carrying a job out: what its body is given, and how its end is written down.

Knows no workflow engine: the worker hands in how a step is made durable, so the same body also runs in place.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from sqlalchemy import Engine

from core import elapsed
from core.errors import AppError
from core.files import FileStore
from core.jobs import FINAL, JobRead, JobRow, JobState, read
from core.settings import Settings
from core.text import Text
from core.work import Clock, IdSource, Work, unit_of_work

T = TypeVar("T")
Lane = Literal["check", "work"]

MAX_ATTEMPTS: Final = 12
"""A job whose worker died so often is taken to be the cause of it."""

_TICK_S: Final = 0.25
_log = logging.getLogger("datagrant.jobs")


class JobCancelled(Exception):
    """Somebody asked for the job to stop, and it stopped."""


class Steps(Protocol):
    """Runs `do` as a named step whose result outlives the process; done once, it is not done again."""

    def __call__(self, name: str, do: Callable[[], T]) -> T: ...


def in_place(name: str, do: Callable[[], T]) -> T:  # noqa: ARG001 - the shape of `Steps`
    """Steps without durability, for running a body where one stands."""
    return do()


@dataclass(slots=True)
class JobContext:
    """What the body of a job works with. Steps must be idempotent: a killed worker repeats the interrupted one."""

    engine: Engine
    files: FileStore
    settings: Settings
    clock: Clock
    new_id: IdSource
    job: JobRead
    payload: Mapping[str, Any]
    steps: Steps = in_place
    _told_at: float = field(default=0.0)

    @contextmanager
    def write(self) -> Iterator[Work]:
        with unit_of_work(self.engine, self.clock, self.new_id) as work:
            yield work

    @contextmanager
    def read(self) -> Iterator[Work]:
        with unit_of_work(self.engine, self.clock, self.new_id, write=False) as work:
            yield work

    def step(self, name: str, do: Callable[[], T]) -> T:
        """A durable step; `do` returns a JSON value."""
        self.raise_if_cancelled()
        return self.steps(name, do)

    def progress(self, fraction: float, said: Text) -> None:
        """Tell how far it is (0 to 1), at most four times a second; raises JobCancelled when asked to stop."""
        if time.monotonic() - self._told_at < _TICK_S:
            return
        self._told_at = time.monotonic()
        with self.write() as work:
            row = work.db.get_one(JobRow, self.job.id)
            if row.cancel_requested:
                raise JobCancelled
            row.progress, row.message_zh, row.message_en = min(max(fraction, 0.0), 1.0), said.zh, said.en
            work.db.add(row)

    def part(self, start: float, end: float) -> Callable[[float, Text], None]:
        """A progress function for a part of the work that spans `start` to `end` of the whole."""
        return lambda fraction, said: self.progress(start + (end - start) * fraction, said)

    def scratch(self, suffix: str = "") -> Path:
        """A fresh name in this job's own room; the room is emptied when the job ends and when a worker starts."""
        room = scratch_room(self.settings) / self.job.id
        room.mkdir(parents=True, exist_ok=True)
        return room / f"{secrets.token_hex(8)}{suffix}"

    def raise_if_cancelled(self) -> None:
        with self.read() as work:
            if work.db.get_one(JobRow, self.job.id).cancel_requested:
                raise JobCancelled


Body = Callable[[JobContext], Mapping[str, Any]]
Unwind = Callable[[Work, Mapping[str, Any], Text], None]
Refused = Callable[[Work, Mapping[str, Any], AppError], None]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of long work. `run` returns the result; `unwind(work, payload, why)` puts things right when it fails or is cancelled.

    `refused(work, payload, refusal)`: does so in its place where `run` said no, for a kind in which it matters what said no.
    """

    name: str
    title: Text
    run: Body
    unwind: Unwind | None = None
    lane: Lane = "work"
    refused: Refused | None = None


def scratch_room(settings: Settings) -> Path:
    """Where jobs keep half-made files: the file system of the store, so that adopting one is a rename."""
    return settings.files_dir / "stage" / "jobs"


def perform(ctx: JobContext, kind: JobKind) -> None:
    """Carry the job out and write its end; a job that has ended already is left alone."""
    try:
        with elapsed.counted():
            _perform(ctx, kind)
    finally:
        shutil.rmtree(scratch_room(ctx.settings) / ctx.job.id, ignore_errors=True)


def _perform(ctx: JobContext, kind: JobKind) -> None:
    if (refused := _begin(ctx)) is not None:
        return _end(ctx, kind, *refused)
    try:
        result = dict(kind.run(ctx))
    except JobCancelled:
        _end(ctx, kind, JobState.CANCELLED, Text("已按要求取消。", "Cancelled as asked."))
    except AppError as refusal:
        _log.info("job %s (%s) refused: %s", ctx.job.id, kind.name, refusal)
        _end(ctx, kind, JobState.FAILED, refusal.detail, refusal)
    except Exception as fault:
        _log.exception("job %s (%s) broke", ctx.job.id, kind.name)
        what = type(fault).__name__
        said = Text(
            f"任务因内部错误（{what}）停止，数据未受影响；请重试，仍失败时请把任务编号交给系统管理员。",
            f"The job stopped on an internal error ({what}); no data was changed. Try again; if it fails again, give the job's id to the system administrator.",
        )
        _end(ctx, kind, JobState.FAILED, said)
    else:
        _end(ctx, kind, JobState.DONE, Text("完成。", "Done."), result=result)


def _begin(ctx: JobContext) -> tuple[JobState, Text] | None:
    """Note one more attempt. Returns the end to write at once when the job must not run."""
    with ctx.write() as work:
        row = work.db.get_one(JobRow, ctx.job.id)
        if row.state in FINAL:
            return JobState(row.state), Text(row.message_zh, row.message_en)
        if row.cancel_requested:
            return JobState.CANCELLED, Text("开始前已取消。", "Cancelled before it began.")
        row.attempts += 1
        if row.attempts > MAX_ATTEMPTS:
            return JobState.FAILED, Text(
                f"任务已中断 {MAX_ATTEMPTS} 次，不再重试；请检查输入文件大小与内存设置。",
                f"The job was interrupted {MAX_ATTEMPTS} times and is not tried again; check the size of the input and the memory settings.",
            )
        row.state, row.started_at = JobState.RUNNING, row.started_at or work.now
        work.db.add(row)
    return None


def _end(
    ctx: JobContext,
    kind: JobKind,
    state: JobState,
    said: Text,
    refusal: AppError | None = None,
    *,
    result: Mapping[str, Any] | None = None,
) -> None:
    unwind = kind.unwind if state is not JobState.DONE else None
    if refusal is not None and (refused := kind.refused) is not None:

        def unwind(work: Work, payload: Mapping[str, Any], _: Text) -> None:
            refused(work, payload, refusal)

    try:
        _write_end(ctx, unwind, state, said, refusal, result)
    except Exception:
        if unwind is None:
            raise
        _log.exception("job %s (%s) could not be unwound; it ends all the same", ctx.job.id, kind.name)
        _write_end(ctx, None, state, said, refusal, result)


def _write_end(
    ctx: JobContext,
    unwind: Unwind | None,
    state: JobState,
    said: Text,
    refusal: AppError | None,
    result: Mapping[str, Any] | None,
) -> None:
    with ctx.write() as work:
        row = work.db.get_one(JobRow, ctx.job.id)
        if row.state in FINAL:
            return
        row.state, row.ended_at = state, work.now
        row.message_zh, row.message_en = said.zh, said.en
        if state is JobState.DONE:
            row.progress, row.result = 1.0, json.dumps(result, ensure_ascii=False)
        else:
            row.error = json.dumps(_problem(said, refusal), ensure_ascii=False)
        if unwind:
            unwind(work, ctx.payload, said)
        work.db.add(row)


def _problem(said: Text, refusal: AppError | None) -> dict[str, Any]:
    """The stored form of a failure: both languages, every reason."""
    reasons = refusal.reasons if refusal else ()
    return {
        "slug": refusal.slug if refusal else "job-failed",
        "zh": said.zh,
        "en": said.en,
        "reasons": [{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
    }


def context_for(
    engine: Engine,
    files: FileStore,
    settings: Settings,
    clock: Clock,
    new_id: IdSource,
    row: JobRow,
    steps: Steps = in_place,
) -> JobContext:
    """The context for one job."""
    return JobContext(engine, files, settings, clock, new_id, read(row), json.loads(row.payload), steps)
