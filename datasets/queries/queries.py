"""Reading answers. Every list starts from what the actor may see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_
from sqlmodel import col, select

from auth.actor import Actor
from auth.policy.filters.model import RowFilter, parse
from auth.policy.model import DeliveryForm
from auth.scope import sight
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.queries.model import QueryRead
from datasets.queries.tables import AnswerRow

READ = "datasets:query:read"
SORTS = {"asked": col(AnswerRow.id), "dataset": col(AnswerRow.dataset_id), "state": col(AnswerRow.state)}


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Answers in sight. What the enclave computed is none: it is held for the overlap guard alone."""
    seen, told = sight(actor, READ), col(AnswerRow.form) != DeliveryForm.ENCLAVE
    return told if seen.everything else and_(told, or_(false(), col(AnswerRow.org_id).in_(seen.orgs)))


def one(work: Work, actor: Actor, answer_id: str) -> QueryRead:
    """One answer; NotFound outside the actor's sight."""
    row = work.db.exec(select(AnswerRow).where(AnswerRow.id == answer_id, seen_by(actor))).first()
    if row is None:
        raise NotFound(
            Text("没有这次查询，或不在您可见的范围内。", "There is no such query, or it is not yours to see.")
        )
    return read(row)


def read(row: AnswerRow) -> QueryRead:
    said: dict[str, Any] = json.loads(row.answer)
    return QueryRead.model_validate(
        row,
        update={
            "query": json.loads(row.query), "groups": said.get("groups", []), "measures": said.get("measures", []),
            "rows": said.get("rows", []), "notes": said.get("notes", {})
        },
    )  # fmt: skip


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    form: str | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-asked",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[QueryRead], int]:
    """Questions in sight and their number. `sort`: a key of SORTS, `-` before it for descending."""
    conditions: list[Any] = [seen_by(actor)]
    for column, value in (
        (AnswerRow.state, state), (AnswerRow.form, form), (AnswerRow.grant_id, grant_id), (AnswerRow.dataset_id, dataset_id),
    ):  # fmt: skip
        if value:
            conditions.append(col(column) == value)
    order = SORTS.get(sort.removeprefix("-"), col(AnswerRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(AnswerRow.id).desc())
    total = work.db.exec(select(func.count()).select_from(AnswerRow).where(*conditions)).one()
    found = work.db.exec(select(AnswerRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit))
    return [read(each) for each in found], total


def conditions_of(work: Work, answer_ids: Sequence[str]) -> dict[str, RowFilter]:
    """The condition that each of these questions was asked with; those without one are left out."""
    found: dict[str, RowFilter] = {}
    for start in range(0, len(answer_ids), 500):
        wanted = select(AnswerRow.id, AnswerRow.query).where(
            col(AnswerRow.id).in_(answer_ids[start : start + 500])
        )
        for each, text in work.db.exec(wanted):
            if where := json.loads(text).get("where"):
                found[each] = parse(where)
    return found
