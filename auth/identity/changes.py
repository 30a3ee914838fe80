"""Changes that take two people: one administrator asks, another confirms; and break-glass, short and loud.

Roles are asked for here; what proves a person (password, second factor, identity) in `credentials`.

ask_give / ask_take / ask_glass → WAITING → confirm → CONFIRMED (the change is made then, and judged anew)
                                          → refuse, withdraw → REFUSED, WITHDRAWN; nobody answers → LAPSED, computed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import Field, SQLModel, col, func, select

from auth import audit
from auth.actor import Actor
from auth.identity import accounts, links, passwords, rules
from auth.identity.accounts import AccountRead, RoleGive
from auth.identity.labels import CHANGE_KIND_NAMES
from auth.identity.principals import in_person
from auth.identity.tables import AccountRow, ChangeRow, PersonRow
from auth.messages import seconds
from auth.roles import Role
from auth.stored import UNREADABLE, if_readable
from core import outbox
from core.errors import Conflict, InputRefused, NotFound, refuse_if
from core.text import Text
from core.work import Work, hold

WAITS: Final = timedelta(hours=72)
GLASS_HOURS: Final = 8
MIN_REASON: Final = 10


class ChangeKind(StrEnum):
    GIVE = "role.give"
    TAKE = "role.take"
    GLASS = "break_glass"
    PASSWORD = "password.set"  # noqa: S105 — the name of a kind
    FACTOR = "factor.reset"
    LINK = "link.add"


ROLE_KINDS: Final = frozenset({ChangeKind.GIVE, ChangeKind.TAKE, ChangeKind.GLASS})
Make = Callable[[Work, Actor, ChangeRow, AccountRow], None]


class ChangeState(StrEnum):
    WAITING = "WAITING"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"


class ChangeRead(SQLModel):
    """A change as administrators see it. `state` counts time: what nobody answered within three days has LAPSED.

    `role` is none where no role is changed; `detail` names the identity that is linked.
    """

    id: str
    kind: ChangeKind
    username: str
    name_zh: str
    name_en: str
    role: Role | None
    scope: str
    detail: str
    valid_to: datetime | None
    reason: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: ChangeState
    settled_by: str | None
    settled_at: datetime | None
    is_open: bool
    may_confirm: bool


class GlassAsk(SQLModel):
    """A role in an emergency: for hours, with a reason."""

    model_config = {"extra": "forbid"}
    username: str = Field(min_length=1, max_length=80)
    role: Role
    hours: int = Field(default=2, ge=1, le=GLASS_HOURS)
    reason: str = Field(min_length=MIN_REASON, max_length=500)


def ask_give(work: Work, actor: Actor, key: str, ask: RoleGive, reason: str = "") -> ChangeRow:
    """Ask for a role for somebody. Everything that already stands against it is said now."""
    in_person(actor)
    row, scope = accounts.demand_givable(work, actor.person_id, key, ask)
    _demand_no_twin(work, ChangeKind.GIVE, row.id, ask.role, scope)
    return _ask(work, actor, ChangeKind.GIVE, row.id, ask.role, scope, ask.valid_to, reason)


def ask_take(work: Work, actor: Actor, key: str, assignment_id: str, reason: str = "") -> ChangeRow:
    """Ask to end a role. Who must be stopped at once is disabled instead, which takes one administrator."""
    in_person(actor)
    row = accounts.account_row(work, key)
    assignment = accounts.assignment_row(work, row.id, assignment_id)
    refuse_if(rules.own_change_objections(is_own=row.person_id == actor.person_id))
    _demand_no_twin(work, ChangeKind.TAKE, row.id, Role(assignment.role), assignment.scope)
    return _ask(
        work, actor, ChangeKind.TAKE, row.id, Role(assignment.role), assignment.scope, None, reason,
        assignment_id=assignment.id,
    )  # fmt: skip


def ask_glass(work: Work, actor: Actor, ask: GlassAsk) -> ChangeRow:
    """Break glass: ask for a role for a few hours. A system administrator or a security officer confirms, who is somebody else."""
    in_person(actor)
    actor.demand("auth:glass:use")
    if len(ask.reason.strip()) < MIN_REASON:
        raise InputRefused(
            Text(
                f"请写明事由，至少 {MIN_REASON} 个字。", f"Give a reason of {MIN_REASON} characters or more."
            ),
            field="reason",
        )
    end = work.now + timedelta(hours=ask.hours)
    wanted = RoleGive(role=ask.role, valid_to=end)
    row, scope = accounts.demand_givable(work, None, ask.username, wanted)
    _demand_no_twin(work, ChangeKind.GLASS, row.id, ask.role, scope)
    made = _ask(work, actor, ChangeKind.GLASS, row.id, ask.role, scope, end, ask.reason, hours=ask.hours)
    _shout(work, "break_glass.asked", made)
    return made


def ask_other(work: Work, actor: Actor, kind: ChangeKind, account_id: str, detail: str) -> ChangeRow:
    """Ask for a change that is not one of roles; `credentials` has judged it."""
    _demand_no_twin(work, kind, account_id, None, "")
    return _ask(work, actor, kind, account_id, None, "", None, "", detail=detail)


def confirm(work: Work, actor: Actor, change_id: str, make: Make) -> ChangeRead:
    """The second person agrees and the change is made; `make` carries out what is no change of roles.

    Raises AccessRefused for the first person and for whom it concerns.
    """
    in_person(actor)
    row = _waiting(work, actor, change_id)
    target = work.db.get_one(AccountRow, row.account_id)
    hold(work, f"roles/{target.person_id}")
    refuse_if(
        rules.second_person_objections(
            is_asker=actor.person_id == row.asked_person, is_concerned=actor.person_id == target.person_id
        )
    )
    kind = ChangeKind(row.kind)
    if kind not in ROLE_KINDS:
        make(work, actor, row, target)
    elif kind is ChangeKind.TAKE:
        accounts.end_assignment(work, actor, target, row.assignment_id or "", asked_by=row.asked_by)
    else:
        if kind is ChangeKind.GLASS:
            row.valid_to = work.now + timedelta(hours=row.hours)
        ask = RoleGive(role=Role(row.role), scope=row.scope, valid_to=row.valid_to)
        asker = row.asked_person if kind is ChangeKind.GIVE else None
        accounts.demand_givable(work, asker, target.id, ask)
        row.assignment_id = accounts.assign(work, actor, target, ask, row.scope, asked_by=row.asked_by)
    _settle(work, actor, row, ChangeState.CONFIRMED)
    if kind is ChangeKind.GLASS:
        _shout(work, "break_glass.opened", row)
    return read(work, actor, row)


def refuse(work: Work, actor: Actor, change_id: str, note: str = "") -> ChangeRead:
    """The second person says no, or the first takes it back."""
    in_person(actor)
    row = _waiting(work, actor, change_id)
    own = actor.person_id == row.asked_person
    _settle(work, actor, row, ChangeState.WITHDRAWN if own else ChangeState.REFUSED, note)
    return read(work, actor, row)


def close_glass(work: Work, actor: Actor, change_id: str) -> ChangeRead:
    """End an open break-glass before its time; one person may."""
    in_person(actor)
    actor.demand("auth:glass:use")
    row = work.db.get(ChangeRow, change_id)
    if row is None or not is_open_glass(row, work.now):
        raise NotFound(Text("没有生效中的应急授权。", "There is no such open break-glass."))
    target = work.db.get_one(AccountRow, row.account_id)
    accounts.end_assignment(work, actor, target, row.assignment_id or "", asked_by=row.asked_by)
    row.valid_to = work.now
    _shout(work, "break_glass.closed", row)
    audit.record(work, actor, "break_glass.closed", subject=row.id, payload={"account": row.account_id})
    return read(work, actor, row)


def is_open_glass(row: ChangeRow, now: datetime) -> bool:
    return (
        row.kind == ChangeKind.GLASS
        and row.state == ChangeState.CONFIRMED
        and row.valid_to is not None
        and now < row.valid_to
    )


def open_glass(work: Work) -> list[ChangeRow]:
    """Break-glass in force at this instant: what the banner on every page names."""
    wanted = select(ChangeRow).where(
        ChangeRow.kind == ChangeKind.GLASS,
        ChangeRow.state == ChangeState.CONFIRMED,
        col(ChangeRow.valid_to) > work.now,
    )
    return list(work.db.exec(wanted.order_by(col(ChangeRow.valid_to))))


def changes(
    work: Work, actor: Actor, *, waiting: bool = False, account_id: str = "", limit: int = 50, offset: int = 0
) -> tuple[list[ChangeRead], int]:
    """Changes, newest first; `waiting`: those that somebody may still answer."""
    wanted = select(ChangeRow)
    if waiting:
        wanted = wanted.where(ChangeRow.state == ChangeState.WAITING, ChangeRow.expires_at > work.now)
    if account_id:
        wanted = wanted.where(ChangeRow.account_id == account_id)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(
        wanted.order_by(col(ChangeRow.asked_at).desc(), col(ChangeRow.id)).limit(limit).offset(offset)
    )
    return [read(work, actor, row) for row in rows], total


def read(work: Work, actor: Actor, row: ChangeRow) -> ChangeRead:
    target = work.db.get_one(AccountRow, row.account_id)
    person = work.db.get_one(PersonRow, target.person_id)
    state = ChangeState(row.state)
    if state is ChangeState.WAITING and work.now >= row.expires_at:
        state = ChangeState.LAPSED
    may = (
        state is ChangeState.WAITING
        and actor.may(_permission(row))
        and actor.person_id not in (row.asked_person, target.person_id)
    )
    return ChangeRead(
        id=row.id, kind=ChangeKind(row.kind), username=target.username, name_zh=person.name_zh, name_en=person.name_en,
        role=Role(row.role) if row.role else None, scope=row.scope, detail=_shown(row), valid_to=row.valid_to, reason=row.reason, asked_by=_name(work, row.asked_by),
        asked_at=row.asked_at, expires_at=row.expires_at, state=state,
        settled_by=_name(work, row.settled_by) if row.settled_by else None, settled_at=row.settled_at,
        is_open=is_open_glass(row, work.now), may_confirm=may,
    )  # fmt: skip


def give(work: Work, actor: Actor, key: str, ask: RoleGive, reason: str = "") -> AccountRead:
    """What the edge calls: a person asks and another must confirm; the system itself (seed, first start) gives at once."""
    if actor.via == "system":
        return accounts.give_role(work, actor, key, ask)
    ask_give(work, actor, key, ask, reason)
    return accounts.account(work, key)


def take(work: Work, actor: Actor, key: str, assignment_id: str, reason: str = "") -> AccountRead:
    """The same for ending a role."""
    if actor.via == "system":
        return accounts.take_role(work, actor, key, assignment_id)
    ask_take(work, actor, key, assignment_id, reason)
    return accounts.account(work, key)


def open_account(
    work: Work,
    actor: Actor,
    username: str,
    password: passwords.PasswordHash | None,
    name: Text,
    org_id: str | None,
    roles: Iterable[Role] = (),
    *,
    person_id: str | None = None,
) -> AccountRead:
    """A new account by an administrator; each of its roles waits for another one."""
    made = accounts.create_account(work, actor, username, password, name, org_id, person_id=person_id)
    for role in roles:
        give(work, actor, made.id, RoleGive(role=role))
    return accounts.account(work, made.id)


def _permission(row: ChangeRow) -> str:
    return "auth:glass:use" if row.kind == ChangeKind.GLASS else "auth:user:admin"


def _ask(
    work: Work,
    actor: Actor,
    kind: ChangeKind,
    account_id: str,
    role: Role | None,
    scope: str,
    valid_to: datetime | None,
    reason: str,
    *,
    assignment_id: str | None = None,
    hours: int = 0,
    detail: str = "",
) -> ChangeRow:
    row = ChangeRow(
        id=work.new_id(), kind=kind, account_id=account_id, role=role or "", scope=scope, valid_to=valid_to,
        assignment_id=assignment_id, hours=hours, detail=detail, reason=reason.strip()[:500], asked_by=actor.account_id,
        asked_person=actor.person_id, asked_at=work.now, expires_at=work.now + WAITS, state=ChangeState.WAITING,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {
        "kind": kind.value,
        "account": account_id,
        "role": row.role,
        "scope": scope,
        "reason": row.reason,
        "detail": _shown(row),
    }
    about = {"detail": work.db.get_one(AccountRow, account_id).person_id}
    audit.record(work, actor, "role_change.asked", subject=row.id, payload=payload, about=about)
    concerned = about["detail"]
    message = "break_glass.waits" if kind is ChangeKind.GLASS else "change.waits"
    name = CHANGE_KIND_NAMES[kind]
    seconds.call(
        work, actor, message, row.id, hands=[row.asked_person, concerned],
        facts={"kind_zh": name.zh, "kind_en": name.en.lower(), "until": row.expires_at.astimezone(rules.CHINA).strftime("%Y-%m-%d %H:%M")},
    )  # fmt: skip
    return row


def _settle(work: Work, actor: Actor, row: ChangeRow, state: ChangeState, note: str = "") -> None:
    row.state, row.settled_by, row.settled_at = state, actor.account_id, work.now
    if row.kind == ChangeKind.PASSWORD:
        row.detail = ""  # the hash has done its work, or never will
    work.db.add(row)
    work.db.flush()
    kinds = {
        ChangeState.CONFIRMED: "role_change.confirmed",
        ChangeState.REFUSED: "role_change.refused",
        ChangeState.WITHDRAWN: "role_change.withdrawn",
    }
    payload = {"kind": row.kind, "account": row.account_id, "role": row.role, "asked_by": row.asked_by, "note": note[:500]}  # fmt: skip
    audit.record(work, actor, kinds[state], subject=row.id, payload=payload)


def _waiting(work: Work, actor: Actor, change_id: str) -> ChangeRow:
    row = work.db.exec(select(ChangeRow).where(ChangeRow.id == change_id).with_for_update()).first()
    if row is None or not actor.may(_permission(row)):
        raise NotFound(Text("没有这项变更申请。", "There is no such change."))
    if row.state != ChangeState.WAITING or work.now >= row.expires_at:
        raise Conflict(
            Text(
                "该变更申请已办结或已过期；如仍需要，请重新提出。",
                "This change was settled or has lapsed; ask for it again if it is still wanted.",
            )
        )
    return row


def _demand_no_twin(work: Work, kind: ChangeKind, account_id: str, role: Role | None, scope: str) -> None:
    twin = select(ChangeRow.id).where(
        ChangeRow.kind == kind,
        ChangeRow.account_id == account_id,
        ChangeRow.role == (role or ""),
        ChangeRow.scope == scope,
        ChangeRow.state == ChangeState.WAITING,
        ChangeRow.expires_at > work.now,
    )
    if work.db.exec(twin).first() is not None:
        raise Conflict(
            Text(
                "相同的变更申请正在等待另一位管理员确认。",
                "The same change waits for another administrator already.",
            )
        )


def _shown(row: ChangeRow) -> str:
    """What of `detail` people and the record may read: the identity, never the hash."""
    if row.kind != ChangeKind.LINK:
        return ""
    wanted = if_readable(links.asked, row)
    return f"{wanted.issuer} · {wanted.subject}" if wanted else f"{UNREADABLE.zh} · {UNREADABLE.en}"


def _name(work: Work, account_id: str) -> str:
    row = work.db.get(AccountRow, account_id)
    return row.username if row else account_id


def _shout(work: Work, topic: str, row: ChangeRow) -> None:
    until = row.valid_to.isoformat() if row.valid_to else ""
    outbox.post(
        work,
        topic,
        row.id,
        {"account": row.account_id, "role": row.role, "until": until, "reason": row.reason},
    )
