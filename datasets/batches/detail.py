"""One batch with everything that a person needs to decide about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

from auth import audit
from auth.actor import Actor
from auth.policy.rules import PERSONAL
from auth.profile.now import limits_now
from catalog.assets import asset
from core import bases
from core.errors import AccessRefused, Conflict, NotFound, Reason
from core.files import FileStore
from core.text import Text
from core.work import Work
from datasets import gate
from datasets.batches import queries, service, splitting
from datasets.batches.models import BatchDetail, BatchRead, Command, SameBytes
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.releases import queries as releases
from datasets.releases.access import Parcel
from quality.correction import build

TAKE: Final = "datasets:batch:take"
UntypedForm = Literal["parquet", "csv"]


@dataclass(frozen=True, slots=True)
class Made:
    """A file made for one reader."""

    filename: str
    data: bytes


def detail(work: Work, actor: Actor, batch_id: str) -> BatchDetail:
    """The batch, its verdict's outcomes, and the steps open to this reader, each with what keeps him from it."""
    row = queries.batch(work, actor, batch_id)
    said = {"outcomes": gate.outcomes(work, row.verdict_id), "intake": row.intake}
    doubtful = [guess.model_dump(mode="json") for guess in service.doubts_of(row)]
    if not actor.may_in(TAKE, row.org_id) and is_sensitive(work, row.dataset_id):
        said = _without_values(said)
    steps = [
        Command(
            step=step.value,
            allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for step, reasons in service.commands(work, actor, row)
    ]
    release = releases.of_batch(work, row.id)
    return BatchDetail.model_validate(
        BatchRead.model_validate(row).model_dump()
        | {name: getattr(row, name) for name in BatchDetail.model_fields if hasattr(row, name)}
        | said
        | {
            "doubts": doubtful if row.state == BatchState.NEEDS_LOOK else [],
            "choices": (row.problem or {}).get("members", []),
            "members": (listing := (row.problem or {}).get("listing") or {}).get("members", []),
            "members_total": listing.get("total", 0),
            "same_bytes": [SameBytes.model_validate(each) for each in queries.same_bytes(work, row)],
            "parts": splitting.parts(work, actor, row.id),
            "corrected_by": queries.corrections_of(work, row.id),
            "release_id": release.id if release else None,
            "may_take": actor.may_in(TAKE, row.org_id),
            "commands": steps,
        }
    )


def is_sensitive(work: Work, dataset_id: str) -> bool:
    """Whether single values are for the source department's eyes alone: a high level, or columns about persons."""
    held, high = asset(work, dataset_id), limits_now(work)["security_review_from_level"]
    return held.level >= high or any(
        column.level >= high or column.identifier_kind in PERSONAL for column in held.columns
    )


def _without_values(said: dict[str, Any]) -> dict[str, Any]:
    """What the gate found, in numbers: no example, no observed value, no finding, no preview."""
    outcomes = [each | {"examples": [], "observed_value": None} for each in said["outcomes"]]
    intake = said["intake"]
    if intake is not None:
        preview = intake["preview"] | {"first": [], "last": []}
        intake = intake | {"findings": [], "preview": preview, "look": None}
    return {"outcomes": outcomes, "intake": intake}


def _to_take(work: Work, actor: Actor, batch_id: str) -> BatchRow:
    """A batch whose rows may leave towards this actor: nobody but the source department's own stewards."""
    row = queries.batch(work, actor, batch_id)
    if not actor.may_in(TAKE, row.org_id):
        text = Text(
            "未经放行的数据只交还提交部门的数据专员。",
            "Data that no gate has passed go back to the stewards of their own department alone.",
        )
        raise AccessRefused(
            text,
            reasons=[
                Reason(
                    "not-of-the-department",
                    text,
                    bases.UNVALIDATED,
                )
            ],
        )
    return row


def correction_workbook(
    reading: Callable[[], AbstractContextManager[Work]], files: FileStore, actor: Actor, batch_id: str
) -> Made:
    """The failing rows of a batch as a workbook to correct (校核). Conflict when there is nothing to correct."""
    with reading() as work:
        row = _to_take(work, actor, batch_id)
        verdict = gate.verdict(work, row.verdict_id)
        words = gate.column_words(work, row.dataset_id)
    if row.typed_sha256 is None or verdict is None:
        raise Conflict(
            Text(
                "该批次尚无校验结论，没有可下载的问题行。",
                "The batch has no verdict yet, so there are no failing rows to download.",
            )
        )
    said = gate.with_untyped(verdict, row.intake or {"findings": []})
    data = build(files.path(row.typed_sha256), said, words, batch_id=row.id)
    return Made(f"{row.dataset_id}-batch{row.number}-rows.xlsx", data)


def note_workbook(work: Work, actor: Actor, batch_id: str, made: Made) -> None:
    """Write down that failing rows leave, before they do."""
    row = _to_take(work, actor, batch_id)
    payload = {"sha256": hashlib.sha256(made.data).hexdigest(), "bytes": len(made.data)}
    audit.record(
        work, actor, "batch.rows_downloaded", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )


def untyped(work: Work, actor: Actor, batch_id: str, form: UntypedForm) -> Parcel:
    """The list of every cell that its declared type cannot hold; written down before it is sent. Raises NotFound where there is none."""
    row = _to_take(work, actor, batch_id)
    sha256 = row.untyped_sha256 if form == "parquet" else row.untyped_csv_sha256
    if sha256 is None:
        raise NotFound(
            Text(
                "该批次没有不符合类型的单元格清单。",
                "This batch has no list of cells that do not fit their types.",
            )
        )
    audit.record(
        work, actor, "batch.untyped_downloaded", subject=row.id, payload={"sha256": sha256}, dataset_id=row.dataset_id
    )  # fmt: skip
    media_type = "application/vnd.apache.parquet" if form == "parquet" else "text/csv; charset=utf-8"
    return Parcel(sha256, f"{row.dataset_id}-batch{row.number}-untyped.{form}", media_type)


def original(work: Work, actor: Actor, batch_id: str) -> BatchRow:
    """The batch whose handed-in bytes may be sent; written down before they are."""
    row = _to_take(work, actor, batch_id)
    payload = {"sha256": row.sha256}
    audit.record(
        work, actor, "batch.original_downloaded", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    return row
