"""Putting a backup back into an empty installation.

A mark (`restoring.json`) stands in the data directory from the first byte to the last: no service starts beside it, and the same
command goes on where it was broken off. Keys and checkpoints first, then the files, each read again on its way, and at last the
database, in one step. What `settle` does to the database (it stops all use) is done before anybody can open it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, inspect

from core.database_copies import DUMP, SQLITE, demand_empty, put_back_dump
from core.db import make_engine
from core.errors import Conflict, InputRefused
from core.files import FileStore
from core.settings import RESTORING as MARK
from core.settings import Settings
from core.text import Text
from datasets.store.backup_book import Manifest, Shelf, Tell, carry, flush, write_through

OWN: Final = frozenset({f".{MARK}.draft", "worker.lock", "worker.log"})  # a mark half written is none
Settle = Callable[[Engine, Manifest], None]


def put_back(settings: Settings, files: Callable[[], FileStore], shelf: Shelf, name: str, settle: Settle, tell: Tell) -> tuple[Manifest, list[str]]:  # fmt: skip
    """Fill the installation from a snapshot; the files that it should have held and does not. Raises Conflict, InputRefused, NotFound."""
    found = shelf.manifest(name)
    _demand_kind(settings, found)
    is_filled = _begin(settings, found)
    for part in found.parts:
        if part not in (SQLITE, DUMP):
            shelf.put_back(found, part, settings.data_dir / part)
    settings.keys_dir.mkdir(exist_ok=True, mode=0o700)
    settings.keys_dir.chmod(0o700)
    store, lacking = files(), []
    present = set(store.digests())
    for done, sha256 in enumerate(found.files, 1):
        if sha256 not in present and not carry(shelf.files, store, sha256):
            lacking.append(sha256)
        tell(done, len(found.files))
    _database(settings, found, shelf, settle, is_filled=is_filled)
    (settings.data_dir / MARK).unlink()
    flush(settings.data_dir)
    return found, sorted({*lacking, *found.absent})


def _database(settings: Settings, found: Manifest, shelf: Shelf, settle: Settle, *, is_filled: bool) -> None:
    if found.database == "sqlite":
        target = settings.data_dir / SQLITE
        draft = target.with_name(f"restoring-{SQLITE}")
        for left in settings.data_dir.glob(f"{draft.name}*"):
            left.unlink()
        shelf.put_back(found, SQLITE, draft)
        draft.chmod(0o600)
        engine = make_engine(f"sqlite:///{draft}")
        try:
            settle(engine, found)
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            engine.dispose()
        flush(draft)
        draft.replace(target)
        flush(settings.data_dir)
        return
    engine = make_engine(settings.database)
    try:
        if not (is_filled and inspect(engine).has_table("alembic_version")):
            demand_empty(engine)
            draft = settings.data_dir / f"restoring-{DUMP}"
            shelf.put_back(found, DUMP, draft)
            _mark(settings, found, is_filled=True)
            put_back_dump(engine, draft)
        settle(engine, found)
        (settings.data_dir / f"restoring-{DUMP}").unlink(missing_ok=True)
    finally:
        engine.dispose()


def _begin(settings: Settings, found: Manifest) -> bool:
    """Demand an empty installation, or one whose restore from this very snapshot was broken off; whether its database may be filled already."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    mark = settings.data_dir / MARK
    if mark.exists():
        begun = json.loads(mark.read_text())
        if begun["snapshot"] != _identity(found):
            raise Conflict(
                Text(
                    f"{settings.data_dir} 中有从另一快照（{begun['name']}）恢复到一半的数据；请用 --snapshot {begun['name']} 继续，或换一个空目录。",
                    f"{settings.data_dir} holds a restore of another snapshot ({begun['name']}) that was broken off; go on with --snapshot {begun['name']}, or take an empty directory.",
                )
            )
        return bool(begun["is_filled"])
    if any(each.name not in OWN for each in settings.data_dir.iterdir()):
        raise Conflict(
            Text(
                f"{settings.data_dir} 不是空目录；恢复不会覆盖任何东西。请把它移开，或用 --data-dir 另指空目录。",
                f"{settings.data_dir} is not empty, and a restore overwrites nothing. Move it away, or name an empty directory by --data-dir.",
            )
        )
    if found.database != "sqlite":
        engine = make_engine(settings.database)
        try:
            demand_empty(engine)
        finally:
            engine.dispose()
    _mark(settings, found, is_filled=False)
    return False


def _mark(settings: Settings, found: Manifest, *, is_filled: bool) -> None:
    body = {"name": found.name, "snapshot": _identity(found), "is_filled": is_filled}
    write_through(settings.data_dir / MARK, [json.dumps(body).encode()])


def _identity(found: Manifest) -> str:
    return hashlib.sha256(found.model_dump_json().encode()).hexdigest()


def _demand_kind(settings: Settings, found: Manifest) -> None:
    wanted = "sqlite" if settings.database.startswith("sqlite") else "postgresql"
    own_file = settings.database == f"sqlite:///{settings.data_dir / SQLITE}"
    if found.database != wanted or (wanted == "sqlite" and not own_file):
        raise InputRefused(
            Text(
                f"备份来自 {found.database}，而 DATAGRANT_DATABASE_URL 指向另一处；PostgreSQL 的备份恢复到空的 PostgreSQL 库，SQLite 的恢复到数据目录。",
                f"The backup is of {found.database}, and DATAGRANT_DATABASE_URL names something else. One of PostgreSQL goes into an empty PostgreSQL database, one of SQLite into the data directory.",
            )
        )
