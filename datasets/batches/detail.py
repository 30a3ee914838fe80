"""One batch with everything that a person needs to decide about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from auth import audit
from auth.actor import Actor
from core.errors import Conflict
from core.files import FileStore
from core.text import Text
from core.work import Work
from datasets import gate
from datasets.batches import queries, service
from datasets.batches.models import BatchDetail, BatchRead, Command
from datasets.batches.tables import BatchRow
from datasets.releases import queries as releases
from quality.correction import build


@dataclass(frozen=True, slots=True)
class Made:
    """A file made for one reader."""

    filename: str
    data: bytes


def detail(work: Work, actor: Actor, batch_id: str) -> BatchDetail:
    """The batch, its verdict's outcomes, and the steps open to this reader, each with what keeps him from it."""
    row = queries.batch(work, actor, batch_id)
    steps = [
        Command(
            step=step.value,
            allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for step, reasons in service.commands(actor, row)
    ]
    release = releases.of_batch(work, row.id)
    return BatchDetail.model_validate(
        BatchRead.model_validate(row).model_dump()
        | {name: getattr(row, name) for name in BatchDetail.model_fields if hasattr(row, name)}
        | {
            "outcomes": gate.outcomes(work, row.verdict_id),
            "corrected_by": queries.corrections_of(work, row.id),
            "release_id": release.id if release else None,
            "commands": steps,
        }
    )


def correction_workbook(
    reading: Callable[[], AbstractContextManager[Work]], files: FileStore, actor: Actor, batch_id: str
) -> Made:
    """The failing rows of a batch as a workbook to correct (校核). Conflict when there is nothing to correct."""
    with reading() as work:
        row = queries.batch(work, actor, batch_id)
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
    data = build(files.path(row.typed_sha256), said, words)
    return Made(f"{row.dataset_id}-batch{row.number}-rows.xlsx", data)


def original(work: Work, actor: Actor, batch_id: str) -> BatchRow:
    """The batch whose handed-in bytes may be sent; written down before they are."""
    row = queries.batch(work, actor, batch_id)
    payload = {"sha256": row.sha256}
    audit.record(
        work, actor, "batch.original_downloaded", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    return row
