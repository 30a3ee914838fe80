"""Evaluations of pilots, opened while there is time: when people are first reminded of the end, and twice the working days to answer before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from auth.actor import SYSTEM
from auth.grants import lineage
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Reminded
from auth.profile.now import limits_now
from auth.reviews import cover, service
from auth.reviews.tables import PilotRow, ReviewRow
from auth.reviews.workflow import UNANSWERED, Kind, State
from core.work import Work, hold

_GOING_ON: Final = (*service.LIVE, GrantState.SUPERSEDED)
_ASKED: Final = (*UNANSWERED, State.NARROWING, State.KEPT)


def is_anything_due(work: Work) -> bool:
    """Whether an evaluation is to be opened; only reads."""
    return bool(_waiting(work))


def open_due(work: Work) -> int:
    """Open those that are due, each once; returns how many."""
    opened = 0
    for row in _waiting(work):
        hold(work, f"evaluation {row.id}")
        if not _is_asked(work, row):
            service.ask(work, SYSTEM, row, Kind.EVALUATION)
            opened += 1
    return opened


def _waiting(work: Work) -> list[GrantRow]:
    """Pilots that end soon and were neither asked about nor kept."""
    if not (found := _pilots(work)):
        return []
    limits = limits_now(work)
    days = max(*limits.reminders[Reminded.GENERAL].days, 2 * limits["review_answer_working_days"])
    until = cover.today(work) + timedelta(days=days)
    second = timedelta(seconds=1)  # the end itself is exclusive
    ending = [row for row in found if (row.ends_at - second).astimezone(LOCAL).date() <= until]
    return [row for row in ending if not _is_asked(work, row)]


def _pilots(work: Work) -> list[GrantRow]:
    """Grants that run and were marked, or amend one that was."""
    wanted = select(GrantRow).order_by(col(GrantRow.id))
    marked = wanted.where(col(GrantRow.id).in_(select(PilotRow.grant_id)), col(GrantRow.state).in_(_GOING_ON))
    fresh, found = list(work.db.exec(marked)), []
    while fresh:
        found += [row for row in fresh if row.state in service.LIVE and row.ends_at > work.now]
        amended = [row.id for row in fresh if row.state == GrantState.SUPERSEDED]
        after = wanted.where(col(GrantRow.succeeds_id).in_(amended), GrantRow.succession == lineage.AMENDMENT)
        fresh = list(work.db.exec(after)) if amended else []
    return found


def _is_asked(work: Work, row: GrantRow) -> bool:
    wanted = select(ReviewRow.id).where(
        col(ReviewRow.grant_id).in_(lineage.amended(work, row)),
        ReviewRow.kind == Kind.EVALUATION,
        col(ReviewRow.state).in_(_ASKED),
    )
    return work.db.exec(wanted.limit(1)).first() is not None
