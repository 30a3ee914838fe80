"""The deletion certificate of a duty, signed with the key of receipts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.audit import AuditEventRow
from auth.duties import overdue
from auth.duties import service as duties
from auth.duties.workflow import Kind
from auth.grants import queries as grants
from auth.profile.now import limits_now
from core.errors import NotFound
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.deletions.certificate import Delivery, Facts, document_of
from datasets.extracts.signing import signed, signing_key
from datasets.extracts.tables import ExtractRow
from datasets.sharing.tables import ViewRow

_FORMS: Final = {"extract.downloaded": "extract", "view.read": "view"}


def certificate(work: Work, actor: Actor, duty_id: str, keys_dir: Path) -> dict[str, Any]:
    """What left under the grant, and under those whose data it went on with, and what became of it, signed; NotFound outside the actor's sight and for other duties."""
    duty = duties.duty(work, actor, duty_id)
    if duty.kind != Kind.DELETION_CERTIFICATE:
        raise NotFound(
            Text(
                "该义务不是销毁证明，没有文件清单。",
                "This duty is no deletion certificate, so it has no list of files.",
            )
        )
    line = overdue.held_under(work, grants.row(work, GrantId(duty.grant_id)), limits_now(work))
    found = document_of(duty, _deliveries(work, line), _facts(work, line))
    return signed(found, signing_key(keys_dir))


def _deliveries(work: Work, line: Sequence[str]) -> list[Delivery]:
    """Every delivery of bytes under these grants, as the record has it."""
    wanted = select(AuditEventRow).where(
        col(AuditEventRow.grant_id).in_(line), col(AuditEventRow.kind).in_(_FORMS)
    )
    return [
        Delivery(json.loads(row.payload)["sha256"], _FORMS[row.kind], row.subject, row.at, row.seq)
        for row in work.db.exec(wanted)
    ]


def _facts(work: Work, line: Sequence[str]) -> dict[str, Facts]:
    extracts = work.db.exec(select(ExtractRow).where(col(ExtractRow.grant_id).in_(line))).all()
    views = work.db.exec(select(ViewRow).where(col(ViewRow.grant_id).in_(line))).all()
    return {
        row.id: Facts(row.rows, row.size_bytes, row.release_number, row.receipt_hash) for row in extracts
    } | {row.id: Facts(row.rows, row.size_bytes, row.release_number, None) for row in views}
