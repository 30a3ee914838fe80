"""The workbook comes back: recognised by its marks, matched to the batch it was made of, handed in as its correction."""

from __future__ import annotations

from typing import Final

from auth.actor import Actor
from core.errors import Conflict
from core.files import FileStore, StoredFile
from core.text import Text
from core.work import Work
from datasets.batches import service as batches
from datasets.batches.models import BatchRead
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.tickets import following, queries
from quality.marks import is_correction_sheet, made_of

_FINAL: Final = (BatchState.RELEASED, BatchState.PUBLISHING)


def take(
    work: Work, actor: Actor, files: FileStore, ticket_id: str, name: str, stored: StoredFile
) -> BatchRead:
    """Hand a returned file in for the ticket's batch: corrected rows when it is our workbook, else the whole file anew."""
    row = queries.ticket(work, actor, ticket_id)
    batches.may_submit(work, actor, row.dataset_id)
    batch = work.db.get_one(BatchRow, row.batch_id)
    path = files.path(stored.sha256)
    is_rows = is_correction_sheet(path)
    if is_rows:
        _demand_its_own(work, batch, made_of(path))
    _demand_open(batch)
    taken = batches.receive(work, actor, row.dataset_id, name, stored, corrects=batch.id, rows_only=is_rows)
    facts = {"batch_id": taken.id, "batch_number": taken.number, "rows_only": is_rows}
    following.note(work, row, "returned", actor, "", facts)
    return taken


def _demand_its_own(work: Work, batch: BatchRow, made_of_id: str | None) -> None:
    """A workbook of an earlier batch would bring old values back. One without a mark is matched by its row keys alone."""
    if made_of_id is None or made_of_id == batch.id:
        return
    other = work.db.get(BatchRow, made_of_id)
    if other is None or other.dataset_id != batch.dataset_id:
        raise Conflict(
            Text(
                "该更正表不是由本数据集的批次生成的；请在工单页面下载更正表。",
                "This workbook was not made of a batch of this dataset; download the one on the ticket's page.",
            )
        )
    raise Conflict(
        Text(
            f"该更正表由第 {other.number} 批生成，而工单现在针对第 {batch.number} 批；请重新下载更正表后再填写。",
            f"This workbook was made of batch {other.number}, but the ticket is about batch {batch.number} now; download it again.",
        ),
        batch_id=batch.id,
    )


def _demand_open(batch: BatchRow) -> None:
    if batch.state in _FINAL or batch.state == BatchState.SUPERSEDED:
        raise Conflict(
            Text(
                f"第 {batch.number} 批已发布或已被更正批次取代，不能再由此更正；请提交新的批次。",
                f"Batch {batch.number} was released or superseded, so nothing corrects it any more; hand in a new batch.",
            ),
            batch_id=batch.id,
        )
