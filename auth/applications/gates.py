"""What must stand besides the application itself, whatever it says: nothing frozen, no duty overdue, an agreement where one is asked for. Asked before submitting, at the decision and at signing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, or_, select

from auth.agreements import cover
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.asset import Asset
from auth.consents import cover as consents
from auth.duties import overdue
from auth.duties.service import overdue_reasons
from auth.duties.workflow import Kind
from auth.grants import lineage
from auth.grants import queries as grants
from auth.incidents import freezes
from auth.papers import cover as papers
from auth.policy.model import GrantPolicy
from auth.profile.model import Reach
from auth.profile.now import limits_now, profile
from auth.registrations import cover as registrations
from auth.revocations.opening import bars, may_bar
from core.db import UtcDateTime
from core.errors import Reason
from core.ids import GrantId
from core.work import Asked, Work, fetched


def gates(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Every reason of that kind against this application now, each once."""
    agreed = cover.objections(work, profile(work), row.org_id, row.scenario_id, row.starts_on, row.ends_on)
    if not _may_stand(work, row.org_id):
        return _once(agreed)
    lines = [(line.dataset_id, line.department_id) for line in queries.lines(work, row.id)]
    owed = (*overdue_reasons(work, row.org_id), *papers.overdue_of(work, row.org_id))
    barred = bars(work, row.org_id, [dataset_id for dataset_id, _ in lines])
    followed = _followed(work, row)
    return _once((*_frozen(work, row.org_id, lines, followed), *barred, *owed, *agreed))


_ORG: Final[BindParameter[Any]] = bindparam("org_id")
_TODAY: Final[BindParameter[Any]] = bindparam("today")
_MAY_STAND: Final = select(
    or_(
        overdue.suspected(
            tuple((kind, Reach.ORGANISATION) for kind in Kind),
            overdue.Place(None, _ORG, None, _TODAY, bindparam("now", type_=UtcDateTime), bindparam("before", type_=UtcDateTime)),
        ),
        papers.owing(_ORG, _TODAY), may_bar(_ORG), freezes.anything(),
    )
)  # fmt: skip


def _may_stand(work: Work, org_id: str) -> bool:
    """Whether there may be a freeze, a bar, or something owed beyond its day. One question says of most that there is nothing to look for."""
    statement, given = question(work, org_id)
    return bool(fetched(work, statement, **given).scalar_one())


def question(work: Work, org_id: str) -> Asked:
    """What `gates` asks first."""
    before = overdue.reported_before(work.now, limits_now(work))
    return _MAY_STAND, {"org_id": org_id, "today": overdue.today(work), "now": work.now, "before": before}


def of_line(
    work: Work,
    asset: Asset,
    columns: Iterable[str],
    scenario_id: str,
    starts_on: date | None,
    ends_on: date | None,
) -> tuple[Reason, ...]:
    """What must stand for one dataset besides: the consent of whoever shared it, and its registration where that binds."""
    rules = profile(work)
    found = consents.objections(
        work, rules, asset.dataset_id, columns, scenario_id, starts_on, ends_on, is_shared=asset.is_shared
    )
    return (*found, *(_registered(work, asset, ends_on) if rules.registration == "required" else ()))


def advice(work: Work, asset: Asset, ends_on: date | None) -> tuple[Reason, ...]:
    """What the register says where registration is encouraged only."""
    return _registered(work, asset, ends_on) if profile(work).registration == "encouraged" else ()


def _registered(work: Work, asset: Asset, ends_on: date | None) -> tuple[Reason, ...]:
    return registrations.objections(work, profile(work), asset.dataset_id, ends_on, in_scope=_in_scope(asset))


def of_policy(work: Work, asset: Asset, policy: GrantPolicy) -> tuple[Reason, ...]:
    """The same for a policy on offer or in a grant."""
    rules = profile(work)
    return (
        *consents.of_policy(work, rules, policy, is_shared=asset.is_shared),
        *registrations.of_policy(work, rules, policy, in_scope=_in_scope(asset)),
    )


def _in_scope(asset: Asset) -> bool:
    return asset.auth_op_scope in ("yes", "negotiable")


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple({(reason.code, reason.text): reason for reason in reasons}.values())


def _followed(work: Work, row: ApplicationRow) -> tuple[str, ...]:
    """The grant that the application amends or renews, and those before it; () for any other."""
    return () if row.from_grant_id is None else lineage.of(work, grants.row(work, GrantId(row.from_grant_id)))


def _frozen(
    work: Work, org_id: str, lines: list[tuple[str, str]], followed: tuple[str, ...]
) -> Iterable[Reason]:
    yield from freezes.reasons(work, grants=followed, orgs=[org_id])
    for dataset_id, department_id in lines:
        yield from freezes.reasons(work, orgs=[department_id], dataset_id=dataset_id)
