"""What followers are told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from core.ids import DatasetId


class NoticeRead(SQLModel):
    """One notice. `kind`: released, breaking, withdrawn, retiring, retired, answered. `is_new`: it came after the reader last said so."""

    id: str
    dataset_id: DatasetId
    title_zh: str
    title_en: str
    kind: str
    release_id: str | None
    at: datetime
    is_new: bool
    zh: str
    en: str
    facts: dict[str, Any]
    href: str
    difference: str | None


class FollowRead(SQLModel):
    """A followed dataset."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    since: datetime
