"""Backups and restores at the edge: on record, and with all use stopped in what was put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from api.house import House
from api.schema import bring_up_to_date
from auth import audit
from auth.actor import SYSTEM
from auth.incidents import service as incidents
from auth.proof import openings
from core.files_s3 import files_of
from core.settings import Settings
from core.work import unit_of_work
from datasets.store import backup, restore, service
from datasets.store.backup_book import Manifest, Tell
from datasets.store.backup_bucket import shelf_at
from datasets.store.service import SUBJECT


def back_up(house: House, out: Path | str, keep: int | None, tell: Tell) -> dict[str, Any]:
    """Take a snapshot in a folder or below `s3://bucket/prefix`; that it is taken stands in the record, also in the copy of it."""
    shelf = shelf_at(house.settings, out)
    place = {"place": shelf.place}
    with house.write() as work:
        audit.record(work, SYSTEM, service.BEGUN, subject=SUBJECT, payload=place)
    made = backup.take(house.settings, house.engine, house.files, shelf, house.clock(), tell)
    with house.write() as work:
        audit.record(
            work, SYSTEM, service.TAKEN, subject=SUBJECT,
            payload=place | {
                "snapshot": made.name, "files": len(made.files), "absent": len(made.absent), "size_bytes": made.size_bytes,
                "copied_bytes": made.copied_bytes, "duration_ms": made.duration_ms,
            },
        )  # fmt: skip
    return _told(made) | {"absent": made.absent, "removed_snapshots": backup.thin(shelf, keep) if keep else 0}


def check(settings: Settings, out: Path | str, name: str, tell: Tell) -> dict[str, Any]:
    """Read a snapshot again."""
    found, bad = backup.check(shelf_at(settings, out), name, tell)
    return _told(found) | {"absent": found.absent, "damaged": bad}


def note_check(house: House, out: Path | str, found: dict[str, Any]) -> None:
    """Write down that a backup of this very installation was read again; nothing for any other's."""
    place = shelf_at(house.settings, out).place
    with house.write() as work:
        if any((each.place, each.snapshot) == (place, found["snapshot"]) for each in service.backups(work)):
            told = {"place": place, "snapshot": found["snapshot"], "damaged": len(found["damaged"])}
            audit.record(work, SYSTEM, service.CHECKED, subject=SUBJECT, payload=told)


def put_back(settings: Settings, source: Path | str, name: str, tell: Tell) -> dict[str, Any]:
    """Fill an empty installation. What was decided since the backup is unknown, revocations among it: all use stops until an officer has settled it."""

    def settle(engine: Engine, found: Manifest) -> None:
        bring_up_to_date(engine)
        with unit_of_work(engine) as work:
            reason = (
                f"由 {found.made_at} 的备份恢复；此后的决定（包括撤销）不在其中，请与更晚的检查点和导出核对后补录。 "
                f"Restored from the backup of {found.made_at}; what was decided since, revocations among it, is not in it. "
                "Compare with later checkpoints and exports and enter what is missing."
            )
            if incidents.freeze_all(work, reason):
                audit.record(
                    work, SYSTEM, "store.restored", subject=SUBJECT,
                    payload={"snapshot": found.name, "events": found.events},
                )  # fmt: skip
            beside.extend(f"{each.what.zh} · {each.what.en}" for each in openings.at_odds(work))

    beside: list[str] = []
    found, lacking = restore.put_back(
        settings, lambda: files_of(settings), shelf_at(settings, source), name, settle, tell
    )
    return _told(found) | {"absent": lacking, "openings_at_odds": beside, "frozen": True}


def _told(found: Manifest) -> dict[str, Any]:
    return {
        "snapshot": found.name, "made_at": found.made_at, "database": found.database, "events": found.events,
        "files": len(found.files), "size_bytes": found.size_bytes, "copied_bytes": found.copied_bytes, "duration_ms": found.duration_ms,
    }  # fmt: skip
