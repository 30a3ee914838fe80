"""One grant after another: an amendment takes the place of the grant it changes, a renewal follows the one that ends.

An amendment carries over what was used, so that changing a grant never refills its quotas; a renewal begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import col, select

from auth.grants.stored import policy_of, scenario_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import STATE_NAMES, State
from auth.identity.rules import local_moment
from auth.policy import rules
from auth.policy.model import GrantPolicy
from core.errors import Reason
from core.ids import GrantId
from core.work import Work

UNITS: Final = ("extracts", "rows", "bytes")


class Succession(StrEnum):
    """How an application, and the grant that comes out of it, stands to an earlier grant."""

    NEW = "new"
    AMENDMENT = "amendment"
    RENEWAL = "renewal"


CARRIES_USE: Final = frozenset({Succession.AMENDMENT})


def predecessor(work: Work, row: GrantRow) -> GrantRow | None:
    """The grant before this one, held until the transaction ends: no charge slips in between."""
    if row.succeeds_id is None:
        return None
    wanted = select(GrantRow).where(GrantRow.id == row.succeeds_id).with_for_update()
    return work.db.exec(wanted.execution_options(populate_existing=True)).one()


def objections(work: Work, row: GrantRow) -> Iterator[Reason]:
    """Why this grant may not be put into force because of others of the same holder on the same data and scenario."""
    old = predecessor(work, row)
    if old is not None:
        yield from _of_predecessor(work, row, old)
    scenario = policy_of(row).scenario_id
    for other in _rivals(
        work,
        row.org_id,
        row.dataset_id,
        scenario,
        row.starts_at,
        row.ends_at,
        (row.id, row.succeeds_id or ""),
    ):
        yield _taken(other)


def new_objections(work: Work, org_id: str, policy: GrantPolicy) -> Iterator[Reason]:
    """Why a grant that follows none could not be put into force with this policy: asked before anybody works on the application for it."""
    period = policy.starts_at, policy.ends_at
    for other in _rivals(work, org_id, policy.dataset_id, policy.scenario_id, *period):
        yield _taken(other)


def _taken(other: GrantRow) -> Reason:
    if other.state == State.SUSPENDED:
        return rules.refused(
            "grant-exists",
            f"同一机构、{other.dataset_id} 与同一场景已有授权 {other.id}，期限重叠，现已暂停；请待其恢复后办理变更或续期，或先放弃原授权。",
            f"Grant {other.id} of the same holder, {other.dataset_id} and scenario overlaps in time and is suspended; have it resumed and amend or renew it, or give it back first.",
            rules.GRANT,
            grant=other.id,
        )
    return rules.refused(
        "grant-exists",
        f"同一机构、{other.dataset_id} 与同一场景已有授权 {other.id}，期限重叠；请办理变更或续期，或先放弃原授权。",
        f"Grant {other.id} of the same holder, {other.dataset_id} and scenario overlaps in time; amend or renew it, or give it back first.",
        rules.GRANT,
        grant=other.id,
    )


def _of_predecessor(work: Work, row: GrantRow, old: GrantRow) -> Iterator[Reason]:
    runs = old.state == State.ACTIVE and work.now < old.ends_at
    over = old.state == State.EXPIRED or (old.state == State.ACTIVE and not runs)
    fits = runs or (over and row.succession == Succession.RENEWAL)
    if not fits:
        name = STATE_NAMES[State(old.state)]
        yield rules.refused(
            "predecessor-does-not-stand",
            f"原授权 {old.id} 当前为“{name.zh}”或已到期，不能由本授权接替。",
            f"The grant before, {old.id}, is {name.en.lower()} or over; this one cannot take its place.",
            rules.GRANT,
            grant=old.id,
        )
    if runs and row.succession == Succession.RENEWAL and row.starts_at < old.ends_at:
        yield renews_too_early(old)
    if runs and row.succession == Succession.AMENDMENT and row.starts_at >= old.ends_at:
        yield amends_after_end(old)
    if runs and row.starts_at < old.ends_at and work.now < row.starts_at:
        yield rules.refused(
            "successor-not-started",
            f"本授权自 {local_moment(row.starts_at)} 起有效；届时再接替原授权，以免中断。",
            f"This grant starts at {local_moment(row.starts_at)}; let it take over then, so that use does not stop.",
            rules.GRANT,
        )


def renews_too_early(old: GrantRow) -> Reason:
    """A renewal begins with quotas of its own, so it begins once the grant before has ended."""
    return rules.refused(
        "renewal-before-end",
        f"续期从原授权 {old.id} 到期（{local_moment(old.ends_at)}）起算；期内的调整请办理变更，已用额度随之结转。",
        f"A renewal begins where grant {old.id} ends ({local_moment(old.ends_at)}); for changes before that amend it, which carries over what was used.",
        rules.GRANT,
        grant=old.id,
    )


def amends_after_end(old: GrantRow) -> Reason:
    """An amendment goes on with what was used, so it begins while the grant before runs; what begins afterwards renews it."""
    return rules.refused(
        "amendment-after-end",
        f"变更须在原授权 {old.id} 到期（{old.ends_at.isoformat()}）前开始；期满后的使用请办理续期，并提交使用报告。",
        f"An amendment begins before grant {old.id} ends ({old.ends_at.isoformat()}); for use after that renew it, with a use report.",
        rules.GRANT,
        grant=old.id,
    )


def _rivals(
    work: Work, org_id: str, dataset_id: str, scenario_id: str, starts_at: datetime, ends_at: datetime, but: Iterable[str] = ()
) -> list[GrantRow]:  # fmt: skip
    """Grants in force or suspended, of the same holder, dataset and scenario, whose period overlaps. `but`: ids to leave out."""
    wanted = select(GrantRow).where(
        GrantRow.org_id == org_id,
        GrantRow.dataset_id == dataset_id,
        col(GrantRow.id).not_in(list(but)),
        col(GrantRow.state).in_([State.ACTIVE, State.SUSPENDED]),
        col(GrantRow.ends_at) > max(work.now, starts_at),
        col(GrantRow.starts_at) < ends_at,
    )
    found = work.db.exec(wanted.order_by(col(GrantRow.id)))
    return [other for other in found if scenario_of(other) == scenario_id]


def take_over(row: GrantRow, old: GrantRow) -> dict[str, int]:
    """What the successor carries: everything used under the earlier grants of its line. Gives the amounts, for the record."""
    if row.succession not in CARRIES_USE:
        return {}
    carried = {unit: getattr(old, f"used_{unit}") + getattr(old, f"carried_{unit}") for unit in UNITS}
    for unit, count in carried.items():
        setattr(row, f"carried_{unit}", count)
    row.used_on, row.used_per_day = old.used_on, old.used_per_day
    row.used_in, row.used_per_month = old.used_in, old.used_per_month
    row.outputs_in, row.used_outputs_per_month = old.outputs_in, old.used_outputs_per_month
    return carried


def carried_on_by(work: Work, grant_id: GrantId) -> list[GrantId]:
    """The amendments that were put into force after it, one after another: each carries what was used before. () while it stands itself."""
    found: list[GrantId] = []
    while True:
        wanted = select(GrantRow.id).where(
            GrantRow.succeeds_id == (found[-1] if found else grant_id),
            col(GrantRow.succession).in_(CARRIES_USE),
            col(GrantRow.activated_at).is_not(None),
        )
        if (later := work.db.exec(wanted).first()) is None:
            return found
        found.append(GrantId(later))


def carries_of(work: Work, grant_id: GrantId) -> list[GrantId]:
    """The grants before it whose use it goes on with: those that it and its predecessors amend."""
    found: list[GrantId] = []
    while True:
        wanted = select(GrantRow.succeeds_id).where(
            GrantRow.id == (found[-1] if found else grant_id), col(GrantRow.succession).in_(CARRIES_USE)
        )
        if (earlier := work.db.exec(wanted).first()) is None:
            return found
        found.append(GrantId(earlier))
