"""The caps of a dataset's privacy budget as they are stored."""

from __future__ import annotations

from sqlmodel import col, select

from core.work import Work
from datasets.queries.private.tables import PrivacyCapRow


def last_cap(work: Work, dataset_id: str) -> PrivacyCapRow | None:
    """The caps in force; None when nobody set any."""
    wanted = select(PrivacyCapRow).where(PrivacyCapRow.dataset_id == dataset_id)
    return work.db.exec(wanted.order_by(col(PrivacyCapRow.version).desc())).first()
