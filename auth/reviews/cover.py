"""What reviews have to say to others: whether a narrowing is overdue, whether a pilot was evaluated. Asked at use and at renewal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlmodel import col, select

from auth.duties.rules import later
from auth.grants import lineage
from auth.grants.tables import GrantRow
from auth.policy.filters.rules import LOCAL
from auth.profile.now import limits_now
from auth.reviews import rules
from auth.reviews.tables import PilotRow, ReviewRow
from auth.reviews.workflow import UNANSWERED, Kind, State
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


def going(work: Work, row: GrantRow) -> frozenset[str]:
    """Columns that a confirmed narrowing took away from this grant, or from one before it, for good."""
    wanted = select(ReviewRow.columns).where(
        col(ReviewRow.grant_id).in_(lineage.of(work, row)),
        col(ReviewRow.state).in_([State.NARROWING, State.SETTLED]),
        col(ReviewRow.narrow_due_on).is_not(None),
    )
    return frozenset(name for columns in work.db.exec(wanted) for name in json.loads(columns))


def following_objections(work: Work, row: GrantRow, columns: Iterable[str]) -> tuple[Reason, ...]:
    """Why a draft that amends or renews the grant may not be submitted: it asks again for what was taken away."""
    kept = sorted(going(work, row) & set(columns))
    return (rules.column_taken_away(kept),) if kept else ()


def is_pilot(work: Work, row: GrantRow) -> bool:
    """Whether the grant, or one that it amends, was marked as a pilot: amending it does not unmark it."""
    return _is_pilot(work, lineage.amended(work, row))


def _is_pilot(work: Work, grants: tuple[str, ...]) -> bool:
    return (
        work.db.exec(select(PilotRow.grant_id).where(col(PilotRow.grant_id).in_(grants))).first() is not None
    )


def carry_over(work: Work, old_id: str, new_id: str, columns: Iterable[str]) -> list[str]:
    """Let what is asked or proposed about a grant be about the one that takes its place; returns which. `columns`: those of the new one.

    A narrowing that the new grant has made already stays behind and is settled; else it is about the columns that are left of it. So does a
    look whose campaign asks about the new grant itself.
    """
    asked = select(ReviewRow.campaign_id).where(ReviewRow.grant_id == new_id)
    there = {campaign for campaign in work.db.exec(asked) if campaign}
    kept, carried = set(columns), []
    wanted = select(ReviewRow).where(
        ReviewRow.grant_id == old_id, col(ReviewRow.state).in_([*UNANSWERED, State.NARROWING])
    )
    for row in work.db.exec(wanted.order_by(col(ReviewRow.id)).with_for_update()).all():
        left = [name for name in json.loads(row.columns) if name in kept]
        if row.campaign_id in there or (row.state in (State.TO_NARROW, State.NARROWING) and not left):
            continue
        row.grant_id, row.columns = new_id, json.dumps(left, ensure_ascii=False)
        work.db.add(row)
        carried.append(row.id)
    work.db.flush()
    return carried


def renewal_objections(work: Work, grant_id: str) -> tuple[Reason, ...]:
    """A pilot is renewed, or goes on beyond its end, only after an evaluation that keeps it."""
    row = work.db.exec(select(GrantRow).where(GrantRow.id == grant_id)).one()
    grants = lineage.amended(work, row)
    if not _is_pilot(work, grants):
        return ()
    wanted = select(ReviewRow.id).where(
        col(ReviewRow.grant_id).in_(grants), ReviewRow.kind == Kind.EVALUATION, ReviewRow.state == State.KEPT
    )
    return () if work.db.exec(wanted.limit(1)).first() else (rules.evaluation_missing(grant_id),)


def pilot_objections(work: Work, row: GrantRow, ends_on: date) -> tuple[Reason, ...]:
    """Why a grant that is amended may not go on to that day as a pilot: the longest period of a pilot counts from where it began."""
    grants = lineage.amended(work, row)
    return too_long(work, grants, ends_on) if _is_pilot(work, grants) else ()


def too_long(work: Work, grants: tuple[str, ...], ends_on: date) -> tuple[Reason, ...]:
    """Why these grants, one amending the other, are too long for a pilot if the newest ends on that day."""
    months = limits_now(work)["pilot_months"]
    starts = work.db.exec(select(GrantRow.starts_at).where(col(GrantRow.id).in_(grants))).all()
    first = min(starts).astimezone(LOCAL).date()
    return tuple(rules.pilot_objections(months, first, ends_on, later(first, months)))
