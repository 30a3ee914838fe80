"""Taking a backup of a living installation.

Files first, then the database, then the files that came meanwhile: so everything that the copied rows cite is there. A file
that was let go of between (a view that was dropped, a release retired) makes the copy of the database be taken anew.
Checkpoints of the record go before the database, keys after it: the record that is put back is never shorter than what was
signed, and whatever is sealed in it has its key.
"""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session, func, select

from auth.audit import AuditEventRow
from core.database_copies import copied, is_sound
from core.errors import InputRefused
from core.files import FileStore
from core.ids import new_id
from core.settings import Settings
from core.text import Text
from core.work import Work
from datasets.store import citations
from datasets.store.backup_book import (
    MAKING,
    MANIFEST,
    Manifest,
    Shelf,
    Tell,
    carry,
    file_digest,
    flush,
    write_through,
)

MARKS: Final = ("demo", "demo-played")  # what makes a data directory a demo
_TRIES: Final = 5


def take(
    settings: Settings, engine: Engine, files: FileStore, out: Path, now: datetime, tell: Tell
) -> Manifest:
    """Add a snapshot to the folder. Raises Conflict, Unavailable, InputRefused; what was copied so far serves the next try."""
    _demand_apart(settings.data_dir, out)
    shelf = Shelf(out)
    with shelf.alone():
        for left in shelf.snapshots.glob(f"{MAKING}*"):
            shutil.rmtree(left)
        shelf.files.drop_staged(time.time() + 60)
        with Session(engine) as db:
            early = citations.cited(Work(db, now, new_id))
        _bring(files, shelf.files, early, tell)
        return _snapshot(settings, engine, files, shelf, now, tell)


def check(out: Path, name: str, tell: Tell) -> tuple[Manifest, list[str]]:
    """Read a snapshot and every file it cites again; the files that are missing or damaged."""
    shelf = Shelf(out)
    found, bad = shelf.manifest(name), []
    for done, sha256 in enumerate(found.files, 1):
        if not shelf.files.has(sha256) or not shelf.files.verify(sha256):
            bad.append(sha256)
        tell(done, len(found.files))
    return found, bad


def thin(out: Path, keep: int) -> int:
    """Leave the newest snapshots alone, and remove the others with the files that only they cite; how many snapshots went."""
    shelf = Shelf(out)
    with shelf.alone():
        names = shelf.names()
        kept = {each for name in names[-keep:] for each in shelf.manifest(name).files}
        for name in names[:-keep]:
            gone = shelf.snapshots / f"{MAKING}{name}"  # by one step no snapshot any more
            (shelf.snapshots / name).rename(gone)
            shutil.rmtree(gone)
        for sha256 in set(shelf.files.digests()) - kept:
            shelf.files.remove(sha256)
        return len(names[:-keep])


def _snapshot(settings: Settings, engine: Engine, files: FileStore, shelf: Shelf, now: datetime, tell: Tell) -> Manifest:  # fmt: skip
    name = now.strftime("%Y%m%dT%H%M%S.%fZ")
    room = shelf.snapshots / f"{MAKING}{name}"
    room.mkdir(mode=0o700)
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
            absent = {each for each in demanded if not shelf.files.has(each)}
        with Session(engine) as db:  # what no row demands any more was let go of meanwhile: look anew
            still = {each.sha256 for each in citations.demanded(Work(db, now, new_id))}
        if absent <= still:
            break
    _copy_tree(settings.keys_dir, room / "keys")
    for mark in MARKS:
        if (settings.data_dir / mark).exists():
            write_through(room / mark, b"")
    if engine.dialect.name == "sqlite" and not is_sound(room / "datagrant.db"):
        raise InputRefused(
            Text("数据库副本未通过 SQLite 自检；请先检查数据库。", "The copy of the database fails SQLite's own check; look at the database first.")
        )  # fmt: skip
    parts = {
        str(path.relative_to(room)): file_digest(path)
        for path in sorted(room.rglob("*")) if path.is_file()
    }  # fmt: skip
    made = Manifest(
        name=name, made_at=now.isoformat(), database=engine.dialect.name, events=events, parts=parts,
        files=sorted(cited & set(shelf.files.digests())), absent=sorted(absent | bad),
    )  # fmt: skip
    for path in room.rglob("*"):
        flush(path)
    write_through(room / MANIFEST, made.model_dump_json(indent=1).encode())
    room.rename(shelf.snapshots / name)
    flush(shelf.snapshots)
    return made


def _bring(source: FileStore, target: FileStore, digests: set[str], tell: Tell) -> set[str]:
    """What the target does not hold yet; the files whose bytes are not what their name says. A digest that names no file is passed over."""
    wanted, bad = sorted(each for each in digests & set(source.digests()) if not target.has(each)), set()
    for done, sha256 in enumerate(wanted, 1):
        if not carry(source, target, sha256) and source.has(sha256):
            bad.add(sha256)
        tell(done, len(wanted))
    return bad


def _copy_tree(source: Path, target: Path) -> None:
    """Every file with its mode, without locks and drafts."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.name != "lock" and not path.name.startswith("."):
            write_through(target / path.relative_to(source), path.read_bytes(), path.stat().st_mode & 0o777)


def _demand_apart(data_dir: Path, out: Path) -> None:
    here, there = data_dir.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise InputRefused(
            Text(
                f"备份目录 {out} 与数据目录 {data_dir} 不能互相包含；最好放在另一块磁盘。",
                f"The backup {out} and the data directory {data_dir} must not lie within each other; another disk is best.",
            )
        )
