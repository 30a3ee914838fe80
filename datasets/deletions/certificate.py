"""A deletion certificate as a document: exactly the files that left, which of them are certified as deleted, and which are missing.

Pure: the same duty and the same events give the same bytes. What left is read from the record of deliveries, not from the tables of extracts
and views, since a view that was dropped has lost its digest there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth.duties.service import DutyRead

KIND = "deletion-certificate"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery on record: of a file (its digest) that belongs to an extract or a view. `event`: the place in the record."""

    sha256: str
    form: str
    subject: str
    at: datetime
    event: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an extract or a view besides: rows, bytes, its release, and the digest of its receipt."""

    rows: int | None
    size_bytes: int | None
    release: int
    receipt: str | None


def document_of(duty: DutyRead, deliveries: Iterable[Delivery], facts: dict[str, Facts]) -> dict[str, Any]:
    """The unsigned certificate. `complete`: every file that left is certified, and it was handed in."""
    files: dict[str, dict[str, Any]] = {}
    deleted, as_of = set(duty.deleted), duty.fulfilled_at
    for each in sorted(deliveries, key=lambda one: one.event):
        entry = files.setdefault(
            each.sha256,
            {
                "sha256": each.sha256, "form": each.form, "id": each.subject, **_known(facts.get(each.subject)),
                "first_delivered_at": each.at.isoformat(), "deliveries": 0, "deleted": each.sha256 in deleted,
            },
        )  # fmt: skip
        entry["deliveries"] += 1
        entry["last_delivered_at"], entry["last_event"] = each.at.isoformat(), each.event
        as_of = max(as_of or each.at, each.at)
    missing = [digest for digest in files if digest not in deleted]
    return {
        "document": KIND,
        "version": 1,
        "duty": duty.id,
        "grant": duty.grant_id,
        "organisation": duty.org_id,
        "dataset": duty.dataset_id,
        "state": duty.state.value,
        "handed_in_at": duty.fulfilled_at.isoformat() if duty.fulfilled_at else None,
        "as_of": as_of.isoformat() if as_of else None,
        "text": duty.text,
        "attachments": duty.attachments,
        "files": list(files.values()),
        "missing": missing,
        "unknown": sorted(deleted - set(files)),
        "complete": duty.fulfilled_at is not None and not missing,
    }


def _known(facts: Facts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "rows": facts.rows, "bytes": facts.size_bytes, "release": facts.release, "receipt_sha256": facts.receipt,
    }  # fmt: skip
