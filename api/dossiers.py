"""Evidence packs of one grant or of a period: the record's part from the proofs' room, the documents from where they are kept."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path

from fastapi.responses import Response
from sqlmodel import col, select

from api.delivery import attachment
from api.house import House
from api.witness import seal_record
from api.written import GuardedCopy
from auth import audit
from auth.actor import Actor
from auth.applications.tables import ApplicationRow
from auth.audit import AuditEventRow
from auth.grants import lineage
from auth.grants import queries as grants
from auth.proof import dossier
from auth.proof.checkpoint import Place
from auth.proof.dossier import Proved
from auth.proof.note import Checkpoint
from auth.proof.service import newest
from auth.supervision import ledger
from auth.supervision.ledger import Line, Wish
from core.errors import NotFound
from core.ids import GrantId
from core.sheets import Sheet, csv_of
from core.work import Work
from datasets.extracts.tables import ExtractRow


def grant_pack(house: House, actor: Actor, grant_id: GrantId) -> Response:
    """The evidence of one grant, from its application on. That it was taken is itself an event, and in the pack."""
    with house.write() as work:
        row = grants.row(work, grant_id, actor)
        audit.record(
            work, actor, "audit.pack_taken", subject=grant_id, grant_id=grant_id, application_id=row.application_id,
            dataset_id=row.dataset_id, payload={"of": "grant"},
        )  # fmt: skip
    seal_record(house)
    with house.read() as work:
        row = grants.row(work, grant_id, actor)
        about = {
            "kind": "grant",
            "id": row.id,
            "application_id": row.application_id,
            "org_id": row.org_id,
            "dataset_id": row.dataset_id,
        }
        documents = _documents(work, grant_id)
        return _packed(house, work, dossier.of_grant(work, row), about, documents, f"grant-{grant_id[-12:]}")


def period_pack(house: House, actor: Actor, since: datetime, until: datetime) -> Response:
    """The evidence of a period: every event in it, whatever it is about."""
    about = {"kind": "period", "since": since.isoformat(), "until": until.isoformat()}
    with house.write() as work:
        audit.record(work, actor, "audit.pack_taken", subject="audit", payload=about)
    seal_record(house)
    with house.read() as work:
        return _packed(house, work, dossier.of_period(work, since, until), about, {}, "period")


def _packed(
    house: House,
    work: Work,
    rows: list[AuditEventRow],
    about: dict[str, str],
    documents: dict[str, bytes],
    name: str,
) -> Response:
    house.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    path: Path = house.settings.scratch_dir / f"dossier-{secrets.token_hex(8)}.zip"
    try:
        dossier.pack(work, rows, Place.of(house.settings), path, about, documents)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return GuardedCopy(
        path, headers={"Content-Type": "application/zip"} | attachment(f"datagrant-{name}.zip")
    )


def _documents(work: Work, grant_id: GrantId) -> dict[str, bytes]:
    """What the events cite: the policies as agreed, the terms, every receipt; and the lines of the ledger. Of the grant and those before it."""
    line, found = lineage.of(work, grants.row(work, grant_id)), {}
    for row in [grants.row(work, GrantId(each)) for each in line]:
        found[f"policies/{row.id}.json"] = row.policy.encode()
        application = work.db.get(ApplicationRow, row.application_id)
        if application and application.agreement:
            found["terms.json" if row.id == grant_id else f"terms-{row.id}.json"] = (
                application.agreement.encode()
            )
    receipts = select(ExtractRow).where(
        col(ExtractRow.grant_id).in_(line), col(ExtractRow.receipt).is_not(None)
    )
    for extract in work.db.exec(receipts.order_by(col(ExtractRow.id))):
        found[f"receipts/{extract.id}.json"] = (extract.receipt or "").encode()
    names = tuple(Line.model_fields)
    lines = [
        entry
        for each in reversed(line)
        for entry in ledger.lines(work, Wish(grant_id=each), sort="at", limit=100_000)[0]
    ]
    cells = [
        [
            json.dumps(v, ensure_ascii=False) if isinstance(v, list) else v
            for v in (getattr(entry, n) for n in names)
        ]
        for entry in lines
    ]
    found["ledger.csv"] = b"".join(csv_of(Sheet("ledger", names, cells)))
    return found


def proofs_of(work: Work, house: House, seqs: list[int]) -> tuple[Checkpoint | None, dict[int, Proved]]:
    """The newest checkpoint and the proofs of those events that it covers, for a page; each was checked to hold."""
    place = Place.of(house.settings)
    try:
        checkpoint = newest(place)
    except NotFound:
        return None, {}
    covered = [seq for seq in seqs if seq <= checkpoint.size]
    rows = work.db.exec(
        select(AuditEventRow).where(col(AuditEventRow.seq).in_(covered)).order_by(col(AuditEventRow.seq))
    )
    _, found = dossier.proved(rows, place)
    return checkpoint, {each.row.seq: each for each in found}
