"""The items that OAI-PMH tells of: published records and the tombstones of those that were withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import col, select

from api import standards
from catalog import codes
from catalog.queries import OPEN_LEVELS, changed, changed_at
from catalog.standards.oai import Header, Wanted
from catalog.tables import DatasetRow
from core.work import Work

PAGE: Final = 100


class Items:
    """The catalogue as OAI-PMH sees it. Stamps are to the second, as the protocol's are."""

    def __init__(self, work: Work, site: str) -> None:
        self.work, self.site = work, site

    def earliest(self) -> datetime:
        found = self.work.db.exec(select(func.min(changed)).where(_told())).first()
        return _aware(found) if found else self.work.now

    def sets(self) -> Sequence[tuple[str, str]]:
        return [(f"theme:{code.value}", code.text.zh) for code in codes.load("domain").codes.values()]

    def one(self, item_id: str) -> Header | None:
        row = self.work.db.exec(select(DatasetRow).where(DatasetRow.id == item_id, _told())).first()
        return self._headers([row])[0] if row else None

    def page(self, wanted: Wanted) -> tuple[list[Header], int, bool]:
        within: list[Any] = [_told()]
        if wanted.first:
            within.append(wanted.first <= changed)
        if wanted.last:
            within.append(changed <= wanted.last.replace(microsecond=999999))
        if wanted.set:
            within.append(col(DatasetRow.domain_code) == wanted.set.removeprefix("theme:"))
        total = self.work.db.exec(select(func.count()).select_from(DatasetRow).where(*within)).one()
        if wanted.after:
            stamp, item = datetime.fromisoformat(wanted.after[0]), wanted.after[1]
            within.append(or_(changed > stamp, and_(changed == stamp, col(DatasetRow.id) > item)))
        rows = list(
            self.work.db.exec(
                select(DatasetRow).where(*within).order_by(changed, col(DatasetRow.id)).limit(PAGE + 1)
            )
        )
        return self._headers(rows[:PAGE]), total, len(rows) > PAGE

    def _headers(self, rows: Sequence[DatasetRow]) -> list[Header]:
        published = [row for row in rows if row.state == "published"]
        entries = {one.row.id: one for one in standards.entries(self.work, published, self.site)}
        return [
            Header(
                row.id,
                changed_at(row),
                (f"theme:{row.domain_code}",) if row.domain_code else (),
                entries.get(row.id),
            )
            for row in rows
        ]


def _told() -> ColumnElement[bool]:
    """What the public may know of: published, or withdrawn after it had been; never what its level hides."""
    level = or_(col(DatasetRow.data_level).is_(None), col(DatasetRow.data_level) <= OPEN_LEVELS)
    known = or_(
        col(DatasetRow.state) == "published",
        and_(col(DatasetRow.state) == "withdrawn", col(DatasetRow.issued).is_not(None)),
    )
    return and_(level, known)


def _aware(moment: datetime | str) -> datetime:
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found if found.tzinfo else found.replace(tzinfo=UTC)
