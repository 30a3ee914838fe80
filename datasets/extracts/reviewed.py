"""What becomes of a file that its checkers had before them: let go, kept in, or taken back by those who asked for it."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.actor import Actor
from auth.grants import ledger, usage
from core.errors import Conflict, refuse_if
from core.ids import ExtractId, GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import queries
from datasets.extracts.deciding import acting_for, case_of, policy_of
from datasets.extracts.delivering import Making, deliver
from datasets.extracts.models import ExtractState
from datasets.extracts.noting import note, taking_of
from datasets.extracts.tables import ExtractRow
from datasets.outputs.tables import OutputReviewRow


def let_go(work: Work, reviewed: OutputReviewRow, review: dict[str, Any], key: Ed25519PrivateKey) -> None:
    """The checkers released it: what was kept back is charged as delivered, and the file can be had.

    Raises AccessRefused when the grant no longer allows it.
    """
    row = queries.row(work, ExtractId(reviewed.subject_id), to_change=True)
    if row.state != ExtractState.IN_REVIEW:
        raise _not_waiting()
    case = case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    set_free(work, row)
    said = reviewed.made
    deliver(
        work, queries.requester(row), Making(row, case, case.release.sha256), reviewed.sha256, key,
        export=said["export"], suppression=said["small_cells"], review=review, marks=said.get("marks"),
    )  # fmt: skip


def hand_over(
    work: Work,
    row: ExtractRow,
    sha256: str,
    review: dict[str, Any],
    enclave: dict[str, Any],
    key: Ed25519PrivateKey,
) -> None:
    """A result of the enclave that its checkers released, as a file that can be had. `row` is new and says what was made.

    Raises AccessRefused when the grant no longer allows it.
    """
    case = case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    deliver(
        work, queries.requester(row), Making(row, case, case.release.sha256), sha256, key,
        export=None, suppression=None, review=review, enclave=enclave,
    )  # fmt: skip


def keep_in(work: Work, extract_id: str, why: Text) -> None:
    """The checkers refused it: everything goes back to the quotas, and the requester reads why."""
    row = queries.row(work, ExtractId(extract_id), to_change=True)
    _end(work, queries.requester(row), row, ExtractState.REFUSED, why, "extract.kept_in", extracts=1)


def withdraw(work: Work, actor: Actor, extract_id: str) -> None:
    """Somebody of the requester's organisation takes it back while it waits. Raises NotFound, AccessRefused, Conflict.

    Rows and bytes go back; the extract stays taken, else asking and taking back would be questions for nothing.
    """
    row = queries.row(work, ExtractId(extract_id), actor, to_change=True)
    refuse_if(acting_for(work, actor, row.org_id, policy_of(work, row)))
    why = Text(f"由 {actor.name.zh} 撤回。", f"Withdrawn by {actor.name.en}.")
    _end(work, actor, row, ExtractState.WITHDRAWN, why, "extract.withdrawn", extracts=0)


def _end(
    work: Work, actor: Actor, row: ExtractRow, state: ExtractState, why: Text, kind: str, *, extracts: int
) -> None:
    if row.state != ExtractState.IN_REVIEW:
        raise _not_waiting()
    row.state, row.failed_zh, row.failed_en = state, why.zh, why.en
    work.db.add(row)
    set_free(work, row)
    if extracts:
        usage.refund(work, GrantId(row.grant_id), extracts=extracts, subject=row.id, taking=taking_of(row))
    note(work, actor, kind, row, {"why": why.en})


def set_free(work: Work, row: ExtractRow) -> None:
    """Rows and bytes that were taken for a file that waits go back; such as were charged before there was a word for it, too."""
    grant_id, taking = GrantId(row.grant_id), taking_of(row)
    kept = ledger.taken_for(work, grant_id, row.id, kind=ledger.RESERVED)
    if any(kept.values()):
        usage.refund(
            work,
            grant_id,
            rows=kept["rows"],
            bytes=kept["bytes"],
            subject=row.id,
            taking=taking,
            reserved=True,
        )
    left = ledger.taken_for(work, grant_id, row.id)
    if left["rows"] or left["bytes"]:
        usage.refund(work, grant_id, rows=left["rows"], bytes=left["bytes"], subject=row.id, taking=taking)


def _not_waiting() -> Conflict:
    return Conflict(
        Text(
            "该提取现在不在出域审核中；请刷新页面。",
            "The extract does not wait for review now; reload the page.",
        )
    )
