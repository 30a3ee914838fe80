"""What the ledger and the audit trail say of an extract."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from auth import audit
from auth.actor import Actor
from auth.grants.ledger import Taking
from auth.policy.filters.model import RowFilter, parse_json
from core.work import Work
from datasets.extracts.tables import ExtractRow


def note(work: Work, actor: Actor, kind: str, row: ExtractRow, payload: dict[str, Any]) -> None:
    """One entry of the audit trail about an extract and its grant; the release is named in each."""
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id,
        application_id=row.application_id, payload={"release": row.release_number, **payload},
    )  # fmt: skip


def taking_of(row: ExtractRow, origin: str = "") -> Taking:
    """What the ledger says of an extract; what the worker does for it comes from no address."""
    return Taking(
        person_id=row.person_id, account=row.requested_name, origin=origin, release_id=row.release_id,
        release_number=row.release_number, purpose=row.purpose, scenario_id=row.scenario_id, form=row.form,
        columns=tuple(json.loads(row.columns)),
        filter_hash=filter_hash(parse_json(row.row_filter) if row.row_filter else None),
    )  # fmt: skip


def filter_hash(asked: RowFilter | None) -> str:
    """A name for a filter by which equal ones are found, without its values."""
    return hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:32] if asked else ""
