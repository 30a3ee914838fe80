"""Lists of applications within the actor's sight, and where one stands among the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications.queries import departments
from auth.applications.seeing import seen_by
from auth.applications.tables import ApplicationHandlerRow, ApplicationLineRow, ApplicationRow
from auth.applications.waiting import waiting_for
from auth.applications.workflow import ANSWERED, FINAL, LIVE, State
from auth.policy.filters.rules import LOCAL
from core.work import Work

SORTS = {
    "created": col(ApplicationRow.id),
    "submitted": col(ApplicationRow.submitted_at),
    "due": col(ApplicationRow.due_on),
    "state": col(ApplicationRow.state),
}


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    mine: bool = False,
    waiting: bool = False,
    handled: bool = False,
    under_way: bool = False,
    dataset_id: str | None = None,
    sort: str = "-created",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[ApplicationRow], int]:
    """Applications in sight and their number. `mine`: made by this account; `waiting`: the actor has the next word; `handled`: named to be his; `under_way`: not at its end."""
    conditions: list[Any] = [seen_by(actor)]
    if state:
        conditions.append(col(ApplicationRow.state) == state)
    if mine:
        conditions.append(col(ApplicationRow.created_by) == actor.account_id)
    if under_way:
        conditions.append(col(ApplicationRow.state).not_in(FINAL))
    if handled:
        conditions.append(
            exists().where(
                col(ApplicationHandlerRow.application_id) == col(ApplicationRow.id),
                col(ApplicationHandlerRow.account_id) == actor.account_id,
            )
        )
    if waiting:
        conditions.append(waiting_for(actor, work.now.astimezone(LOCAL).date()))
    if dataset_id:
        conditions.append(
            exists().where(
                col(ApplicationLineRow.application_id) == col(ApplicationRow.id),
                col(ApplicationLineRow.dataset_id) == dataset_id,
            )
        )
    order = SORTS.get(sort.removeprefix("-"), col(ApplicationRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(ApplicationRow.id).desc())
    wanted = select(ApplicationRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit)
    total = work.db.exec(select(func.count()).select_from(ApplicationRow).where(*conditions)).one()
    return list(work.db.exec(wanted)), total


def live_lines(work: Work, actor: Actor, dataset_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """(dataset, scenario, organisation) of every line, in the actor's sight, of an application that has not ended."""
    line = aliased(ApplicationLineRow)  # `seen_by` looks for lines of its own
    wanted = (
        select(col(line.dataset_id), ApplicationRow.scenario_id, ApplicationRow.org_id)
        .where(col(ApplicationRow.id) == col(line.application_id))
        .where(col(ApplicationRow.state).in_(LIVE), seen_by(actor))
        .where(col(line.dataset_id).in_(dataset_ids))
    )
    return [(dataset, scenario, org) for dataset, scenario, org in work.db.exec(wanted)]


def place(work: Work, found: ApplicationRow) -> tuple[int, int] | None:
    """Where the application stands among those that wait at the same point for one of its departments, by the time of handing in; and how
    many there are. None while nobody on the bureau's side has the word.
    """
    if found.state not in (State.SUBMITTED, State.IN_REVIEW, State.DECIDING) or found.submitted_at is None:
        return None
    wanted = (
        select(func.count(func.distinct(col(ApplicationRow.id))))
        .join(ApplicationLineRow, col(ApplicationLineRow.application_id) == col(ApplicationRow.id))
        .where(ApplicationRow.state == found.state)
        .where(col(ApplicationLineRow.department_id).in_(departments(work, found.id)))
    )
    earlier = or_(
        col(ApplicationRow.submitted_at) < found.submitted_at,
        and_(col(ApplicationRow.submitted_at) == found.submitted_at, col(ApplicationRow.id) < found.id),
    )
    return work.db.exec(wanted.where(earlier)).one() + 1, work.db.exec(wanted).one()


def twins(work: Work, found: ApplicationRow, scenario_id: str) -> dict[str, str]:
    """Other open applications of the same organisation for the scenario: dataset → application."""
    today = work.now.astimezone(LOCAL).date()
    wanted = (
        select(ApplicationLineRow.dataset_id, ApplicationRow.id)
        .where(col(ApplicationLineRow.application_id) == col(ApplicationRow.id))
        .where(ApplicationRow.org_id == found.org_id, ApplicationRow.scenario_id == scenario_id)
        .where(ApplicationRow.id != found.id, col(ApplicationRow.state).in_([*LIVE, State.RETURNED]))
        .where(or_(col(ApplicationRow.state).not_in(ANSWERED), col(ApplicationRow.due_on) >= today))
    )
    return dict(list(work.db.exec(wanted)))
