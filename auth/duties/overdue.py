"""Which duties a grant has without a row yet, and what is overdue: computed, whether or not anybody noted it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlmodel import col, select

from auth.duties import rules
from auth.duties.rules import Due, Lived
from auth.duties.tables import DutyRow
from auth.duties.workflow import Kind, State
from auth.grants.stored import uses_of
from auth.grants.tables import GrantFacts, GrantRow
from auth.grants.workflow import FINAL as GRANT_FINAL
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.profile.model import Profile, Reach
from core.db import one_of
from core.errors import Reason
from core.work import Work

WAS_DUE: Final = col(DutyRow.period).not_like(f"{rules.EARLY}%")
"""The condition that a duty was asked for, and not handed in before its time."""


def today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def missing(work: Work, row: GrantRow, limits: Limits) -> list[Due]:
    """Duties that the grant has by now and that have no row yet."""
    lived = Lived(
        row.activated_at, row.starts_at, row.ends_at, row.state, row.state in GRANT_FINAL, row.ended_at,
        is_continued(work, row, limits),
    )  # fmt: skip
    owed = list(rules.duties_of(lived, work.now, limits))
    if not owed:
        return []
    known = select(DutyRow.kind, DutyRow.period).where(DutyRow.grant_id == row.id)
    there = set(work.db.exec(known))
    return [due for due in owed if (due.kind, due.period) not in there]


def is_continued(work: Work, row: GrantRow, limits: Limits) -> bool:
    """Whether a renewal that was activated goes on with the grant's data, so that they are deleted at its end."""
    if row.ends_at > work.now:  # it runs, or ended before its time
        return False
    wanted = select(GrantRow).where(
        GrantRow.succeeds_id == row.id,
        GrantRow.succession == "renewal",
        col(GrantRow.activated_at).is_not(None),
    )
    columns = _columns(row)
    return columns is not None and any(
        rules.continues(
            row.state, row.ends_at, columns, renewed_from=max(each.starts_at, each.activated_at or each.starts_at),
            renewed_columns=renewed, limits=limits,
        )
        for each in work.db.exec(wanted)
        if (renewed := _columns(each)) is not None
    )  # fmt: skip


def held_under(work: Work, row: GrantRow, limits: Limits) -> list[str]:
    """The grant, and those before it whose data it went on with: amended ones, and renewed ones that owe no certificate of their own."""
    found = [row.id]
    while row.succeeds_id is not None:
        row = work.db.exec(select(GrantRow).where(GrantRow.id == row.succeeds_id)).one()
        own = select(DutyRow.id).where(
            DutyRow.grant_id == row.id, DutyRow.kind == Kind.DELETION_CERTIFICATE, DutyRow.state != State.CONTINUED
        )  # fmt: skip
        is_amended = row.state == "SUPERSEDED"
        if not is_amended and (not is_continued(work, row, limits) or work.db.exec(own).first()):
            break
        found.append(row.id)
    return found


def _columns(row: GrantRow) -> frozenset[str] | None:
    """None where they cannot be told: nothing goes on with what is unknown."""
    uses = uses_of(row)
    return None if uses is None else frozenset(name for name, use in uses.items() if use != "denied")


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
        .where(DutyRow.org_id == org_id, DutyRow.state == State.OPEN, col(DutyRow.due_on) < day, WAS_DUE)
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


Reaches = tuple[tuple[Kind, Reach], ...]


def reaches(profile: Profile) -> Reaches:
    """Which kinds of overdue duties stop a use, and how far."""
    return tuple(each for each in sorted(profile.blocking_duties.items()) if each[1] is not Reach.NONE)


@dataclass(frozen=True, slots=True)
class Place:
    """The grant that is used and the moment, as values or as parameters of a query. `reported_before`: grants older than
    that may owe a periodic report."""

    grant_id: Any
    org_id: Any
    dataset_id: Any
    today: Any
    now: Any
    reported_before: Any


def suspected(which: Reaches, at: Place) -> ColumnElement[bool]:
    """The condition that `blocking` may find something: a duty that is noted beyond its day, or a grant that ended or is old
    enough to owe one."""
    found: list[ColumnElement[bool]] = [false()]
    for kind, reach in which:
        on_duty, on_grant = _within(reach, at.grant_id, at.dataset_id)
        noted = exists().where(
            col(DutyRow.org_id) == at.org_id, col(DutyRow.kind) == kind, col(DutyRow.state) == State.OPEN,
            col(DutyRow.due_on) < at.today, WAS_DUE, on_duty,
        )  # fmt: skip
        old = one_of(col(GrantRow.state), sorted(GRANT_FINAL)) | (col(GrantRow.ends_at) <= at.now)
        if kind is Kind.USE_REPORT:  # owed while the grant runs, too
            old |= col(GrantRow.activated_at) <= at.reported_before
        owing = exists().where(
            col(GrantRow.org_id) == at.org_id, col(GrantRow.activated_at).is_not(None), on_grant, old
        )
        found += [noted, owing]
    return or_(*found)


def reported_before(now: datetime, limits: Limits) -> datetime:
    """Grants activated after it owe no periodic report yet: a month has 28 days at least."""
    return now - timedelta(days=28 * limits["use_report_months"])


def _within(reach: Reach, grant_id: Any, dataset_id: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401
    """The conditions on duties and on grants that keep to the reach."""
    if reach is Reach.GRANT:
        return col(DutyRow.grant_id) == grant_id, col(GrantRow.id) == grant_id
    if reach is Reach.DATASET:
        return col(DutyRow.dataset_id) == dataset_id, col(GrantRow.dataset_id) == dataset_id
    return true(), true()


def blocking(
    work: Work, profile: Profile, limits: Limits, grant: GrantRow | GrantFacts
) -> tuple[Reason, ...]:
    """Overdue duties that stop the use of this grant, by the profile's `blocking_duties`."""
    found = []
    for kind, reach in reaches(profile):
        on_duty, on_grant = _within(reach, grant.id, grant.dataset_id)
        of_kind = (col(DutyRow.kind) == kind) & on_duty
        owed = of_org(work, limits, grant.org_id, duties=of_kind, grants=on_grant)
        found += [rules.blocks_use(*due) for due in owed if due[0] is kind]
    return tuple(found)
