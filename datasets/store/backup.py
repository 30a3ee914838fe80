"""Taking a backup of a living installation.

Files first, then the database, then the files that came meanwhile: so everything that the copied rows cite is there. A file
that was let go of between (a view that was dropped, a release retired) makes the copy of the database be taken anew.
Checkpoints of the record go before the database, keys after it: the record that is put back is never shorter than what was
signed, and whatever is sealed in it has its key.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session, func, select

from auth.audit import AuditEventRow
from core.database_copies import copied, is_sound
from core.errors import InputRefused
from core.files import CHUNK, FileStore
from core.files_s3 import bucket_of
from core.ids import new_id
from core.settings import Settings
from core.text import Text
from core.work import Work
from datasets.store import citations
from datasets.store.backup_book import Manifest, Shelf, Tell, carry, file_digest, write_through
from datasets.store.backup_bucket import BucketShelf

MARKS: Final = ("demo", "demo-played")  # what makes a data directory a demo
_TRIES: Final = 5


def take(settings: Settings, engine: Engine, files: FileStore, shelf: Shelf, now: datetime, tell: Tell) -> Manifest:  # fmt: skip
    """Add a snapshot. Raises Conflict, Unavailable, InputRefused; what was copied so far serves the next try."""
    _demand_apart(settings, shelf)
    begun = time.monotonic()
    with shelf.alone():
        shelf.clean()
        with Session(engine) as db:
            early = citations.cited(Work(db, now, new_id))
        before = {sha256 for sha256, _ in shelf.files.listed()}
        _bring(files, shelf.files, early, tell)
        name = now.strftime("%Y%m%dT%H%M%S.%fZ")
        with shelf.room(name) as room:
            made = _gather(settings, engine, files, shelf, room, name, now, tell)
            sizes = dict(shelf.files.listed())
            told = {
                "size_bytes": sum(sizes.get(each, 0) for each in made.files)
                + sum((room / part).stat().st_size for part in made.parts),
                "copied_bytes": sum(size for each, size in sizes.items() if each not in before),
                "duration_ms": round((time.monotonic() - begun) * 1000),
            }
            made = made.model_copy(update=told)
            shelf.publish(room, made)
    return made


def check(shelf: Shelf, name: str, tell: Tell) -> tuple[Manifest, list[str]]:
    """Read a snapshot and every file it cites again; the files that are missing or damaged."""
    found, bad = shelf.manifest(name), []
    held = {sha256 for sha256, _ in shelf.files.listed()}
    for done, sha256 in enumerate(found.files, 1):
        if sha256 not in held or not shelf.files.verify(sha256):
            bad.append(sha256)
        tell(done, len(found.files))
    return found, bad


def thin(shelf: Shelf, keep: int) -> int:
    """Leave the newest snapshots alone, and remove the others with the files that only they cite; how many snapshots went."""
    with shelf.alone():
        names = shelf.names()
        kept = {each for name in names[-keep:] for each in shelf.read(name).files}
        for name in names[:-keep]:
            shelf.drop(name)
        for sha256 in set(shelf.files.digests()) - kept:
            shelf.files.remove(sha256)
        return len(names[:-keep])


def _gather(
    settings: Settings, engine: Engine, files: FileStore, shelf: Shelf, room: Path, name: str, now: datetime, tell: Tell
) -> Manifest:  # fmt: skip
    _copy_tree(settings.audit_dir / "checkpoints", room / "audit" / "checkpoints")
    for _ in range(_TRIES):
        with copied(engine, room) as db:
            work = Work(db, now, new_id)
            cited, events = (
                citations.cited(work),
                db.exec(select(func.count()).select_from(AuditEventRow)).one(),
            )
            demanded = {each.sha256 for each in citations.demanded(work)}
            bad = _bring(files, shelf.files, cited, tell)
            held = {sha256 for sha256, _ in shelf.files.listed()}
            absent = demanded - held
        with Session(engine) as db:  # what no row demands any more was let go of meanwhile: look anew
            still = {each.sha256 for each in citations.demanded(Work(db, now, new_id))}
        if absent <= still:
            break
    _copy_tree(settings.keys_dir, room / "keys")
    for mark in MARKS:
        if (settings.data_dir / mark).exists():
            write_through(room / mark, [b""])
    if engine.dialect.name == "sqlite" and not is_sound(room / "datagrant.db"):
        raise InputRefused(
            Text("数据库副本未通过 SQLite 自检；请先检查数据库。", "The copy of the database fails SQLite's own check; look at the database first.")
        )  # fmt: skip
    parts = {
        str(path.relative_to(room)): file_digest(path)
        for path in sorted(room.rglob("*")) if path.is_file()
    }  # fmt: skip
    modes = {part: (room / part).stat().st_mode & 0o777 for part in parts}
    return Manifest(
        name=name, made_at=now.isoformat(), database=engine.dialect.name, events=events, parts=parts, modes=modes,
        files=sorted(cited & held), absent=sorted(absent | bad),
    )  # fmt: skip


def _bring(source: FileStore, target: FileStore, digests: set[str], tell: Tell) -> set[str]:
    """What the target does not hold yet; the files whose bytes are not what their name says. A digest that names no file is passed over."""
    there, bad = {sha256 for sha256, _ in target.listed()}, set()
    wanted = sorted((digests & set(source.digests())) - there)
    for done, sha256 in enumerate(wanted, 1):
        if not carry(source, target, sha256) and source.has(sha256):
            bad.add(sha256)
        tell(done, len(wanted))
    return bad


def _copy_tree(source: Path, target: Path) -> None:
    """Every file with its mode, without locks and drafts."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.name != "lock" and not path.name.startswith("."):
            with path.open("rb") as held:
                content = iter(lambda held=held: held.read(CHUNK), b"")  # type: ignore[misc]
                write_through(target / path.relative_to(source), content, path.stat().st_mode & 0o777)


def _demand_apart(settings: Settings, shelf: Shelf) -> None:
    """A backup that lies in what it saves saves nothing, and would be saved itself."""
    if isinstance(shelf, BucketShelf):
        within = bool(settings.store) and shelf.bucket.overlaps(bucket_of(settings))
        what = settings.store
    else:
        here, there, what = settings.data_dir.resolve(), Path(shelf.place), str(settings.data_dir)
        within = here == there or here in there.parents or there in here.parents
    if within:
        raise InputRefused(
            Text(
                f"备份位置 {shelf.place} 与 {what} 不能互相包含；最好放在另一块磁盘或另一个存储。",
                f"The backup {shelf.place} and {what} must not lie within each other; another disk or another store is best.",
            )
        )
