"""The books of papers and commitments: whoever may see the application may see both."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import seeing
from auth.applications.tables import ApplicationRow
from auth.casework.book import Book
from auth.papers import commitment_workflow as commitments
from auth.papers import workflow as papers
from auth.papers.tables import CommitmentRow, PaperRow
from auth.policy.filters.rules import LOCAL
from auth.roles import Role
from auth.scope import roles_towards
from core import calendar
from core.work import Work


def _papers_seen(actor: Actor) -> ColumnElement[bool]:
    return col(PaperRow.application_id).in_(select(ApplicationRow.id).where(seeing.seen_by(actor)))


def _commitments_seen(actor: Actor) -> ColumnElement[bool]:
    return col(CommitmentRow.application_id).in_(select(ApplicationRow.id).where(seeing.seen_by(actor)))


def _roles(actor: Actor, row: PaperRow | CommitmentRow) -> frozenset[Role]:
    return roles_towards(actor, org_id=row.org_id, departments=frozenset(json.loads(row.departments)))


PAPERS: Final = Book(
    kind="paper", table=PaperRow, machine=papers.MACHINE, states=papers.State, final=papers.FINAL, seen_by=_papers_seen, roles=_roles,
    kinds={"open": "paper.listed", papers.Step.SUPPLY: "paper.supplied", papers.Step.PROMISE: "paper.promised", papers.Step.DEFER: "paper.deferred",
           papers.Step.RETURN: "paper.returned", papers.Step.REOPEN: "paper.reopened"},
    ids=lambda row: {"application_id": row.application_id},
)  # fmt: skip
COMMITMENTS: Final = Book(
    kind="commitment", table=CommitmentRow, machine=commitments.MACHINE, states=commitments.State, final=commitments.FINAL,
    seen_by=_commitments_seen, roles=_roles,
    kinds={"open": "commitment.signed", commitments.Step.KEEP: "commitment.kept", commitments.Step.BREAK: "commitment.broken"},
    ids=lambda row: {"application_id": row.application_id},
)  # fmt: skip


def today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def days_on(work: Work, days: int) -> date:
    """The day that lies so many working days after today."""
    counts: Callable[[date], bool] = calendar.counter(work.db)
    day = today(work)
    while days > 0:
        day += timedelta(days=1)
        days -= counts(day)
    return day
