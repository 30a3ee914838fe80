"""Records with checkpoints, and packs of them, for tests of proofs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.proof import export, service
from auth.proof.checkpoint import Place
from auth.proof.note import Checkpoint
from auth.proof.offline import EVENTS

TRIGGERS = ("no_update", "no_delete", "no_replace")
POSTGRES_TRIGGERS = ("no_update", "no_delete", "no_truncate", "no_change")


def grow(house: House, events: int) -> None:
    with house.write() as work:
        for number in range(events):
            audit.record(work, SYSTEM, "thing.done", subject=f"thing-{number}", payload={"数": number})


def sealed(house: House) -> Checkpoint | None:
    with house.read() as work:
        return service.seal(work, Place.of(house.settings))


def a_record(house: House, *sizes: int) -> list[Checkpoint]:
    """A record that grew in steps, signed after each; gives the checkpoints."""
    made = []
    for step in sizes:
        grow(house, step)
        found = sealed(house)
        assert found is not None
        made.append(found)
    return made


def a_pack(house: House, folder: Path) -> Path:
    """The evidence of a record, laid out."""
    packed = folder.with_suffix(".zip")
    with house.read() as work:
        export.pack(work, Place.of(house.settings), packed)
    export.unpack(packed, folder)
    return folder


def lines_of(pack: Path) -> list[bytes]:
    return (pack / EVENTS).read_bytes().splitlines(keepends=True)


def rehashed(events: list[dict[str, Any]]) -> bytes:
    """A dump whose numbers and chain hold, whatever the events say: what a forger with full access would write."""
    import hashlib

    import rfc8785

    previous, lines = audit.GENESIS, []
    for seq, event in enumerate(events, 1):
        body = {name: value for name, value in event.items() if name not in ("hash", "prev_hash")} | {
            "seq": seq
        }
        digest = hashlib.sha256(bytes.fromhex(previous) + rfc8785.dumps(body)).hexdigest()
        lines.append(rfc8785.dumps(body | {"hash": digest, "prev_hash": previous}) + b"\n")
        previous = digest
    return b"".join(lines)


def events_of(pack: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(pack)]


def unguarded(house: House, table: str = "auth_audit_personal") -> None:
    """Take the triggers off what opens the events, or off the events, as somebody who owns the database could."""
    is_sqlite = house.engine.dialect.name == "sqlite"
    with house.engine.begin() as raw:
        for name in TRIGGERS if is_sqlite else POSTGRES_TRIGGERS:
            raw.exec_driver_sql(
                f"DROP TRIGGER IF EXISTS {table}_{name}" + ("" if is_sqlite else f" ON {table}")
            )


def rewrite(house: House, seq: int) -> None:
    """Change one event in the database and re-hash the rest of the chain, as somebody who owns the database could."""
    with house.engine.begin() as raw:
        for name in TRIGGERS:
            raw.exec_driver_sql(f"DROP TRIGGER auth_audit_event_{name}")
    with house.write() as work:
        rows = work.db.exec(select(audit.AuditEventRow).order_by(col(audit.AuditEventRow.seq))).all()
        rows[seq - 1].actor_name = "somebody-else"
        for before, row in zip([None, *rows], rows, strict=False):
            row.prev_hash = before.hash if before else audit.GENESIS
            row.hash = audit.digest(row)
            work.db.add(row)
    with house.read() as work:
        assert audit.verify(work) == (len(rows), None), "the chain alone does not show it"
