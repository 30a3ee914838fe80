"""Which tickets an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from auth.applications.steps import local_day
from auth.identity.accounts import AccountRead, accounts
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.batches.queries import scopes
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.tickets.models import TicketRead
from datasets.tickets.tables import RuleFailureRow, TicketEventRow, TicketRow, UpstreamFixRow
from datasets.tickets.workflow import LIVE, WAITING, TicketState
from datasets.waivers.tables import WaiverRow

READ: Final = "datasets:ticket:read"
_WORK: Final = "datasets:ticket:work"
_MOST_PEOPLE: Final = 200
_SORTS: Final[dict[str, Any]] = {
    "opened": col(TicketRow.opened_at),
    "due": col(TicketRow.due_on),
    "number": col(TicketRow.number),
    "dataset": col(TicketRow.dataset_id),
    "state": col(TicketRow.state),
    "rows": col(TicketRow.failing_rows),
}


@dataclass(frozen=True, slots=True)
class TicketPage:
    """One page of a list."""

    items: list[TicketRead]
    total: int
    page: int
    pages: int


def read(work: Work, row: TicketRow) -> TicketRead:
    is_overdue = row.state in WAITING and row.due_on < local_day(work.now)
    return TicketRead.model_validate(row, update={"is_overdue": is_overdue})


def _visible(actor: Actor) -> SelectOfScalar[TicketRow]:
    """Tickets of the actor's departments, and those that were assigned to them."""
    within = scopes(actor, READ)
    wanted = select(TicketRow)
    if within is None:
        return wanted
    return wanted.where(or_(col(TicketRow.org_id).in_(within), col(TicketRow.assignee_org).in_(within)))


def ticket(work: Work, actor: Actor, ticket_id: str) -> TicketRow:
    """A ticket within the actor's sight, by its id; raises NotFound."""
    row = work.db.exec(_visible(actor).where(TicketRow.id == ticket_id)).first()
    if row is None:
        raise NotFound(
            Text("没有这个工单；请在工单列表中查找。", "There is no such ticket; look for it in the list.")
        )
    return row


def _waits_for(actor: Actor) -> ColumnElement[bool]:
    """It is this person's turn: his own, or nobody's in a department where he may work on it."""
    within = scopes(actor, _WORK)
    free: ColumnElement[bool] = col(TicketRow.assignee_id).is_(None)
    if within is not None:
        free = free & col(TicketRow.assignee_org).in_(within)
    waiting = col(TicketRow.state).in_(WAITING)
    return waiting & or_(col(TicketRow.assignee_id) == actor.account_id, free)


def tickets(
    work: Work,
    actor: Actor,
    *,
    states: tuple[str, ...] = (),
    org_id: str = "",
    dataset_id: str = "",
    batch_id: str = "",
    overdue: bool = False,
    mine: bool = False,
    live: bool = False,
    sort: str = "due",
    page: int = 1,
    size: int = 50,
) -> TicketPage:
    """One page of the tickets within the actor's sight. `mine`: those that wait for this person; `live`: not yet closed."""
    wanted = _visible(actor)
    if states:
        wanted = wanted.where(col(TicketRow.state).in_(states))
    if live:
        wanted = wanted.where(col(TicketRow.state).in_(LIVE))
    if org_id:
        wanted = wanted.where(or_(col(TicketRow.org_id) == org_id, col(TicketRow.assignee_org) == org_id))
    if dataset_id:
        wanted = wanted.where(TicketRow.dataset_id == dataset_id)
    if batch_id:
        about = select(RuleFailureRow.ticket_id).where(RuleFailureRow.batch_id == batch_id)
        wanted = wanted.where(or_(col(TicketRow.id).in_(about), col(TicketRow.mended_by) == batch_id))
    if overdue:
        wanted = wanted.where(col(TicketRow.state).in_(WAITING), col(TicketRow.due_on) < local_day(work.now))
    if mine:
        wanted = wanted.where(_waits_for(actor))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    key = _SORTS.get(sort.removeprefix("-"), _SORTS["due"])
    ordered = wanted.order_by(key.desc() if sort.startswith("-") else key.asc(), col(TicketRow.number).desc())
    rows = work.db.exec(ordered.limit(size).offset((page - 1) * size)).all()
    return TicketPage([read(work, row) for row in rows], total, page, max(1, -(-total // size)))


def live_of_rule(work: Work, dataset_id: str, rule_key: str) -> TicketRow | None:
    """The ticket of a rule that is not closed; there is one at most."""
    wanted = select(TicketRow).where(
        TicketRow.dataset_id == dataset_id, TicketRow.rule_key == rule_key, col(TicketRow.state).in_(LIVE)
    )
    return work.db.exec(wanted).first()


def latest_of_rule(work: Work, dataset_id: str, rule_key: str) -> TicketRow | None:
    wanted = select(TicketRow).where(TicketRow.dataset_id == dataset_id, TicketRow.rule_key == rule_key)
    return work.db.exec(wanted.order_by(col(TicketRow.number).desc())).first()


def of_rule(work: Work, dataset_id: str, rule_key: str) -> list[TicketRow]:
    """Every ticket that a rule ever had, newest first."""
    wanted = select(TicketRow).where(TicketRow.dataset_id == dataset_id, TicketRow.rule_key == rule_key)
    return list(work.db.exec(wanted.order_by(col(TicketRow.number).desc())))


def history(work: Work, ticket_id: str) -> list[TicketEventRow]:
    """Oldest first."""
    wanted = select(TicketEventRow).where(TicketEventRow.ticket_id == ticket_id)
    return list(work.db.exec(wanted.order_by(col(TicketEventRow.id))))


def failures(work: Work, ticket_id: str) -> list[tuple[RuleFailureRow, BatchRow]]:
    """Every failing check behind a ticket with its batch, oldest first."""
    wanted = select(RuleFailureRow, BatchRow).join(BatchRow, col(BatchRow.id) == RuleFailureRow.batch_id)
    rows = work.db.exec(wanted.where(RuleFailureRow.ticket_id == ticket_id).order_by(col(RuleFailureRow.id)))
    return [(failure, batch) for failure, batch in rows]


def settled_by(failure: RuleFailureRow, batch: BatchRow) -> str | None:
    """How a failing batch was dealt with; None while it is open."""
    if failure.is_mended:
        return "corrected"
    if failure.followed_by is not None:
        return "followed"
    if batch.state == BatchState.REJECTED:
        return "rejected"
    if failure.severity == "warning" and batch.confirmed is not None:
        return "signed"
    if any(each.get("rule_key") == failure.rule_key for each in batch.waivers):
        return "waived"
    return None


def waivers_of(work: Work, row: TicketRow) -> list[WaiverRow]:
    """Every waiver of the ticket's rule, newest first."""
    wanted = select(WaiverRow).where(
        WaiverRow.dataset_id == row.dataset_id, WaiverRow.rule_key == row.rule_key
    )
    return list(work.db.exec(wanted.order_by(col(WaiverRow.id).desc())))


def assignable(work: Work, org_id: str) -> list[AccountRead]:
    """The people of a department who may work on its tickets."""
    found, _ = accounts(work, org_id=org_id, limit=_MOST_PEOPLE)
    return [
        each
        for each in found
        if not each.disabled
        and any(role.role == "steward" and role.scope in (org_id, "*") for role in each.roles)
    ]


def fixes(
    work: Work, actor: Actor, *, states: tuple[str, ...] = (), dataset_id: str = ""
) -> list[UpstreamFixRow]:
    """Proposals within the actor's sight, newest first."""
    within = scopes(actor, READ)
    wanted = select(UpstreamFixRow)
    if within is not None:
        wanted = wanted.where(col(UpstreamFixRow.org_id).in_(within))
    if states:
        wanted = wanted.where(col(UpstreamFixRow.state).in_(states))
    if dataset_id:
        wanted = wanted.where(UpstreamFixRow.dataset_id == dataset_id)
    return list(work.db.exec(wanted.order_by(col(UpstreamFixRow.id).desc()).limit(200)))


def fix(work: Work, actor: Actor, fix_id: str) -> UpstreamFixRow:
    """A proposal within the actor's sight; raises NotFound."""
    within = scopes(actor, READ)
    row = work.db.get(UpstreamFixRow, fix_id)
    if row is None or (within is not None and row.org_id not in within):
        raise NotFound(Text("没有这条整改建议。", "There is no such proposal."))
    return row


def to_confirm(work: Work, actor: Actor, size: int) -> tuple[list[TicketRead], int]:
    """Answered tickets that this person may confirm: of his departments, and not answered by himself."""
    within = scopes(actor, "datasets:ticket:confirm")
    wanted = _visible(actor).where(TicketRow.state == TicketState.ANSWERED)
    if within is not None:
        wanted = wanted.where(col(TicketRow.org_id).in_(within))
    rows = work.db.exec(wanted.order_by(col(TicketRow.answered_at))).all()
    open_to = [row for row in rows if actor.person_id not in answerers(work, row)]
    return [read(work, row) for row in open_to[:size]], len(open_to)


def answerers(work: Work, row: TicketRow) -> frozenset[str]:
    """The persons who answered a ticket, or who prepared the batch that mended it."""
    people = {row.answered["person_id"]} if row.answered else set()
    mending = work.db.get(BatchRow, row.mended_by) if row.mended_by else None
    return frozenset(people | set(mending.preparers if mending else ()))
