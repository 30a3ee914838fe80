"""The manifest of a release: what it is, where it came from, who answered for it, and the hashes that prove it.

Version 3 names the digests of verdict, counts and suite (`datasets.releases.documents`). Version 2 carries SM3 beside SHA-256 and a signature; version 1, of older releases, neither. `judged_order`: the columns in the
order in which `content.sha256` was taken. People stand in it by the service's own opaque ids and their organisation; names are shown to those who work here.
"""

from __future__ import annotations

from typing import Any

from auth.proof.note import Signer
from datasets.batches.tables import BatchRow
from datasets.releases.signing import signed
from datasets.releases.tables import ReleaseRow


def manifest_of(
    release: ReleaseRow,
    batch: BatchRow,
    suite_name: str,
    files: dict[str, Any],
    documents: dict[str, Any],
    signer: Signer,
) -> bytes:
    """Canonical JSON (RFC 8785), signed. `files`: by format, hashes and size of each file, and the table's facts.
    `documents`: hashes and size of verdict, counts and suite."""
    body = {
        "manifest_version": 3,
        "release": {
            "id": release.id,
            "dataset_id": release.dataset_id,
            "number": release.number,
            "note": release.note,
            "semver": release.semver,
            "compared_to": release.compared_to,
        },
        "content": {
            "sha256": release.content_sha256,
            "rows": files["rows"],
            "columns": files["columns"],
            "judged_order": files["judged_order"],
            "sorted_by": files["sorted_by"],
        },
        "changes": release.changes,
        "files": files["files"],
        "batch": {
            "id": batch.id,
            "number": batch.number,
            "sha256": batch.sha256,
            "size_bytes": batch.size_bytes,
            "typed_sha256": batch.typed_sha256,
            "received_at": batch.submitted_at.isoformat(),
            "corrects": batch.corrects,
        },
        "gate": {
            "suite": suite_name,
            "suite_version_id": release.suite_version_id,
            "suite_number": release.suite_number,
            "verdict_id": release.verdict_id,
            "verdict": release.verdict,
            "content_sha256": release.content_sha256,
            "waivers": release.waivers,
            "documents": documents,
        },
        "prepared_by": [_person(who) for who in (batch.submitted, batch.confirmed) if who],
        "confirmation": {"at": batch.confirmed_at.isoformat()} if batch.confirmed_at else None,
        "published_by": _person(release.publisher),
        "requested_at": release.requested_at.isoformat(),
    }
    return signed(body, signer)


def _person(who: dict[str, Any]) -> dict[str, Any]:
    return {"person_id": who["person_id"], "org_id": who["org_id"]}
