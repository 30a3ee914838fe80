"""What the worker's looks through the whole record found, as they stand on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import SQLModel, col, select

from auth.audit import AuditEventRow
from core.work import Work

LOOKED: Final = "audit.looked_through"


class LookRead(SQLModel):
    """What the newest look through the record found. `faults`: breaks of the chain (0 or 1); `told`: the first sentences, both languages.

    `mark`: names this finding, by which it is acknowledged; empty where all holds. `size`, `root`, `values`: what it was made of (`traces.py`).
    """

    at: datetime
    events: int
    holds: bool
    faults: int
    checkpoints_at_odds: int
    openings_at_odds: int
    told: list[dict[str, str]]
    mark: str = ""
    size: int = 0
    root: str = ""
    values: str = ""


def mark_of(told: Sequence[dict[str, Any]], *made_of: str) -> str:
    """A finding by its sentences and by what it is made of."""
    said = json.dumps([told, *made_of], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def newest(work: Work) -> LookRead | None:
    """The newest look on record; None while there was none."""
    wanted = select(AuditEventRow).where(AuditEventRow.kind == LOOKED).order_by(col(AuditEventRow.seq).desc())
    row = work.db.exec(wanted.limit(1)).first()
    if row is None:
        return None
    said = json.loads(row.payload)
    mark = "" if said["holds"] else said.get("mark") or mark_of(said["told"])
    return LookRead(at=row.at, **(said | {"mark": mark}))
