"""Which duties a grant has without a row yet, and what is overdue: computed, whether or not anybody noted it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import ColumnElement, true
from sqlmodel import col, select

from auth.duties import rules
from auth.duties.rules import Due, Lived
from auth.duties.tables import DutyRow
from auth.duties.workflow import Kind, State
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL as GRANT_FINAL
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.profile.model import Profile, Reach
from core.errors import Reason
from core.work import Work


def today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def missing(work: Work, row: GrantRow, limits: Limits) -> list[Due]:
    """Duties that the grant has by now and that have no row yet."""
    lived = Lived(row.activated_at, row.ends_at, row.state, row.state in GRANT_FINAL, row.ended_at)
    owed = list(rules.duties_of(lived, work.now, limits))
    if not owed:
        return []
    known = select(DutyRow.kind, DutyRow.period).where(DutyRow.grant_id == row.id)
    there = set(work.db.exec(known))
    return [due for due in owed if (due.kind, due.period) not in there]


def of_org(
    work: Work,
    limits: Limits,
    org_id: str,
    *,
    duties: ColumnElement[bool] | None = None,
    grants: ColumnElement[bool] | None = None,
) -> Iterator[tuple[Kind, str, str, date]]:
    """(kind, grant, dataset, last day) of what an organisation owes beyond its day; narrowed by conditions on both tables."""
    day = today(work)
    noted = (
        select(DutyRow)
        .where(DutyRow.org_id == org_id, DutyRow.state == State.OPEN, col(DutyRow.due_on) < day)
        .where(true() if duties is None else duties)
    )
    for duty in work.db.exec(noted.order_by(col(DutyRow.due_on), col(DutyRow.id))):
        yield Kind(duty.kind), duty.grant_id, duty.dataset_id, duty.due_on
    held = (
        select(GrantRow)
        .where(GrantRow.org_id == org_id, col(GrantRow.activated_at).is_not(None))
        .where(true() if grants is None else grants)
    )
    for row in work.db.exec(held.order_by(col(GrantRow.id))):
        for due in missing(work, row, limits):
            if due.due_on < day:
                yield due.kind, row.id, row.dataset_id, due.due_on


def blocking(work: Work, profile: Profile, limits: Limits, grant: GrantRow) -> tuple[Reason, ...]:
    """Overdue duties that stop the use of this grant, by the profile's `blocking_duties`."""
    found = []
    for kind, reach in sorted(profile.blocking_duties.items()):
        if reach is Reach.NONE:
            continue
        on_duty: ColumnElement[bool] = col(DutyRow.kind) == kind
        on_grant: ColumnElement[bool] = true()
        if reach is Reach.GRANT:
            on_duty, on_grant = on_duty & (col(DutyRow.grant_id) == grant.id), col(GrantRow.id) == grant.id
        elif reach is Reach.DATASET:
            on_duty &= col(DutyRow.dataset_id) == grant.dataset_id
            on_grant = col(GrantRow.dataset_id) == grant.dataset_id
        owed = of_org(work, limits, grant.org_id, duties=on_duty, grants=on_grant)
        found += [rules.blocks_use(*due) for due in owed if due[0] is kind]
    return tuple(found)
