"""People, their accounts, and the roles that administrators give and take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, SQLModel, col, func, or_, select

from auth import audit
from auth.actor import Actor
from auth.identity import passwords, rules
from auth.identity.organisations import organisation_row
from auth.identity.principals import person_roles_now, roles_now
from auth.identity.tables import AccountRow, OrganisationRow, PersonRow, RoleAssignmentRow
from auth.roles import Role
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, refuse_if
from core.text import Text
from core.work import Work, hold


class RoleRead(SQLModel):
    """One role of an account, valid from (inclusive) to (exclusive)."""

    id: str
    role: Role
    scope: str
    valid_from: datetime
    valid_to: datetime | None
    granted_by: str


class AccountRead(SQLModel):
    """An account as administrators see it. `roles`: those valid now or later."""

    id: str
    username: str
    person_id: str
    name_zh: str
    name_en: str
    org_id: str | None
    org_name_zh: str | None
    org_name_en: str | None
    disabled: bool
    has_password: bool
    locked_until: datetime | None
    created_at: datetime
    last_sign_in_at: datetime | None
    roles: list[RoleRead]

    @property
    def name(self) -> Text:
        return Text(self.name_zh, self.name_en)

    @property
    def org_name(self) -> Text | None:
        return Text(self.org_name_zh or "", self.org_name_en or "") if self.org_id else None


class RoleGive(SQLModel):
    """A role to give. `scope` empty: the person's own organisation, or the platform for the bureau's people."""

    model_config = {"extra": "forbid"}
    role: Role
    scope: str | None = Field(default=None, max_length=60)
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonOrg:
    """Who stands behind an account, for rules that count people."""

    person_id: str
    org_id: str | None


def create_account(
    work: Work,
    actor: Actor,
    username: str,
    password: str | passwords.PasswordHash | None,
    person_name: Text,
    org_id: str | None,
    roles: Iterable[Role | str] = (),
    *,
    person_id: str | None = None,
) -> AccountRead:
    """An account, and its person unless `person_id` names one that exists. Give a hash rather than a password where time counts.

    `roles` are given at once, so they are for the system itself; an administrator asks for each: `changes.open_account`.
    """
    username = username.strip().lower()
    _check_username(work, username)
    if org_id is not None:
        organisation_row(work, org_id)
    stored = passwords.hashed(password) if isinstance(password, str) else password
    person = work.db.get(PersonRow, person_id) if person_id else None
    if person_id and person is None:
        raise NotFound(Text("没有这个人。", "There is no such person."))
    if person_id:
        hold(work, f"roles/{person_id}")  # before the record's lock, as in `give_role`
    if person is None:
        person = PersonRow(id=work.new_id(), name_zh=person_name.zh, name_en=person_name.en)
        work.db.add(person)
        work.db.flush()
    row = AccountRow(
        id=work.new_id(), username=username, person_id=person.id, org_id=org_id,
        password_hash=stored.value if stored else None, created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {"username": username, "person": person.id, "org": org_id}
    audit.record(
        work, actor, "account.created", subject=row.id, payload=payload, about={"username": person.id}
    )
    for role in roles:
        give_role(work, actor, row.id, RoleGive(role=Role(role)))
    return read(work, row)


def give_role(work: Work, actor: Actor, key: str, ask: RoleGive) -> AccountRead:
    """Give a role at once: for the system itself. People ask and others confirm: see `auth.identity.changes`.

    Raises AccessRefused with every rule against it, Conflict when it is held already.
    """
    row, scope = demand_givable(work, actor.person_id, key, ask)
    assign(work, actor, row, ask, scope)
    return read(work, row)


def demand_givable(work: Work, giver_person: str | None, key: str, ask: RoleGive) -> tuple[AccountRow, str]:
    """The account and the scope at which the role would count; raises with everything that stands against it."""
    row = account_row(work, key)
    org = work.db.get(OrganisationRow, row.org_id) if row.org_id else None
    kind = org.kind if org else None
    scope = ask.scope or rules.default_scope(ask.role, row.org_id, kind)
    hold(work, f"roles/{row.person_id}")
    held = roles_now(work, row.id)
    refuse_if(
        rules.role_objections(
            ask.role,
            scope,
            held=person_roles_now(work, row.person_id),
            org_id=row.org_id,
            org_kind=kind,
            is_own=row.person_id == giver_person,
        )
    )
    if any(other.role is ask.role and other.scope == scope for other in held):
        raise Conflict(Text("该账户已有此角色。", "The account has this role already."))
    if ask.valid_to is not None and ask.valid_to.tzinfo is None:
        raise InputRefused(
            Text("截止时间须带时区，如 2026-12-31T16:00:00Z。", "The end needs a time zone, as in 2026-12-31T16:00:00Z."),
            field="valid_to",
        )  # fmt: skip
    return row, scope


def assign(
    work: Work, actor: Actor, row: AccountRow, ask: RoleGive, scope: str, *, asked_by: str = ""
) -> str:
    """Write the role down; gives the assignment's id. `demand_givable` has been asked in the same transaction."""
    assignment = RoleAssignmentRow(
        id=work.new_id(), account_id=row.id, role=ask.role, scope=scope, valid_from=work.now,
        valid_to=ask.valid_to, granted_by=actor.account_id,
    )  # fmt: skip
    work.db.add(assignment)
    work.db.flush()
    payload = {"role": ask.role.value, "scope": scope, "valid_to": ask.valid_to and ask.valid_to.isoformat()}
    if asked_by:
        payload["asked_by"] = asked_by
    audit.record(work, actor, "role.given", subject=row.id, payload=payload)
    return assignment.id


def take_role(work: Work, actor: Actor, key: str, assignment_id: str) -> AccountRead:
    """End a role at once: for the system itself, as `give_role`."""
    row = account_row(work, key)
    end_assignment(work, actor, row, assignment_id)
    return read(work, row)


def assignment_row(work: Work, account_id: str, assignment_id: str) -> RoleAssignmentRow:
    """A role of that account. Raises NotFound."""
    assignment = work.db.get(RoleAssignmentRow, assignment_id)
    if assignment is None or assignment.account_id != account_id:
        raise NotFound(Text("没有这条角色授予。", "There is no such role assignment."))
    return assignment


def end_assignment(
    work: Work, actor: Actor, row: AccountRow, assignment_id: str, *, asked_by: str = ""
) -> None:
    """End a role now; nothing happens when it has ended."""
    assignment = assignment_row(work, row.id, assignment_id)
    if assignment.valid_to is None or assignment.valid_to > work.now:
        assignment.valid_to = work.now
        payload = {"role": assignment.role, "scope": assignment.scope}
        if asked_by:
            payload["asked_by"] = asked_by
        audit.record(work, actor, "role.taken", subject=row.id, payload=payload)


def set_disabled(work: Work, actor: Actor, key: str, disabled: bool) -> AccountRead:
    """Disable or enable. Disabling ends every session and token at once; nobody disables himself."""
    row = account_row(work, key)
    if row.person_id == actor.person_id:
        text = Text("不得停用或启用自己的账户。", "Nobody disables or enables his own account.")
        raise AccessRefused(text, reasons=[Reason("own-account", text, "separation of duties")])
    if row.disabled != disabled:
        row.disabled = disabled
        row.epoch += disabled
        audit.record(work, actor, "account.disabled" if disabled else "account.enabled", subject=row.id)
    return read(work, row)


def set_password(work: Work, actor: Actor, key: str, password: passwords.PasswordHash) -> AccountRead:
    """A new password, by the person himself or as `credentials` permits others; every session and token of the account ends."""
    row = account_row(work, key)
    row.password_hash = password.value
    row.failures, row.locked_until = 0, None
    row.epoch += 1
    audit.record(
        work, actor, "account.password_set", subject=row.id, payload={"own": row.id == actor.account_id}
    )
    return read(work, row)


def account(work: Work, key: str) -> AccountRead:
    """One account by id or user name. Raises NotFound."""
    return read(work, account_row(work, key))


def accounts(
    work: Work, *, query: str = "", org_id: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[AccountRead], int]:
    """Accounts by user name, and how many there are in all. `query` looks in user names and names."""
    wanted = select(AccountRow).join(PersonRow, col(PersonRow.id) == AccountRow.person_id)
    if org_id:
        wanted = wanted.where(AccountRow.org_id == org_id)
    if query.strip():
        part = query.strip().lower()
        wanted = wanted.where(
            or_(
                col(AccountRow.username).contains(part, autoescape=True),
                func.lower(PersonRow.name_zh).contains(part, autoescape=True),
                func.lower(PersonRow.name_en).contains(part, autoescape=True),
            )
        )
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(AccountRow.username).limit(limit).offset(offset))
    return [read(work, row) for row in rows], total


def person_org_of(work: Work, account_id: str) -> PersonOrg:
    """The person and the present organisation of an account. Raises NotFound."""
    row = account_row(work, account_id)
    return PersonOrg(row.person_id, row.org_id)


def account_row(work: Work, key: str) -> AccountRow:
    """By id or user name; ids start with a digit, user names do not."""
    row = work.db.exec(
        select(AccountRow).where(or_(col(AccountRow.id) == key, col(AccountRow.username) == key.lower()))
    ).first()
    if row is None:
        raise NotFound(Text(f"没有账户“{key}”。", f"There is no account “{key}”."))
    return row


def read(work: Work, row: AccountRow) -> AccountRead:
    person = work.db.get_one(PersonRow, row.person_id)
    org = work.db.get(OrganisationRow, row.org_id) if row.org_id else None
    roles = work.db.exec(
        select(RoleAssignmentRow)
        .where(
            RoleAssignmentRow.account_id == row.id,
            or_(col(RoleAssignmentRow.valid_to).is_(None), col(RoleAssignmentRow.valid_to) > work.now),
        )
        .order_by(RoleAssignmentRow.role, RoleAssignmentRow.scope)
    )
    locked = row.locked_until if row.locked_until and row.locked_until > work.now else None
    return AccountRead(
        id=row.id, username=row.username, person_id=person.id, name_zh=person.name_zh, name_en=person.name_en,
        org_id=row.org_id, org_name_zh=org.name_zh if org else None, org_name_en=org.name_en if org else None,
        disabled=row.disabled, has_password=row.password_hash is not None, locked_until=locked,
        created_at=row.created_at, last_sign_in_at=row.last_sign_in_at,
        roles=[RoleRead.model_validate(role, update={"role": Role(role.role)}) for role in roles],
    )  # fmt: skip


def _check_username(work: Work, username: str) -> None:
    if not rules.USERNAME.fullmatch(username):
        raise InputRefused(
            Text(
                "用户名须以小写字母开头，由 2 至 40 个小写字母、数字、点、下划线或连字符组成。",
                "A user name starts with a letter and has 2 to 40 lower-case letters, digits, '.', '_' or '-'.",
            ),
            field="username",
        )
    if work.db.exec(select(AccountRow).where(AccountRow.username == username)).first() is not None:
        raise Conflict(Text(f"用户名 {username} 已被使用。", f"The user name {username} is taken."))
