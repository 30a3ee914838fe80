"""Durable jobs: each `JobRow` becomes a workflow of the same id, whose finished steps survive any death of the process.

The only door to the workflow engine. It keeps its own book (`jobs.db`, or schema `dbos` of the same PostgreSQL database),
talks to nobody, and is launched in the worker alone.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions
from sqlalchemy import Engine, create_engine, event
from sqlmodel import col, select

from api.house import House, open_house
from api.mailing import send_mail
from api.outflow import send_due
from api.stamps import Stamper
from api.webhooks import send_webhooks
from api.witness import Sealer
from auth import deadlines
from auth.actor import SYSTEM, Actor
from auth.anomalies import service as anomalies
from auth.identity import principals
from auth.policy.filters.model import RowFilter
from catalog.proposals import timing
from catalog.search import saved
from core.db import BUSY_SECONDS, kept_to_its_file
from core.errors import AppError
from core.jobs import JobRow, JobState, ask_for
from core.jobs_run import JobKind, Lane, context_for, in_place, perform, scratch_room
from core.settings import Settings
from core.text import Text
from core.work import Work
from datasets import carrying
from datasets.extracts.apart import SPARE
from datasets.extracts.queries import filters_of
from datasets.harvest import queries as harvests
from datasets.harvest.service import start_due as start_due_harvest
from datasets.links import service as links
from datasets.outputs import opening as outputs
from datasets.pipeline import kinds
from datasets.push import queries as pushes
from datasets.push.service import start_due as start_due_push
from datasets.queries.queries import conditions_of
from datasets.releases import retention_clock
from datasets.sharing import dropping
from datasets.sources import queries as sources
from datasets.sources.service import start_due
from datasets.store.service import RECORD, SUBJECT
from datasets.tickets import deadlines as tickets
from datasets.trends import service as trends

T = TypeVar("T")
_NAME: Final = "datagrant"
_LANES: Final[dict[Lane, int]] = {"check": 1, "work": 2}
_LOOK_S: Final = 0.15
_RECONCILE_S: Final = 5.0
_DEADLINES_S: Final = 30.0
SCRUB: Final = "store.scrub"
_DEAD: Final = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_UNKNOWN: Final = JobKind("unknown", Text("未知任务", "Unknown job"), lambda _ctx: _no_such_kind())
_log = logging.getLogger("datagrant.worker")


def _no_such_kind() -> dict[str, Any]:
    raise LookupError("no such kind of job")


def _book(settings: Settings) -> DBOSConfig:
    """Where the engine keeps its book."""
    if settings.database.startswith("sqlite"):
        return {"name": _NAME, "system_database_engine": _engine_of_book(settings.data_dir / "jobs.db")}
    return {
        "name": _NAME,
        "system_database_url": settings.database.replace("postgresql+psycopg://", "postgresql://", 1),
    }


def _engine_of_book(file: Path) -> Engine:
    """As the workflow engine makes its own, but never in the place of a file that is gone."""
    engine = create_engine(f"sqlite:///{file}", pool_size=20, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _on_connect(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = "IMMEDIATE"
        raw.execute("PRAGMA foreign_keys=ON")

    return kept_to_its_file(engine)


def _config(settings: Settings) -> DBOSConfig:
    return _book(settings) | DBOSConfig(
        name=_NAME, application_version="1", executor_id="worker",
        enable_otlp=False, log_level="ERROR", notification_listener_polling_interval_sec=1.0,
    )  # fmt: skip


def _durable(name: str, do: Callable[[], T]) -> T:
    return DBOS.run_step(StepOptions(name=name), do)


class Floor:
    """The worker's floor: takes queued jobs, holds each lane to its width, sees that no running job is forgotten."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.active: dict[str, Lane] = {}
        self._guard = threading.Lock()
        self._gates = {lane: threading.Semaphore(width) for lane, width in _LANES.items()}

    def run(self, job_id: str) -> None:
        """Body of every workflow."""
        with self.house.read() as work:
            row = work.db.get(JobRow, job_id)
        if row is None:
            return
        kind = kinds().get(row.kind, _UNKNOWN)
        with self._guard:
            self.active[job_id] = kind.lane
        try:
            with self._gates[kind.lane]:
                house = self.house
                perform(
                    context_for(
                        house.engine, house.files, house.settings, house.clock, house.new_id, row, _durable
                    ),
                    kind,
                )
        finally:
            with self._guard:
                self.active.pop(job_id, None)

    def take(self) -> int:
        """Start what is queued as far as the lanes have room; returns the number of jobs still wanted."""
        with self.house.read() as work:
            rows = work.db.exec(
                select(JobRow).where(JobRow.state == JobState.QUEUED).order_by(col(JobRow.id)).limit(200)
            ).all()
        with self._guard:
            active = dict(self.active)
        room = {lane: width - list(active.values()).count(lane) for lane, width in _LANES.items()}
        for row in rows:
            lane = kinds().get(row.kind, _UNKNOWN).lane
            if row.id not in active and room[lane] > 0:
                room[lane] -= 1
                self._start(row.id, lane)
        return len(rows) + len(active)

    def _start(self, job_id: str, lane: Lane) -> None:
        with self._guard:
            self.active[job_id] = lane
        with SetWorkflowID(job_id):
            handle = DBOS.start_workflow(_job, job_id)
        if handle.get_status().status in _DEAD:  # its book says ended, the row does not: run it in place once
            self.run(job_id)

    def reconcile(self) -> None:
        """Take up jobs that are running by their row but by nobody's book (a restored or lost `jobs.db`)."""
        with self.house.read() as work:
            rows = work.db.exec(select(JobRow).where(JobRow.state == JobState.RUNNING)).all()
        for row in rows:
            if row.id in self.active:
                continue
            status = DBOS.get_workflow_status(row.id)
            if status is None or status.status in _DEAD:
                self._start(row.id, kinds().get(row.kind, _UNKNOWN).lane)


_floor: Floor | None = None


@DBOS.workflow(name="job", max_recovery_attempts=1000)
def _job(job_id: str) -> None:
    assert _floor is not None  # noqa: S101 - set before launch
    _floor.run(job_id)


def serve_jobs(settings: Settings, stop: threading.Event, *, idle_exit: float | None, grace_s: float) -> None:
    """Work until `stop` is set, or until nothing was wanted for `idle_exit` seconds."""
    global _floor
    house = open_house(settings)
    _sweep(settings)
    _floor = floor = Floor(house)
    DBOS(config=_config(settings))
    DBOS.launch()
    if idle_exit is None:
        _warm()
        SPARE.keep()
    last_busy = last_reconciled = time.monotonic()
    last_noted, sealer, stamper = 0.0, Sealer(house), Stamper(house)
    while not stop.wait(_LOOK_S):
        now = time.monotonic()
        try:
            if floor.take():
                last_busy = now
            if now - last_reconciled > _RECONCILE_S:
                last_reconciled = now
                floor.reconcile()
            sealer.look(now)
            if now - last_noted > _DEADLINES_S:
                last_noted = now
                stamper.look(now)
                note_deadlines(house)
                drop_views(house)
                retire_releases(house)
                publish_due(house)
                note_quality(house)
                look_for_anomalies(house)
                start_due_sources(house)
                start_due_harvests(house)
                start_due_pushes(house)
                tell_of_searches(house)
                send_due(house)
                send_mail(house)
                send_webhooks(house)
                ask_for_scrub(house)
                ask_for_record_check(house)
                ask_for_link_look(house)
        except Exception:
            _log.exception("the worker's look at the queue failed; trying again")
            stop.wait(1)
        if idle_exit is not None and now - last_busy > idle_exit:
            break
    _let_finish(floor, grace_s)
    SPARE.end()
    if floor.active:
        # To close the book under a running job would make the job fail. A sudden end, with the lock still held, is
        # survived like any other death: its steps go on at the next start.
        os._exit(0)
    DBOS.destroy(workflow_completion_timeout_sec=0)
    house.engine.dispose()


def note_deadlines(house: House) -> int:
    """Write down which grants and applications have ended by time and which tickets and output reviews are overdue; returns their number."""
    with house.read() as work:
        due = (
            deadlines.is_anything_due(work),
            tickets.is_anything_due(work),
            outputs.overdue(work),
            carrying.left(work),
        )
        if not any(due):
            return 0
    with house.write() as work:
        done = deadlines.note_due(work) + tickets.note_due(work) + outputs.tell_overdue(work)
        return done + carrying.sweep(work)


def drop_views(house: House) -> int:
    """Drop the views that nobody may read any more or that the cache has no room for, and remove their files."""
    quota = house.settings.view_cache_bytes
    with house.read() as work:
        is_due, left = dropping.is_anything_to_drop(work, quota_bytes=quota), dropping.to_remove(work)
    dropped = 0
    if is_due:
        with house.write() as work:
            dropped = dropping.drop_ended(work, quota_bytes=quota)
        with house.read() as work:
            left = dropping.to_remove(work)
    for key in left:
        with house.write() as work:
            dropping.remove_one(work, key, house.files)
    return dropped


def retire_releases(house: House) -> int:
    """Once a day, apply the rules of retention that apply themselves; returns the number of releases retired or announced."""
    with house.read() as work:
        if not retention_clock.is_anything_due(work):
            return 0
    with house.write() as work:
        return retention_clock.sweep(work)


def publish_due(house: House) -> int:
    """Let proposals stand that were accepted for a moment which has come; what no longer fits its record goes back. Returns how many stand."""
    with house.read() as work:
        found = timing.due(work)
    done = 0
    for each in found:
        try:
            with house.write() as work:
                done += timing.carry_out(work, each) is not None
        except AppError as refusal:
            with house.write() as work:
                timing.lapse(work, each, refusal)
    return done


def note_quality(house: House) -> int:
    """Once a day, write down how the departments' records stand; returns the number of departments."""
    with house.read() as work:
        if not trends.is_due(work):
            return 0
        measured = trends.measure(work)
    with house.write() as work:
        return trends.keep(work, measured)


def _conditions(work: Work, subjects: Sequence[str]) -> Mapping[str, RowFilter]:
    """What extracts and questions were asked with."""
    return {**filters_of(work, subjects), **conditions_of(work, subjects)}


def look_for_anomalies(house: House) -> int:
    """Apply the anomaly rules to what was used since the last look; returns the number of findings."""
    with house.read() as work:
        if not anomalies.is_anything_due(work):
            return 0
    with house.write() as work:
        return anomalies.sweep(work, _conditions)


def start_due_sources(house: House) -> int:
    """Begin a look into every source whose time has come; returns their number."""
    with house.read() as work:
        if not sources.is_any_due(work):
            return 0
    with house.write() as work:
        return start_due(work)


def start_due_harvests(house: House) -> int:
    """Begin the harvests whose time has come; returns their number."""
    with house.read() as work:
        if not (harvests.due(work) or harvests.forgotten(work)):
            return 0
    with house.write() as work:
        return start_due_harvest(work)


def start_due_pushes(house: House) -> int:
    """Begin the pushes whose time has come, and those of records that must leave a portal; returns their number."""
    with house.read() as work:
        if not (pushes.due(work) or pushes.forgotten(work)):
            return 0
    with house.write() as work:
        return start_due_push(work)


def tell_of_searches(house: House) -> int:
    """Tell owners of saved searches what is new in them; returns the number of messages."""
    with house.read() as work:
        if not saved.is_anything_due(work):
            return 0
    with house.write() as work:
        return saved.tell(work, _actor_of)


def _actor_of(work: Work, account_id: str) -> Actor | None:
    found = principals.principal(work, account_id, "token")
    return found.actor if found else None


def ask_for_scrub(house: House) -> bool:
    """Once a week every stored file is read again; the first time a week after the installation's first job."""
    return _ask_each(house, timedelta(days=7), SCRUB, "store/all")


def ask_for_record_check(house: House) -> bool:
    """Once a day the whole audit record is read again; the first time a day after the installation's first job."""
    return _ask_each(house, timedelta(days=1), RECORD, SUBJECT)


def ask_for_link_look(house: House) -> bool:
    """Once a day the links of records are looked at, where the installation says how many (`link_looks`)."""
    return bool(house.settings.link_looks) and _ask_each(house, timedelta(days=1), links.LOOK, links.SUBJECT)


def _ask_each(house: House, often: timedelta, kind: str, subject: str) -> bool:
    with house.read() as work:
        before = work.now - often
        first = work.db.exec(select(JobRow.created_at).order_by(col(JobRow.id)).limit(1)).first()
        wanted = select(JobRow.id).where(JobRow.kind == kind, JobRow.created_at > before)
        if first is None or first > before or work.db.exec(wanted).first() is not None:
            return False
    with house.write() as work:
        ask_for(work, kind, subject, requested_by=SYSTEM.account_id, org_id=None)
    return True


def _let_finish(floor: Floor, grace_s: float) -> None:
    deadline = time.monotonic() + grace_s
    while floor.active and time.monotonic() < deadline:
        time.sleep(0.05)


def _sweep(settings: Settings) -> None:
    """Remove what dead processes left half-made: jobs' rooms at once (no other worker lives), uploads after a day."""
    shutil.rmtree(scratch_room(settings), ignore_errors=True)
    long_ago = time.time() - 86_400
    for path in (settings.files_dir / "stage").glob("*"):
        if path.is_file() and path.stat().st_mtime < long_ago:
            path.unlink(missing_ok=True)


def _warm() -> None:
    """Import the quality engine while nobody waits for it (about ten seconds)."""

    def load() -> None:
        from quality.gx.door import opened

        opened()

    threading.Thread(target=load, name="warm-up", daemon=True).start()


def anything_queued(settings: Settings) -> bool:
    """Whether some job waits for a worker."""
    house = open_house(settings)
    try:
        with house.read() as work:
            return work.db.exec(select(JobRow.id).where(JobRow.state == JobState.QUEUED)).first() is not None
    finally:
        house.engine.dispose()


def drain(house: House, limit: int = 1000) -> int:
    """Run queued jobs here and now, oldest first, until none is left; returns how many ran.

    For programs that own their house (tests, the demonstration); steps are not durable here.
    """
    for done in range(limit):
        with house.read() as work:
            row = work.db.exec(
                select(JobRow).where(JobRow.state == JobState.QUEUED).order_by(col(JobRow.id))
            ).first()
        if row is None:
            return done
        kind = kinds().get(row.kind, _UNKNOWN)
        perform(
            context_for(house.engine, house.files, house.settings, house.clock, house.new_id, row, in_place),
            kind,
        )
    return limit
