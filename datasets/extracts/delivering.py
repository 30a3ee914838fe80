"""What is asked of the worker for one extract, and what becomes of it: a file with its receipt, a file that waits for its checkers, or none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants import usage
from auth.policy.filters.model import parse_json
from auth.profile.now import limits_under
from core import outbox
from core.errors import refuse_if
from core.ids import ExtractId, GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import queries, telling
from datasets.extracts.answering import as_answers
from datasets.extracts.deciding import Case, case_of
from datasets.extracts.models import ExtractState
from datasets.extracts.noting import note, taking_of
from datasets.extracts.receipt import receipt_of, suppression_of
from datasets.extracts.tables import ExtractRow
from datasets.outputs import opening as outputs
from datasets.outputs.opening import Output

JOB_KIND: Final = "extract.build"


@dataclass(frozen=True, slots=True)
class Making:
    """What the worker needs to make one file."""

    row: ExtractRow
    case: Case
    release_sha256: str

    @property
    def is_exact(self) -> bool:
        """Whether the requester is told its rows as they are while it is made, and when it cannot be."""
        asked = parse_json(self.row.row_filter) if self.row.row_filter else None
        return telling.is_exact(asked, self.case.grant.policy, self.case.checkers)


def payload_of(row: ExtractRow) -> dict[str, str]:
    """What a job that makes this file is told: under which grant, for a file belongs to the one grant that it was made under."""
    return {"extract_id": row.id, "grant_id": row.grant_id}


def is_asked(row: ExtractRow, payload: Mapping[str, Any]) -> bool:
    """Whether a job still makes what is wanted: not once the extract goes on under a later grant, or has ended."""
    before = row.asked_under or row.grant_id  # a job of an earlier version does not say
    return row.state == ExtractState.BUILDING and payload.get("grant_id", before) == row.grant_id


def making(work: Work, payload: Mapping[str, Any], *, to_change: bool = False) -> Making | None:
    """The extract as this job is to make it now; None when it is made, given up, or made by another job under another grant.

    AccessRefused when the grant no longer allows it.
    """
    row = queries.row(work, ExtractId(payload["extract_id"]), to_change=to_change)
    if not is_asked(row, payload):
        return None
    case = case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    return Making(row, case, case.release.sha256)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the worker made. `export`: what the dataset's export suite said. `left_out`: rows of small cells.

    findings: what the checks before an output review saw, None where none was needed. marks: the columns that bear hidden
    marks, by tolerance, or why none does though it was allowed.
    """

    sha256: str
    rows: int
    size_bytes: int
    export: dict[str, Any] | None = None
    left_out: int = 0
    findings: list[dict[str, Any]] | None = None
    marks: dict[str, Any] | None = None


def finish(
    work: Work, actor: Actor, payload: Mapping[str, Any], done: Finished, *, key: Ed25519PrivateKey
) -> None:
    """Charge rows and bytes; then hand the file over with its receipt, signed with `key`, or put it before the checkers.

    One transaction; twice is once.
    """
    made = making(work, payload, to_change=True)
    if made is None:
        return
    row = made.row
    row.rows, row.size_bytes = done.rows, done.size_bytes
    suppression = suppression_of(made.case.cells, done.left_out)
    policy = made.case.grant.policy
    with as_answers(made.is_exact):
        if outputs.needed(work, row.dataset_id, row.form, policy) < 1:
            deliver(
                work,
                actor,
                made,
                done.sha256,
                key,
                export=done.export,
                suppression=suppression,
                marks=done.marks,
            )
            return
        step = limits_under(work, policy)["query_min_group"]
        grant_queries.row(work, made.case.grant.id, to_change=True)
        left = grant_queries.view(work, made.case.grant.id)
        kept = telling.reserved(done.rows, done.size_bytes, left, step)
        usage.charge(
            work,
            left.id,
            rows=kept["rows"],
            bytes=kept["bytes"],
            subject=row.id,
            taking=taking_of(row),
            reserves=True,
        )
    row.state = ExtractState.IN_REVIEW
    work.db.add(row)
    outputs.open_review(
        work, actor,
        Output(
            "extract", row.id, row.dataset_id, row.org_id, row.grant_id, row.application_id, row.release_id,
            row.release_number, row.form, row.purpose, json.loads(row.columns), done.sha256, done.rows, done.size_bytes,
            row.requested_by, row.job_id, done.findings, {"export": done.export, "small_cells": suppression, "marks": done.marks},
        ),
    )  # fmt: skip


def deliver(
    work: Work,
    actor: Actor,
    made: Making,
    sha256: str,
    key: Ed25519PrivateKey,
    *,
    export: dict[str, Any] | None,
    suppression: dict[str, Any] | None,
    review: dict[str, Any] | None = None,
    enclave: dict[str, Any] | None = None,
    marks: dict[str, Any] | None = None,
) -> None:
    """Charge what leaves, write the receipt, and make the file takeable."""
    row = made.row
    usage.charge(
        work, made.case.grant.id, rows=row.rows or 0, bytes=row.size_bytes or 0, subject=row.id, taking=taking_of(row),
        delivers=True,
    )  # fmt: skip
    row.sha256, row.state, row.ready_at = sha256, ExtractState.READY, work.now
    row.checked_by = len(review["checkers"]) if review else 0
    row.receipt, row.receipt_hash = receipt_of(
        row, made.case.terms, made.release_sha256, work.now, key, export, suppression, review, enclave, marks
    )
    work.db.add(row)
    note(
        work, actor, "extract.delivered", row,
        {"sha256": sha256, "rows": row.rows, "bytes": row.size_bytes, "receipt_hash": row.receipt_hash}
        | ({"export_verdict": export["verdict_id"]} if export else {})
        | ({"output_review": review["review"]} if review else {})
        | ({"marks": marks} if marks else {}),
    )  # fmt: skip
    outbox.post(work, "extract.ready", row.id, {"grant": row.grant_id, "org": row.org_id})


def give_up(work: Work, payload: Mapping[str, Any], why: Text, *, is_answered: bool = False) -> None:
    """The file of this job will not come: say why, and give the extract back to the quota unless the refusal `is_answered`."""
    row = queries.row(work, ExtractId(payload["extract_id"]), to_change=True)
    if not is_asked(row, payload):
        return
    row.state, row.failed_zh, row.failed_en = ExtractState.FAILED, why.zh, why.en
    work.db.add(row)
    if not is_answered:
        usage.refund(work, GrantId(row.grant_id), extracts=1, subject=row.id, taking=taking_of(row))
    said = {"why": why.en} | ({"stays_taken": True} if is_answered else {})
    note(work, queries.requester(row), "extract.failed", row, said)
