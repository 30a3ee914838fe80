"""Telling what happened to an application: whoever has the next word, and whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auth.actor import Actor
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import State
from auth.messages import audience
from auth.messages.kinds import state_facts
from auth.messages.service import tell
from auth.policy.separation import SIGNS
from core.work import Work

_OF_INTEREST: Final = frozenset(
    {State.IN_REVIEW, State.RETURNED, State.OFFERED, State.REJECTED, State.LAPSED, State.AGREED}
)


def moved(work: Work, row: ApplicationRow, *, by: str) -> None:
    """The application has entered its present state through account `by`, who is not told what he did himself."""
    href, once = f"/applications/{row.id}", f"{row.id}|{row.version}"
    facts = short(row)
    if row.due_on:
        facts["due_on"] = row.due_on.isoformat()
    following, named = audience.next_and_handlers(work, row)
    waiting = [each for each in following if each != by]
    watching = {*named} - {by, *waiting}
    tell(work, waiting, "application.waits", subject=row.id, href=href, once=once, facts=facts)
    makers = {row.created_by, row.confirmed_by} - {"", by, *waiting}
    tell(work, watching - makers, "application.moved", subject=row.id, href=href, once=once, facts=facts)
    if row.state in _OF_INTEREST and makers:
        tell(work, makers, "application.moved", subject=row.id, href=href, once=once, facts=facts)


def lines_wait(work: Work, row: ApplicationRow, line_ids: Sequence[str], *, by: Actor) -> None:
    """One scope has decided or signed its lines, these still want a word: tell the approvers whose they are, and their deputies.

    Who has signed is not told again of lines that he has signed: the first message of the stage reached him.
    """
    lines = [line for line in queries.lines(work, row.id) if line.id in line_ids]
    told = set(audience.deciders(work, {line.department_id for line in lines})) - {by.account_id}
    signed = {
        event.account_id
        for event in queries.events(work, row.id)
        if event.turn == row.turn and event.step in SIGNS
    }
    href, once = f"/applications/{row.id}", f"{row.id}|{row.version}|lines"
    facts = short(row) | {"lines": str(len(lines)), "due_on": row.due_on.isoformat() if row.due_on else "—"}
    tell(
        work,
        sorted(told - signed),
        "application.lines_wait",
        subject=row.id,
        href=href,
        once=once,
        facts=facts,
    )


def short(row: ApplicationRow) -> dict[str, str]:
    """The facts that every message about an application carries."""
    return {"id": row.id[:13], **state_facts(row.state)}
