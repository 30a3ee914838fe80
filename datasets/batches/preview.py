"""A batch to look at: its first and last rows as typed, its suspicious cells, and the dictionary it suggests."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from auth.actor import Actor
from catalog import queries as catalog
from catalog import service as records
from catalog.models import ColumnCreate, Dictionary
from core.errors import Conflict, NotFound
from core.files import FileStore
from core.ids import BatchId, DatasetId
from core.text import Text
from core.work import Work
from datasets.batches import queries, service
from datasets.batches.detail import TAKE, is_sensitive
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.intake.facts import Intake
from datasets.intake.guesses import Guess
from datasets.intake.looks import TablePreview

if TYPE_CHECKING:
    from datasets.intake.proposal import ProposedColumn

_HAN = re.compile(r"[\u3400-\u9fff]")


class BatchPreview(TablePreview):
    """`values_shown`: whether this reader sees single values; of sensitive data only their own department does."""

    batch_id: BatchId
    dataset_id: DatasetId
    number: int
    name: str
    state: BatchState
    version: int
    detection: list[Guess]
    doubts: list[Guess]
    values_shown: bool


def preview(
    reading: Callable[[], AbstractContextManager[Work]],
    files: FileStore,
    actor: Actor,
    batch_id: str,
    count: int = 20,
) -> BatchPreview:
    """The batch as it was read. Raises NotFound, Conflict while there is no table."""
    from datasets.intake.preview import preview_of

    with reading() as work:
        row = _read(work, actor, batch_id)
        shown = actor.may_in(TAKE, row.org_id) or not is_sensitive(work, row.dataset_id)
    intake = Intake.model_validate(row.intake)
    seen = preview_of(files.path(str(row.typed_sha256)), intake, count if shown else 0)
    if not shown:
        seen = seen.model_copy(update={"suspicious": []})
    return BatchPreview(
        **dict(seen),
        batch_id=BatchId(row.id),
        dataset_id=DatasetId(row.dataset_id),
        number=row.number,
        name=row.name,
        state=BatchState(row.state),
        version=row.version,
        detection=intake.input.detection,
        doubts=service.doubts_of(row) if row.state == BatchState.NEEDS_LOOK else [],
        values_shown=shown,
    )


def _read(work: Work, actor: Actor, batch_id: str) -> BatchRow:
    row = queries.batch(work, actor, batch_id)
    if row.typed_sha256 is None or row.intake is None:
        raise Conflict(
            Text(
                f"第 {row.number} 批还没有读成表格，无法预览；请等待读取结束，或按批次页上的提示处理。",
                f"Batch {row.number} has not been read as a table, so there is nothing to preview; "
                "wait for its reading to end, or do what its page says.",
            )
        )
    return row


def proposed_dictionary(
    work: Work, actor: Actor, batch_id: str, *, files: FileStore, of: str | None = None
) -> Dictionary:
    """The dataset's dictionary with what the batch adds: each column that it does not name yet, as its cells suggest.

    For whoever may change the record; nothing is saved. of: the dataset that it must belong to. Raises NotFound, Conflict.
    """
    row = _read(work, actor, batch_id)
    if of not in (None, row.dataset_id):
        raise NotFound(
            Text("该数据集没有这个批次。", "This dataset has no such batch; look for it in the list.")
        )
    catalog.writable(work, actor, row.dataset_id, lock=False)
    stored = records.dictionary(work, row.dataset_id)
    known = {column.name.casefold() for column in stored}
    intake = Intake.model_validate(row.intake)
    new = [c for c in intake.columns if not c.declared and c.name.casefold() not in known]
    kept = [ColumnCreate.model_validate(column.model_dump(exclude={"position"})) for column in stored]
    layout = records.layout(work, row.dataset_id).model_dump()
    if not new:
        return Dictionary.model_validate(layout | {"columns": kept})
    from datasets.intake.proposal import propose_dictionary

    proposal = propose_dictionary(files.path(str(row.typed_sha256)), intake)
    offered = {each.column.name: each for each in proposal.columns}
    added = [_column(column.name, column.header, offered[column.name]) for column in new]
    marks = list(dict.fromkeys([*layout["null_values"], *proposal.null_values]))
    return Dictionary.model_validate(layout | {"null_values": marks, "columns": [*kept, *added]})


def _column(name: str, header: str | None, offered: ProposedColumn) -> dict[str, Any]:
    title = header or name
    return {
        **offered.column.model_dump(include={"type", "unit", "format", "code_list"}),
        "name": name,
        "title_zh": title if _HAN.search(title) else "",
        "title_en": "" if _HAN.search(title) else title,
        "required": True,
        "nullable": offered.empty > 0,
    }
