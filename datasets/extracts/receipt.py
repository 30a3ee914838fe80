"""The receipt of an extract: what left, under which grant, from which release, as canonical JSON with its digest."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.policy.model import ColumnTerm
from auth.policy.small_cells import SmallCells
from datasets.extracts.signing import signed
from datasets.extracts.tables import ExtractRow


def receipt_of(
    row: ExtractRow,
    terms: tuple[ColumnTerm, ...],
    release_sha256: str,
    at: datetime,
    key: Ed25519PrivateKey,
    export: dict[str, Any] | None = None,
    suppression: dict[str, Any] | None = None,
    review: dict[str, Any] | None = None,
    enclave: dict[str, Any] | None = None,
    marks: dict[str, Any] | None = None,
) -> tuple[str, str]:
    """Canonical JSON (RFC 8785) of the signed receipt and its SHA-256; `row` must carry what was made.

    export: the verdict of the dataset's export suite, where it has one. suppression: what `suppression_of` says.
    review: who reviewed the output, where its level asks for it. enclave: the specification that made it, where one did.
    marks: the columns whose values may be off by a hidden mark, and by how much at most.
    """
    body: dict[str, Any] = {
        "version": 2,
        "extract": row.id,
        "grant": row.grant_id,
        "agreement_hash": row.policy_hash,
        "application": row.application_id,
        "organisation": row.org_id,
        "dataset": row.dataset_id,
        "release": {"id": row.release_id, "number": row.release_number, "sha256": release_sha256},
        "columns": [term.model_dump(mode="json") for term in terms],
        "row_filter": json.loads(row.row_filter) if row.row_filter else None,
        "purpose": row.purpose,
        "scenario": row.scenario_id,
        "form": row.form,
        "rows": row.rows,
        "bytes": row.size_bytes,
        "sha256": row.sha256,
        "requested_by": row.requested_name,
        "requested_at": row.requested_at.isoformat(),
        "ready_at": at.isoformat(),
    }
    if export is not None:
        body["export_check"] = export
    if suppression is not None:
        body["small_cells"] = suppression
    if review is not None:
        body["output_review"] = review
    if marks is not None:
        body["marks"] = marks
    if enclave is not None:
        body["enclave"] = enclave
    text = rfc8785.dumps(signed(body, key))
    return text.decode(), hashlib.sha256(text).hexdigest()


def suppression_of(cells: SmallCells | None, left_out: int) -> dict[str, Any] | None:
    """The rule that held, and how many rows it left out, rounded up to its own step: the exact number would tell of single rows."""
    if cells is None:
        return None
    return cells.as_json() | {"rows_left_out_at_most": -(-left_out // cells.min_rows) * cells.min_rows}
