"""What is frozen at this instant, asked at every use. A state and no time: a clock that lags never thaws anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_
from sqlmodel import col, select

from auth.identity.rules import local_moment
from auth.incidents.tables import IncidentRow
from auth.incidents.workflow import TARGET_NAMES, State, Target
from core.db import one_of
from core.errors import Reason
from core.recalled import recalled
from core.text import Text
from core.work import Work, fetched

BASIS = "R39 应急处置 · incident response"
ALL: Final = "all"  # the one id of the platform


def _is(kind: Target, ids: Iterable[object]) -> ColumnElement[bool]:
    return and_(col(IncidentRow.target_kind) == kind, one_of(col(IncidentRow.target_id), ids))


def of_grant(
    grant_id: object,
    org_id: object,
    dataset_id: object,
    department_id: object,
    before: Select[tuple[str]] | None = None,
) -> ColumnElement[bool]:
    """The condition that some freeze meets a grant with these ids (values, or columns of a query), or one `before` it."""
    earlier = false() if before is None else _is_among(Target.GRANT, before)
    return exists().where(
        col(IncidentRow.state) == State.FROZEN,
        or_(
            _is(Target.GRANT, [grant_id]),
            _is(Target.ORGANISATION, [org_id, department_id]),
            _is(Target.DATASET, [dataset_id]),
            _is(Target.PLATFORM, [ALL]),
            earlier,
        ),
    )


def _is_among(kind: Target, ids: Select[tuple[str]]) -> ColumnElement[bool]:
    return and_(col(IncidentRow.target_kind) == kind, col(IncidentRow.target_id).in_(ids))


def meeting(
    work: Work, *, grants: Iterable[str] = (), orgs: Iterable[str] = (), dataset_id: str = ""
) -> list[IncidentRow]:
    """The freezes in force on any of these, oldest first."""
    wanted = select(IncidentRow).where(
        IncidentRow.state == State.FROZEN,
        or_(
            _is(Target.GRANT, grants),
            _is(Target.ORGANISATION, orgs),
            _is(Target.DATASET, [dataset_id]),
            _is(Target.PLATFORM, [ALL]),
        ),
    )
    return list(work.db.exec(wanted.order_by(col(IncidentRow.id))))


_TARGETS: Final = select(IncidentRow.target_kind, IncidentRow.target_id).where(
    col(IncidentRow.state) == State.FROZEN
)


def anything() -> ColumnElement[bool]:
    """The condition that anything is frozen."""
    return exists().where(col(IncidentRow.state) == State.FROZEN)


def targets(work: Work) -> frozenset[tuple[str, str]]:
    """Everything frozen now, as (kind, id), for lists."""
    return recalled(
        work,
        IncidentRow,
        "targets",
        lambda: frozenset((each.target_kind, each.target_id) for each in fetched(work, _TARGETS)),
    )


def meets(
    frozen: frozenset[tuple[str, str]], grants: Iterable[str], orgs: Iterable[str], dataset_id: str
) -> bool:
    """Whether one of `targets` is one of the grants, one of the organisations, the dataset, or all of them."""
    own = {(Target.DATASET.value, dataset_id), (Target.PLATFORM.value, ALL)}
    own |= {(Target.GRANT.value, grant) for grant in grants}
    return not frozen.isdisjoint(own | {(Target.ORGANISATION.value, org) for org in orgs})


def reasons(
    work: Work, *, grants: Iterable[str] = (), orgs: Iterable[str] = (), dataset_id: str = ""
) -> tuple[Reason, ...]:
    """Why nothing may leave now; () when nothing is frozen. `grants`: a grant and those before it (`auth.grants.lineage`)."""
    orgs, grants = tuple(orgs), tuple(grants)
    if not meets(targets(work), grants, orgs, dataset_id):
        return ()
    return tuple(_reason(row) for row in meeting(work, grants=grants, orgs=orgs, dataset_id=dataset_id))


def _reason(row: IncidentRow) -> Reason:
    kind, since = TARGET_NAMES[Target(row.target_kind)], local_moment(row.created_at)
    text = Text(
        f"{kind.zh} {row.target_id} 自 {since} 起因应急处置冻结，解除前一律停止使用；请联系实施机构的安全管理员。",
        f"{kind.en} {row.target_id} is frozen since {since}; all use has stopped until it is lifted. Ask the bureau's security officer.",
    )
    return Reason("frozen", text, BASIS, {"target": row.target_kind, "incident": row.id})
