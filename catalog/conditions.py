"""What a change of a record is held against before it is made: its version, its identity, its completeness."""

from __future__ import annotations

from catalog.models import DatasetUpdate
from catalog.tables import DatasetRow
from core.errors import Conflict, InputRefused, Reason, Stale
from core.text import Text


def same_version(row: DatasetRow, expected: int | None) -> None:
    if expected is not None and expected != row.version:
        raise Stale(
            Text(
                f"记录已是第 {row.version} 版，您依据的是第 {expected} 版；请重新打开后再改。",
                f"The record is at version {row.version}, you started from {expected}; open it again and redo the change.",
            ),
            version=row.version,
        )


def same_identity(row: DatasetRow, body: DatasetUpdate) -> None:
    if body.resource_code not in (None, row.id) or body.publisher not in (None, row.publisher):
        raise InputRefused(
            Text(
                f"信息资源代码（{row.id}）和提供方（{row.publisher}）不能修改。",
                f"The resource code ({row.id}) and the publisher ({row.publisher}) cannot be changed.",
            )
        )


def demand_complete(dataset_id: str, reasons: tuple[Reason, ...]) -> None:
    """Raise Conflict with every reason that keeps a record from being published."""
    if reasons:
        raise Conflict(
            Text(
                f"记录 {dataset_id} 有 {len(reasons)} 处不符合发布要求："
                + "".join(reason.text.zh for reason in reasons),
                f"Record {dataset_id} cannot be published for {len(reasons)} reason(s): "
                + " ".join(reason.text.en for reason in reasons),
            ),
            reasons=reasons,
        )
