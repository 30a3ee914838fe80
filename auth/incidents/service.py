"""Freezing at once, and lifting by somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import Field, SQLModel, col

from auth.actor import SYSTEM, Actor
from auth.asset import Asset
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import doer
from auth.grants import queries as grants
from auth.grants.steps import of_own_side
from auth.identity import organisations
from auth.incidents import freezes, telling
from auth.incidents.tables import IncidentRow
from auth.incidents.workflow import FINAL, MACHINE, TARGET_NAMES, State, Step, Target
from auth.policy import separation
from auth.policy.model import Prose
from auth.scope import roles_towards, sight
from core.errors import Conflict, NotFound, Reason, refuse_if
from core.ids import DatasetId, GrantId
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:incident:read"
Assets = Callable[[DatasetId], Asset]


class IncidentCreate(SQLModel):
    """What is to be frozen, and why. The reason is shown to those concerned."""

    model_config = {"extra": "forbid"}
    target_kind: Target
    target_id: str = Field(min_length=1, max_length=120)
    reason: Prose = Field(max_length=2000)


class IncidentRead(SQLModel):
    """An incident as a reader sees it."""

    id: str
    state: State
    version: int
    target_kind: Target
    target_id: str
    title_zh: str
    title_en: str
    reason: str
    lifted_reason: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(IncidentRow.department_id).in_(seen.departments))


BOOK: Final = Book(
    kind="incident",
    table=IncidentRow,
    machine=MACHINE,
    states=State,
    kinds={"open": "incident.frozen", Step.LIFT: "incident.lifted"},
    final=FINAL,
    seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    ids=lambda row: (
        {f"{row.target_kind}_id": row.target_id} if row.target_kind in ("dataset", "grant") else {}
    ),
    says=lambda row: {"incident_id": row.id, "target_kind": row.target_kind, "target_id": row.target_id},
)


def freeze(work: Work, actor: Actor, body: IncidentCreate, *, assets: Assets) -> IncidentRead:
    """Stop all use of the target from this transaction on. NotFound for an unknown target; Conflict when it is frozen already."""
    need_reason(body.reason)
    title, department = _target(work, actor, body, assets)
    hold(work, f"incident {body.target_kind} {body.target_id}")
    frozen = [
        row
        for row in freezes.meeting(
            work, grants=[body.target_id], orgs=[body.target_id], dataset_id=body.target_id
        )
        if row.target_kind == body.target_kind
    ]
    if frozen:
        raise Conflict(
            Text(
                f"{title.zh}已处于冻结状态（{frozen[0].id}）。",
                f"{title.en} is frozen already ({frozen[0].id}).",
            ),
            incident=frozen[0].id,
        )
    row = IncidentRow(
        **made_by(work, actor), state=State.FROZEN, target_kind=body.target_kind, target_id=body.target_id,
        department_id=department, title_zh=title.zh, title_en=title.en, reason=body.reason,
    )  # fmt: skip
    return _read(_opened(work, actor, row))


def freeze_all(work: Work, reason: str) -> bool:
    """Stop all use on the platform, by the system itself; False where that has been done and not been lifted."""
    hold(work, f"incident {Target.PLATFORM} {freezes.ALL}")
    if any(row.target_kind == Target.PLATFORM for row in freezes.meeting(work)):
        return False
    name = TARGET_NAMES[Target.PLATFORM]
    row = IncidentRow(
        **made_by(work, SYSTEM), state=State.FROZEN, target_kind=Target.PLATFORM, target_id=freezes.ALL,
        title_zh=name.zh, title_en=name.en, reason=reason[:2000],
    )  # fmt: skip
    _opened(work, SYSTEM, row)
    return True


def _opened(work: Work, actor: Actor, row: IncidentRow) -> IncidentRow:
    facts = {"target_kind": row.target_kind, "target_id": row.target_id}
    telling.told(work, actor, BOOK.open(work, actor, row, facts, row.reason))
    return row


def _target(work: Work, actor: Actor, body: IncidentCreate, assets: Assets) -> tuple[Text, str]:
    """What the target is called, and the source department that it concerns."""
    if body.target_kind is Target.PLATFORM:
        if body.target_id != freezes.ALL:
            text = Text(
                f"全平台的标识只有 {freezes.ALL}。", f"The only id of the whole platform is {freezes.ALL}."
            )
            raise NotFound(text)
        return TARGET_NAMES[body.target_kind], ""
    if body.target_kind is Target.ORGANISATION:
        org = organisations.organisation(work, body.target_id)
        return org.name, org.id
    if body.target_kind is Target.GRANT:
        row = grants.row(work, GrantId(body.target_id), actor)
        return Text(row.title_zh, row.title_en), row.department_id
    asset = assets(DatasetId(body.target_id))
    return asset.title, asset.org_id


def lift(work: Work, actor: Actor, incident_id: str, body: CaseStep) -> IncidentRead:
    """End the freeze, with a reason: neither who froze nor whoever belongs to an organisation that the freeze is laid on or whose grant it stops."""
    row = BOOK.row(work, incident_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.LIFT)
    refuse_if(tuple(_against_lifting(work, actor, row)))
    need_reason(body.note)
    row.lifted_reason = body.note
    telling.told(work, actor, BOOK.move(work, actor, row, Step.LIFT, body.note))
    return _read(row)


def _against_lifting(work: Work, actor: Actor, row: IncidentRow) -> Iterator[Reason]:
    who = doer(work, actor)
    if row.created_person in who.persons:
        text = Text(
            "该冻结由您发起，须由另一位安全管理员解除。",
            "You froze it; another security officer must lift it.",
        )
        yield Reason("freezer-does-not-lift", text, f"{separation.BASIS} (5)")
    if row.target_kind == Target.GRANT:
        yield from of_own_side(work, actor, grants.row(work, GrantId(row.target_id)))
    elif row.target_kind == Target.ORGANISATION and row.target_id in who.orgs:
        text = Text(
            "您属于被冻结的机构，不得解除。", "You belong to the frozen organisation and may not lift it."
        )
        yield Reason("own-organisation", text, f"{separation.BASIS} (1)")
    elif row.target_kind != Target.PLATFORM and any(
        telling.concerns(work, row, org) for org in sorted(who.orgs)
    ):
        text = Text(
            "您所属的机构持有因该冻结而停止使用的授权，不得由您解除；请由另一位安全管理员解除。",
            "Your organisation holds a grant that this freeze stops; another security officer must lift it.",
        )
        yield Reason("own-organisation", text, f"{separation.BASIS} (1)")


def incident(work: Work, actor: Actor, incident_id: str) -> IncidentRead:
    """One incident; NotFound outside the actor's sight."""
    return _read(BOOK.row(work, incident_id, actor))


def may_hear(work: Work, actor: Actor, incident_id: str) -> None:
    """Raises NotFound for a freeze that is neither in the actor's sight nor met by a grant that his organisation holds."""
    row = work.db.get(IncidentRow, incident_id)
    if row is None or actor.org_id is None or not telling.concerns(work, row, actor.org_id):
        BOOK.row(work, incident_id, actor)


def incidents(
    work: Work, actor: Actor, *, state: str = "", target: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[IncidentRead], int]:
    """Incidents in sight, newest first, and their number."""
    conditions = [col(IncidentRow.state) == state] if state else []
    conditions += [col(IncidentRow.target_id) == target] if target else []
    rows, total = BOOK.listed(work, actor, *conditions, offset=offset, limit=limit)
    return [_read(row) for row in rows], total


def commands(work: Work, actor: Actor, incident_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = BOOK.row(work, incident_id, actor)
    return BOOK.commands(actor, row, lambda _: _against_lifting(work, actor, row))


def _read(row: IncidentRow) -> IncidentRead:
    return IncidentRead.model_validate(row)
