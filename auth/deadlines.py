"""Noting what time has done: grants that ended, grants nobody activated, applications nobody answered.

Nothing waits for this: whether a grant counts is computed at the moment of use. The note makes the end an event, once.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, select

from auth.agreements import service as agreements
from auth.applications import drafts
from auth.applications.steps import local_day
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import State as ApplicationState
from auth.clocks import escalation
from auth.duties import service as duties
from auth.grants import dormancy, ended, waking
from auth.grants import service as grants
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.messages import reminders
from auth.papers import cover as papers
from auth.profile.now import limits_now
from auth.registrations import service as registrations
from auth.reviews import owed, pilots
from auth.reviews import service as reviews
from auth.revocations import service as revocations
from core.work import Work


def is_anything_due(work: Work) -> bool:
    """Whether a note is to be made; only reads, so that an idle installation is not written to."""
    waited = work.now - timedelta(days=limits_now(work)["pending_days"])
    over = select(GrantRow.id).where(
        (
            col(GrantRow.state).in_([GrantState.PENDING, GrantState.ACTIVE, GrantState.SUSPENDED])
            & (col(GrantRow.ends_at) <= work.now)
        )
        | ((col(GrantRow.state) == GrantState.PENDING) & (col(GrantRow.created_at) <= waited))
    )
    unanswered = select(ApplicationRow.id).where(
        col(ApplicationRow.state).in_([ApplicationState.RETURNED, ApplicationState.OFFERED]),
        col(ApplicationRow.due_on) < local_day(work.now),
    )
    waiting = any(work.db.exec(wanted.limit(1)).first() is not None for wanted in (over, unanswered))
    return (
        waiting
        or duties.is_anything_due(work)
        or dormancy.waiting(work, limits_now(work))
        or agreements.is_anything_due(work)
        or reviews.is_anything_due(work)
        or pilots.is_anything_due(work)
        or owed.is_anything_due(work)
        or ended.is_anything_due(work)
        or registrations.is_anything_due(work)
        or papers.is_anything_late(work)
        or escalation.is_anything_due(work)
        or reminders.is_anything_due(work)
        or revocations.is_anything_due(work)
    )


def note_due(work: Work) -> int:
    """Write every event that is due; returns their number. Safe to run at any time and in several processes."""
    noted = (
        grants.expire_due(work) + drafts.lapse_due(work) + duties.note_due(work) + agreements.end_due(work)
    ) + waking.suspend_dormant_due(work)
    noted += ended.tell_due(work) if ended.is_anything_due(work) else 0
    noted += registrations.tell_due(work) if registrations.is_anything_due(work) else 0
    noted += (
        reviews.settle_due(work) + pilots.open_due(work) + owed.tell_due(work) + revocations.lapse_due(work)
    )
    return noted + escalation.escalate_due(work) + reminders.remind_due(work)
