"""Reading extracts. Every list starts from what the actor may see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, func, or_, true
from sqlmodel import col, select

from auth.actor import Actor
from auth.policy.filters.model import RowFilter, parse_json
from auth.products.service import Delivered
from auth.scope import sight
from core.errors import NotFound
from core.ids import ExtractId
from core.text import Text
from core.work import Work
from datasets.extracts.models import ExtractRead, ExtractState
from datasets.extracts.tables import ExtractRow

KEPT_IN: Final = (ExtractState.IN_REVIEW, ExtractState.REFUSED, ExtractState.WITHDRAWN)
"""While a file has not been let out, nobody reads off it how many rows its filter met; its checkers see that on their review."""

SORTS = {
    "requested": col(ExtractRow.id),
    "rows": case((col(ExtractRow.state).not_in(KEPT_IN), col(ExtractRow.rows)), else_=None),
    "dataset": col(ExtractRow.dataset_id),
    "downloads": col(ExtractRow.downloads),
}


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list within the actor's sight: his own enterprise's, or all for those who watch; one grant's, if bound."""
    seen = sight(actor, "datasets:extract:read")
    bound = true() if actor.grant is None else col(ExtractRow.grant_id) == actor.grant
    return bound if seen.everything else and_(bound, or_(false(), col(ExtractRow.org_id).in_(seen.orgs)))


def row(
    work: Work, extract_id: ExtractId, actor: Actor | None = None, *, to_change: bool = False
) -> ExtractRow:
    """One extract's row, within the actor's sight. Raises NotFound."""
    wanted = select(ExtractRow).where(ExtractRow.id == extract_id)
    if actor is not None:
        wanted = wanted.where(seen_by(actor))
    if to_change:
        wanted = wanted.with_for_update()
    found = work.db.exec(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(
            Text(
                "没有这份提取，或不在您可见的范围内。", "There is no such extract, or it is not yours to see."
            )
        )
    return found


def read(found: ExtractRow) -> ExtractRead:
    shown = found.state not in KEPT_IN
    return ExtractRead.model_validate(
        found,
        update={
            "rows": found.rows if shown else None,
            "size_bytes": found.size_bytes if shown else None,
            "columns": json.loads(found.columns),
            "row_filter": json.loads(found.row_filter) if found.row_filter else None,
        },
    )


def requester(found: ExtractRow) -> Actor:
    """Who asked, for the part of the work that the worker carries out in his name. Holds no roles."""
    name = Text(found.requested_name, found.requested_name)
    return Actor(found.requested_by, found.person_id, found.requested_name, name, found.org_id, via="system")


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-requested",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[ExtractRead], int]:
    """Extracts in sight and their number. `sort`: a key of SORTS, `-` before it for descending."""
    conditions: list[Any] = [seen_by(actor)]
    for column, value in (
        (ExtractRow.state, state),
        (ExtractRow.grant_id, grant_id),
        (ExtractRow.dataset_id, dataset_id),
    ):
        if value:
            conditions.append(col(column) == value)
    order = SORTS.get(sort.removeprefix("-"), col(ExtractRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(ExtractRow.id).desc())
    total = work.db.exec(select(func.count()).select_from(ExtractRow).where(*conditions)).one()
    found = work.db.exec(select(ExtractRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit))
    return [read(each) for each in found], total


def delivered_as(work: Work, sha256s: Sequence[str]) -> dict[str, list[Delivered]]:
    """Which deliveries handed out these files; whoever asks has checked that the reader may know of their grants."""
    found: dict[str, list[Delivered]] = {}
    wanted = select(ExtractRow).where(col(ExtractRow.sha256).in_(list(sha256s))).order_by(col(ExtractRow.id))
    for row in work.db.exec(wanted):
        held = Delivered(
            row.id, row.grant_id, row.dataset_id, row.release_id, row.release_number, row.receipt_hash or ""
        )
        found.setdefault(row.sha256 or "", []).append(held)
    return found


def filters_of(work: Work, extract_ids: Sequence[str]) -> Mapping[str, RowFilter]:
    """The filter that each of these extracts was asked with; those without one are left out."""
    found: dict[str, RowFilter] = {}
    for start in range(0, len(extract_ids), 500):
        wanted = select(ExtractRow.id, ExtractRow.row_filter).where(
            col(ExtractRow.id).in_(extract_ids[start : start + 500]), col(ExtractRow.row_filter).is_not(None)
        )
        found |= {each: parse_json(text) for each, text in work.db.exec(wanted) if text}
    return found


def receiptless(work: Work, org_id: str) -> int:
    """How many files of an organisation can be had and have no receipt: none, unless something was taken away."""
    wanted = select(func.count()).select_from(ExtractRow)
    met = (
        ExtractRow.org_id == org_id,
        ExtractRow.state == ExtractState.READY,
        col(ExtractRow.receipt).is_(None),
    )
    return work.db.exec(wanted.where(*met)).one()
