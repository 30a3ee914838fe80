"""How lines like this one were decided before: the same dataset, or the same scenario, within the reader's sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, or_, select

from auth.actor import Actor
from auth.applications import queries, rules, seeing
from auth.applications.references import names_of
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.policy import comparing
from auth.policy.comparing import Difference
from core.errors import NotFound, Reason, Unavailable
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class Precedent:
    """One decided line. `narrowed`: in what the decision differs from what was asked; `likeness`: what it shares with the line at hand;
    `unreadable`: why that cannot be told, where this version does not know the terms that were asked or decided."""

    application_id: str
    org_id: str
    dataset_id: str
    title: Text
    scenario_id: str
    decided_at: datetime
    outcome: str
    reason_code: str
    note: str
    narrowed: tuple[Difference, ...]
    same_dataset: bool
    same_scenario: bool
    same_org: bool
    unreadable: tuple[Reason, ...] = ()


def precedents(
    work: Work, actor: Actor, application_id: ApplicationId, line_id: str, *, limit: int = LIMIT
) -> list[Precedent]:
    """Earlier decisions that count, the most alike first, then the newest. NotFound outside the actor's sight.

    Decided means offered, agreed or refused: what only stands proposed is nobody's precedent.
    """
    row = queries.row(work, application_id, actor)
    line = next((each for each in queries.lines(work, row.id) if each.id == line_id), None)
    if line is None:
        raise NotFound(Text("该申请没有这一行。", "The application has no such line."))
    wanted = (
        select(ApplicationRow, ApplicationLineRow)
        .where(col(ApplicationLineRow.application_id) == col(ApplicationRow.id), seeing.seen_by(actor))
        .where(ApplicationRow.id != row.id, col(ApplicationLineRow.decision) != "")
        .where(col(ApplicationRow.decided_at).is_not(None))
        .where(
            or_(
                col(ApplicationLineRow.dataset_id) == line.dataset_id,
                (col(ApplicationRow.scenario_id) == row.scenario_id)
                & (col(ApplicationRow.scenario_id) != ""),
            )
        )
    )
    same_dataset = (col(ApplicationLineRow.dataset_id) == line.dataset_id).desc()
    same_scenario = (col(ApplicationRow.scenario_id) == row.scenario_id).desc()
    ordered = wanted.order_by(
        same_dataset, same_scenario, col(ApplicationRow.decided_at).desc(), col(ApplicationLineRow.id)
    )
    return [_read(work, row, line, *found) for found in work.db.exec(ordered.limit(limit))]


def _read(
    work: Work,
    at_hand: ApplicationRow,
    line_at_hand: ApplicationLineRow,
    row: ApplicationRow,
    line: ApplicationLineRow,
) -> Precedent:
    assert row.decided_at is not None  # noqa: S101 - the query asks for it
    taken, unreadable = told_narrowed(work, row, line)
    return Precedent(
        row.id, row.org_id, line.dataset_id, Text(line.title_zh, line.title_en), row.scenario_id, row.decided_at, line.decision,
        line.decision_code, line.decision_note, taken,
        same_dataset=line.dataset_id == line_at_hand.dataset_id, same_scenario=row.scenario_id == at_hand.scenario_id,
        same_org=row.org_id == at_hand.org_id, unreadable=unreadable,
    )  # fmt: skip


def told_narrowed(
    work: Work, row: ApplicationRow, line: ApplicationLineRow
) -> tuple[tuple[Difference, ...], tuple[Reason, ...]]:
    """The same as `narrowed`, or why it cannot be told."""
    try:
        return narrowed(work, row, line), ()
    except Unavailable as fault:
        return (), tuple(fault.reasons)


def narrowed(work: Work, row: ApplicationRow, line: ApplicationLineRow) -> tuple[Difference, ...]:
    """What the decision took away; () where it offers all that was asked, or nothing. Raises Unavailable where this version does not know the terms."""
    if not line.offered:
        return ()
    ask, offered = queries.ask_of(work, row), queries.offered_policy(line.offered)
    at = [each.id for each in queries.lines(work, row.id)].index(line.id)
    asked = rules.policy_asked(ask, ask.lines[at])
    return comparing.differences(asked, offered, names_of(work, (*asked.members, *offered.members)))
