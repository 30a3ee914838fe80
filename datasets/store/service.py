"""Asking for a check or a collection of the store, and reading what they found."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import SQLModel, col, func, select

from auth import audit, audit_roles
from auth.actor import SYSTEM, Actor
from auth.audit import AuditEventRow
from core import jobs
from core.errors import NotFound
from core.files import FileStore
from core.jobs import FINAL, JobRow
from core.work import Work
from datasets.store import citations

CHECK: Final = "store.scrub"
COLLECT: Final = "store.collect"
RECORD: Final = "audit.check"
_ASKED: Final = {CHECK: "store.check_asked", COLLECT: "store.collect_asked", RECORD: "audit.check_asked"}
SUBJECT: Final = "store"
BEGUN, TAKEN, CHECKED = "store.backup_begun", "store.backed_up", "store.backup_checked"
_OF_BACKUPS: Final = (BEGUN, TAKEN, CHECKED)
OLD: Final = timedelta(hours=24)
_NAMED: Final = 500  # digests that one event names
Reading = Callable[[], AbstractContextManager[Work]]


class RunRead(SQLModel):
    """A check or a collection: when, how far, and what it found."""

    job_id: str
    state: str
    asked_at: datetime
    ended_at: datetime | None
    result: dict[str, Any] | None


class BackupRead(SQLModel):
    """A backup as the record tells of it: where it lies, what it holds, and when it was last read again.

    `ended_at`: None for one that was begun and did not end. `absent`: files that it lacks. `size_bytes`: what putting it back reads;
    `copied_bytes`: the files among it that no earlier one held. `damaged`: what the last reading found.
    """

    begun_at: datetime
    ended_at: datetime | None
    snapshot: str
    place: str
    files: int | None
    absent: int | None
    size_bytes: int | None
    copied_bytes: int | None
    duration_ms: int | None
    checked_at: datetime | None
    damaged: int | None


class RecordRightsRead(SQLModel):
    """Who the service is to the database that holds the audit record. `may`: what its rights would let it do to the record (`OWN`, `UPDATE`, `DELETE`,
    `TRUNCATE`, `TRIGGER`), triggers apart; empty where a role of its own keeps it from all of it."""

    role: str
    owner: str
    may: list[str]


class StoreRead(SQLModel):
    """The newest check, collection and check of the audit record, None where there was none, and the newest backups, newest first.

    rights: on PostgreSQL, what the service's role may do to the record; None on SQLite.
    """

    check: RunRead | None
    collection: RunRead | None
    record: RunRead | None
    backups: list[BackupRead]
    rights: RecordRightsRead | None


def ask(work: Work, actor: Actor, kind: str) -> RunRead:
    """Have the store checked or collected; one that is on its way is not asked for twice."""
    running = _newest(work, kind)
    if running is not None and running.state not in FINAL:
        return _read(running)
    job_id = jobs.ask_for(work, kind, SUBJECT, requested_by=actor.account_id, org_id=None)
    audit.record(
        work, actor, _ASKED[kind], subject=SUBJECT, payload={"job": job_id}
    )  # fmt: skip
    work.db.flush()
    return _read(work.db.get_one(JobRow, job_id))


def report(work: Work) -> StoreRead:
    """What is known of the store."""
    check, collection, record = (_newest(work, kind) for kind in (CHECK, COLLECT, RECORD))
    rights = audit_roles.rights(work.db.connection())
    return StoreRead(
        check=_read(check) if check else None, collection=_read(collection) if collection else None,
        record=_read(record) if record else None, backups=backups(work),
        rights=None if rights is None else RecordRightsRead(role=rights.role, owner=rights.owner, may=list(rights.may)),
    )  # fmt: skip


def backups(work: Work, most: int = 10) -> list[BackupRead]:
    """The newest backups that were taken of this installation, newest first."""
    wanted = select(AuditEventRow).where(col(AuditEventRow.kind).in_(_OF_BACKUPS))
    events = list(work.db.exec(wanted.order_by(col(AuditEventRow.seq).desc()).limit(most * 6)))
    found: list[BackupRead] = []
    for event in reversed(events):
        said = json.loads(event.payload)
        if event.kind == BEGUN:
            found.append(
                BackupRead(
                    begun_at=event.at, ended_at=None, snapshot="", place=said.get("place", ""), files=None, absent=None, size_bytes=None,
                    copied_bytes=None, duration_ms=None, checked_at=None, damaged=None,
                )
            )  # fmt: skip
        elif event.kind == TAKEN and found and found[-1].ended_at is None:
            found[-1].ended_at, found[-1].snapshot = event.at, said["snapshot"]
            found[-1].files, found[-1].absent = said["files"], said["absent"]
            found[-1].size_bytes, found[-1].copied_bytes = said.get("size_bytes"), said.get("copied_bytes")
            found[-1].duration_ms = said.get("duration_ms")
        else:
            for each in found:
                if each.snapshot and each.snapshot == said["snapshot"] and each.place == said.get("place"):
                    each.checked_at, each.damaged = event.at, said.get("damaged")
    return found[::-1][:most]


def _newest(work: Work, kind: str) -> JobRow | None:
    return work.db.exec(select(JobRow).where(JobRow.kind == kind).order_by(col(JobRow.id).desc())).first()


def _read(row: JobRow) -> RunRead:
    return RunRead(
        job_id=row.id, state=row.state, asked_at=row.created_at, ended_at=row.ended_at,
        result=json.loads(row.result) if row.result else None,
    )  # fmt: skip


def before(work: Work, own_job: str = "") -> float:
    """Files put before this instant may go: a day ago, and before any work that is not yet done, which may hold digests in its book."""
    oldest = work.db.exec(
        select(func.min(JobRow.created_at)).where(col(JobRow.state).not_in(FINAL), JobRow.id != own_job)
    ).one()
    return min((work.now - OLD).timestamp(), oldest.timestamp() if oldest else float("inf"))


def garbage(work: Work, files: FileStore, instant: float) -> list[str]:
    """Files put before that instant that no row cites, in order."""
    held = citations.cited(work)
    return sorted(each for each in files.digests() if each not in held and _is_old(files, each, instant))


def _is_old(files: FileStore, sha256: str, instant: float) -> bool:
    try:
        return files.size_and_age(sha256)[1] < instant
    except NotFound:  # dropped by its own part of the service meanwhile
        return False


def note(work: Work, digests: list[str]) -> None:
    """Write down which files go, before they do."""
    for start in range(0, len(digests), _NAMED):
        named = digests[start : start + _NAMED]
        audit.record(
            work, SYSTEM, "store.collected", subject=SUBJECT, payload={"files": len(named), "sha256": named}
        )


def remove(files: FileStore, reading: Reading, sha256: str, instant: float) -> int | None:
    """Take one file out unless something came to cite it or put it anew; its bytes, None where it stays."""
    try:
        size, _ = files.size_and_age(sha256)
    except NotFound:  # another collection was quicker
        return None

    def is_cited() -> bool:
        with reading() as work:
            return citations.is_cited(work, sha256)

    return size if files.collect(sha256, instant, is_cited) else None


def missing(work: Work, files: FileStore) -> list[dict[str, str]]:
    """Rows whose file is not there."""
    return [
        {"table": each.table, "column": each.column, "id": each.id, "sha256": each.sha256}
        for each in citations.demanded(work)
        if not files.has(each.sha256)
    ]
