"""An archive handed in once becomes one batch per member, each for its dataset; all of them, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from core.errors import AppError, InputRefused
from core.files import StoredFile
from core.text import Text
from core.work import Work
from datasets.batches import queries, service
from datasets.batches.models import BatchRead, IntakeOptions
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchStep
from datasets.intake.archive import TOLD

MOST: Final = TOLD


def split(
    work: Work,
    actor: Actor,
    batch_id: str,
    tables: Mapping[str, str],
    *,
    again: bool = False,
    version: int | None = None,
) -> list[BatchRead]:
    """Make a batch of each named member for the dataset that it is mapped to; the answers are their receipts.

    The batch of the whole archive is superseded by them. The bytes stay where they are: every new batch cites the same file. Raises
    InputRefused, NotFound (a dataset that the actor may not hand in for), Conflict; then nothing is written.
    """
    row = service.for_step(work, actor, batch_id, BatchStep.SUPERSEDE, version)
    _refuse_strange(tables, members_of(row))
    made = []
    for member, dataset_id in sorted(tables.items(), key=lambda each: (each[1], each[0])):
        try:
            batch = service.receive(
                work, actor, dataset_id, row.name, StoredFile(row.sha256, row.size_bytes, row.scan), again=again,
                options=IntakeOptions(member=member), split_from=row.id, also_prepared=row.preparers,
            )  # fmt: skip
        except AppError as error:
            said = Text(f"成员 {member}：{error.detail.zh}", f"Member {member}: {error.detail.en}")
            raise type(error)(said, reasons=error.reasons, **error.facts) from error
        made.append(batch)
    service.move(work, row, BatchStep.SUPERSEDE)
    payload = {"tables": dict(sorted(tables.items())), "batches": [each.id for each in made]}
    audit.record(work, actor, "batch.split", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    return sorted(made, key=lambda each: str(each.member))


def members_of(row: BatchRow) -> list[str]:
    """The members that the batch's archive is known to hold: from its refusal, or from having been read as one table."""
    told = (row.problem or {}).get("members") or []
    united = ((row.intake or {}).get("input") or {}).get("members") or []
    return list(told) or [each["name"] for each in united]


def parts_of(work: Work, batch_id: str) -> list[BatchRow]:
    """The batches that an archive was split into, by member."""
    found = work.db.exec(select(BatchRow).where(BatchRow.split_from == batch_id).order_by(col(BatchRow.id)))
    return sorted(found, key=lambda each: str(each.member))


def parts(work: Work, actor: Actor, batch_id: str) -> list[BatchRead]:
    """Those of them that the actor may see."""
    seen = queries.scopes(actor, queries.READ)
    rows = [each for each in parts_of(work, batch_id) if seen is None or each.org_id in seen]
    return [BatchRead.model_validate(each) for each in rows]


def _refuse_strange(tables: Mapping[str, str], known: list[str]) -> None:
    if not known:
        raise InputRefused(
            Text(
                "该批次不是含多个文件的压缩包，无法逐个提交；请直接校验它。",
                "This batch is no archive of several files, so there is nothing to split; check it as it is.",
            )
        )
    if not tables or len(tables) > MOST:
        raise InputRefused(
            Text(
                f"请为 1 至 {MOST} 个成员各指明一个数据集。",
                f"Name a dataset for each of 1 to {MOST} members.",
            )
        )
    if strange := sorted(set(tables) - set(known)):
        raise InputRefused(
            Text(
                f"压缩包里没有成员 {strange[0]}；请按列表中的名称填写。",
                f"The archive has no member {strange[0]}; name it as the list does.",
            ),
            members=known[:TOLD],
        )
