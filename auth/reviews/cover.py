"""What reviews have to say to others: whether a narrowing is overdue, whether a pilot was evaluated. Asked at use and at renewal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlmodel import col, select

from auth.policy.filters.rules import LOCAL
from auth.reviews import rules
from auth.reviews.tables import PilotRow, ReviewRow
from auth.reviews.workflow import Kind, State
from core.errors import Reason
from core.work import Work


def today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def overdue(grant_id: Any, today: Any) -> ColumnElement[bool]:  # noqa: ANN401 - values, or parameters of a query
    """The condition that a narrowing of the grant is beyond its day."""
    return exists().where(
        col(ReviewRow.grant_id) == grant_id,
        col(ReviewRow.state) == State.NARROWING,
        col(ReviewRow.narrow_due_on) < today,
    )


def at_use(work: Work, grant_id: str) -> tuple[Reason, ...]:
    """A narrowing whose day is over stops the grant until the amendment takes its place. Computed, no sweep."""
    wanted = select(ReviewRow).where(
        ReviewRow.grant_id == grant_id,
        ReviewRow.state == State.NARROWING,
        col(ReviewRow.narrow_due_on) < today(work),
    )
    return tuple(
        rules.narrowing_overdue(row.narrow_due_on, json.loads(row.columns))
        for row in work.db.exec(wanted.order_by(col(ReviewRow.id)))
        if row.narrow_due_on is not None
    )


def going(work: Work, grant_id: str) -> frozenset[str]:
    """Columns that a confirmed narrowing takes away from whatever follows this grant."""
    wanted = select(ReviewRow.columns).where(
        ReviewRow.grant_id == grant_id,
        col(ReviewRow.state).in_([State.NARROWING, State.SETTLED]),
        col(ReviewRow.narrow_due_on).is_not(None),
    )
    return frozenset(name for columns in work.db.exec(wanted) for name in json.loads(columns))


def following_objections(work: Work, grant_id: str, columns: Iterable[str]) -> tuple[Reason, ...]:
    """Why a draft that amends or renews the grant may not be submitted: it asks again for what was taken away."""
    kept = sorted(going(work, grant_id) & set(columns))
    return (rules.column_taken_away(kept),) if kept else ()


def renewal_objections(work: Work, grant_id: str) -> tuple[Reason, ...]:
    """A pilot is renewed only after an evaluation that keeps it."""
    if work.db.get(PilotRow, grant_id) is None:
        return ()
    wanted = select(ReviewRow.id).where(
        ReviewRow.grant_id == grant_id, ReviewRow.kind == Kind.EVALUATION, ReviewRow.state == State.KEPT
    )
    return () if work.db.exec(wanted.limit(1)).first() else (rules.evaluation_missing(grant_id),)
