"""A part of the record that proves itself: the events of one grant, or of a period, each with its way up to a signed checkpoint.

events.jsonl     the events, one canonical line each     checkpoint.txt   the checkpoint that covers them all
proofs.jsonl     one inclusion proof for each line       key.txt          the public key
documents/…      what the events cite by digest          manifest.json    SHA-256 of every other file
personal.jsonl   what opens the events' commitments to personal data, with the salts
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import rfc8785
from sqlalchemy import and_, or_
from sqlmodel import col, func, select

from auth import audit, audit_personal
from auth.audit import AuditEventRow
from auth.grants import lineage
from auth.grants.tables import GrantRow
from auth.proof import merkle
from auth.proof.checkpoint import Place
from auth.proof.dossier_offline import CHECKPOINT, DOCUMENTS, EVENTS, KEY, MANIFEST, PROOFS
from auth.proof.note import Checkpoint
from auth.proof.offline import ERASED, OPENINGS, PERSONAL
from auth.proof.service import newest
from auth.proof.tree import Tree
from core.errors import Conflict, InputRefused
from core.text import Text, number_of
from core.work import Work

MOST: Final = 50_000
_EPOCH: Final = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Proved:
    """One event with its proof under the checkpoint."""

    row: AuditEventRow
    leaf: bytes
    path: tuple[bytes, ...]


def of_grant(work: Work, row: GrantRow) -> list[AuditEventRow]:
    """All that happened to a grant, to those before it that it amends or renews, and to their applications; votes too. For
    those who read the record."""
    line = lineage.of(work, row)
    asked = select(GrantRow.application_id).where(col(GrantRow.id).in_(line))
    shared = and_(col(AuditEventRow.application_id).in_(asked), col(AuditEventRow.grant_id).is_(None))
    wanted = select(AuditEventRow).where(or_(shared, col(AuditEventRow.grant_id).in_(line)))
    return list(work.db.exec(wanted.order_by(col(AuditEventRow.seq))))


def of_period(work: Work, since: datetime, until: datetime) -> list[AuditEventRow]:
    """All events from `since` on and before `until`. InputRefused when they are too many for one pack."""
    within = (AuditEventRow.at >= since, AuditEventRow.at < until)
    if (count := work.db.exec(select(func.count()).select_from(AuditEventRow).where(*within)).one()) > MOST:
        raise InputRefused(
            Text(
                f"该时段有 {count} 条记录，一个证据包至多 {MOST} 条；请缩短时段，或导出整个记录。",
                f"The period has {number_of(count, 'events')}; a pack holds {MOST}. Choose a shorter one, or export the whole record.",
            )
        )
    return list(work.db.exec(select(AuditEventRow).where(*within).order_by(col(AuditEventRow.seq))))


def proved(rows: Iterable[AuditEventRow], place: Place) -> tuple[Checkpoint, list[Proved]]:
    """Each event with its proof, checked here. Conflict when the newest checkpoint does not cover or bear out one of them."""
    checkpoint, node, found = newest(place), Tree(place.tree).node, []
    for row in rows:
        if row.seq > checkpoint.size:
            raise Conflict(
                Text("还没有检查点覆盖全部记录；请约 30 秒后再试。", "No checkpoint covers all events yet; try again in 30 seconds.")
            )  # fmt: skip
        leaf = merkle.leaf_hash(audit.entry(row))
        path = merkle.inclusion_proof(node, row.seq - 1, checkpoint.size)
        if not merkle.holds_leaf(leaf, row.seq - 1, checkpoint.size, path, checkpoint.root):
            raise Conflict(
                Text(f"第 {row.seq} 条记录与检查点不符。", f"Event {row.seq} does not stand under the checkpoint.")
            )  # fmt: skip
        found.append(Proved(row, leaf, tuple(path)))
    return checkpoint, found


def _with_erasures(work: Work, rows: list[AuditEventRow]) -> list[AuditEventRow]:
    """The events, and those erasures that took what would open one of them: without these it would look like theft."""
    held = {row.seq: row for row in rows}
    gone = {each.seq for each in audit_personal.rows_of(work, held) if not each.value}
    if gone:
        for event in work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == ERASED)):
            named = json.loads(event.payload).get(OPENINGS)
            if named is None or any(not gone.isdisjoint(seqs) for seqs in named.values()):
                held[event.seq] = event
    return [held[seq] for seq in sorted(held)]


def pack(
    work: Work,
    rows: list[AuditEventRow],
    place: Place,
    to: Path,
    about: Mapping[str, Any],
    documents: Mapping[str, bytes],
) -> None:
    """Write the pack. `about`: what it is of; `documents`: by file name. Equal records and checkpoint give equal bytes."""
    checkpoint, found = proved(_with_erasures(work, rows), place)
    proofs = [
        {"seq": each.row.seq, "hashes": [base64.b64encode(step).decode() for step in each.path]}
        for each in found
    ]
    parts: dict[str, bytes] = {
        EVENTS: b"".join(audit.entry(each.row) + b"\n" for each in found),
        PERSONAL: b"".join(audit_personal.lines(work, (each.row.seq for each in found))),
        PROOFS: b"".join(json.dumps(proof).encode() + b"\n" for proof in proofs),
        CHECKPOINT: checkpoint.note.encode(),
        KEY: place.signer().verifier.text().encode() + b"\n",
        **{f"{DOCUMENTS}/{name}": body for name, body in documents.items()},
    }
    sums = {name: hashlib.sha256(body).hexdigest() for name, body in sorted(parts.items())}
    manifest = rfc8785.dumps({"about": dict(about), "events": len(found), "files": sums})
    with zipfile.ZipFile(to, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name, body in sorted((parts | {MANIFEST: manifest + b"\n"}).items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            out.writestr(member, body)
