"""Co-applicants: persons of the applying organisation who fill an application in besides its applicants. They save; handing in, confirming and
taking back stay with its applicants.

An applicant of the organisation names them, and takes them off again; whoever was named may take himself off. Each of both is on record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlmodel import Field, SQLModel, col, or_, select

from auth import audit
from auth.actor import Actor
from auth.applications import queries, steps
from auth.applications.tables import ApplicationCoApplicantRow, ApplicationRow
from auth.applications.workflow import FINAL
from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.policy.model import Prose
from auth.roles import Role
from auth.scope import ENTERPRISE, roles_towards
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, TransitionRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

NAME: Final = "auth:application:name"
MOST: Final = 20
RULE: Final = "共同申请人 · co-applicants (authorisation §4.2)"


class Naming(SQLModel):
    """Who shall fill it in besides the applicants, by user name: somebody of the same organisation."""

    model_config = {"extra": "forbid"}
    username: Prose = Field(min_length=1, max_length=80)


class CoApplicantRead(SQLModel):
    """One co-applicant. `is_able`: still of the organisation, with a role there; else he may do nothing."""

    id: str
    username: str
    added_by: str
    at: datetime
    is_able: bool


def co_applicants(work: Work, actor: Actor, application_id: ApplicationId) -> list[CoApplicantRead]:
    """Who stands named, oldest first, to whoever may see the application. NotFound outside sight."""
    return _of(work, queries.row(work, application_id, actor))


def may_name(work: Work, actor: Actor, row: ApplicationRow) -> bool:
    """Whether this actor may name co-applicants of it now."""
    return steps.state(work, row) not in FINAL and _is_applicant(actor, row)


def able(work: Work, row: ApplicationRow) -> list[str]:
    """User names of those who could be named: accounts of the organisation that hold a role there, and are no applicants anyway."""
    named = {seat.account_id for seat in queries.co_applicants(work, row)}
    roles = _roles(work, row.org_id)
    wanted = select(AccountRow).where(
        AccountRow.org_id == row.org_id, col(AccountRow.disabled).is_(False), col(AccountRow.id).in_(sorted(roles))
    )  # fmt: skip
    found = work.db.exec(wanted.order_by(col(AccountRow.username)))
    return [each.username for each in found if each.id not in named and Role.APPLICANT not in roles[each.id]]


def name(work: Work, actor: Actor, application_id: ApplicationId, body: Naming) -> list[CoApplicantRead]:
    """Name one. He is told, and finds it among what waits for him while it is being filled in.

    Raises AccessRefused to whoever is no applicant of the organisation, TransitionRefused once it has ended, InputRefused for somebody who
    is not of the organisation or holds no role there, Conflict for who is named already or applies anyway.
    """
    row = queries.row(work, application_id, actor, to_change=True)
    _demand_open(work, row)
    if not _is_applicant(actor, row):
        raise _not_an_applicant()
    account = _account(work, row, body.username)
    standing = queries.co_applicants(work, row)
    if any(seat.account_id == account.id for seat in standing):
        raise Conflict(
            Text("该人员已是共同申请人。", "That person is a co-applicant already."),
            username=account.username,
        )
    if len(standing) >= MOST:
        raise Conflict(
            Text(f"一份申请至多 {MOST} 名共同申请人。", f"An application has {MOST} co-applicants at most.")
        )
    made = ApplicationCoApplicantRow(
        id=work.new_id(), application_id=row.id, account_id=account.id, person_id=account.person_id, username=account.username,
        added_by=actor.account_id, added_by_name=actor.username, at=work.now,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, "application.co_applicant_named", subject=row.id, application_id=row.id, payload={"account": account.id}
    )  # fmt: skip
    tell(
        work, [account.id], "application.co_applicant", subject=row.id, href=f"/applications/{row.id}", once=made.id,
        facts=short(row) | {"who": actor.username},
    )  # fmt: skip
    return _of(work, row)


def take_off(work: Work, actor: Actor, application_id: ApplicationId, entry_id: str) -> list[CoApplicantRead]:
    """Take one off it: by an applicant of the organisation, or by himself. What he saved stays."""
    row = queries.row(work, application_id, actor, to_change=True)
    wanted = select(ApplicationCoApplicantRow).where(
        ApplicationCoApplicantRow.id == entry_id, ApplicationCoApplicantRow.application_id == row.id
    )
    held = work.db.exec(wanted).first()
    if held is None or held.ended_at is not None:
        raise NotFound(Text("没有这位共同申请人。", "There is no such co-applicant."))
    if not _is_applicant(actor, row) and held.account_id != actor.account_id:
        raise _not_an_applicant()
    held.ended_at = work.now
    work.db.add(held)
    work.db.flush()
    audit.record(
        work, actor, "application.co_applicant_taken_off", subject=row.id, application_id=row.id,
        payload={"account": held.account_id},
    )  # fmt: skip
    return _of(work, row)


def _of(work: Work, row: ApplicationRow) -> list[CoApplicantRead]:
    seat = ApplicationCoApplicantRow
    wanted = select(seat).where(seat.application_id == row.id, col(seat.ended_at).is_(None))
    there = {each.id for each in queries.co_applicants(work, row)}
    roles = _roles(work, row.org_id)
    return [
        CoApplicantRead(
            id=each.id, username=each.username, added_by=each.added_by_name, at=each.at,
            is_able=each.id in there and each.account_id in roles,
        )
        for each in work.db.exec(wanted.order_by(col(seat.id)))
    ]  # fmt: skip


def _roles(work: Work, org_id: str) -> dict[str, set[Role]]:
    """By account: the enterprise roles held now in the organisation."""
    held = RoleAssignmentRow
    wanted = select(held.account_id, held.role).where(
        held.scope == org_id, col(held.role).in_(sorted(ENTERPRISE)), col(held.valid_from) <= work.now,
        or_(col(held.valid_to).is_(None), col(held.valid_to) > work.now),
    )  # fmt: skip
    found: dict[str, set[Role]] = {}
    for account_id, role in work.db.exec(wanted):
        found.setdefault(account_id, set()).add(Role(role))
    return found


def _account(work: Work, row: ApplicationRow, username: str) -> AccountRow:
    wanted = select(AccountRow).where(
        AccountRow.username == username.strip(), AccountRow.org_id == row.org_id
    )
    found = work.db.exec(wanted).first()
    roles = _roles(work, row.org_id).get(found.id, set()) if found and not found.disabled else set()
    if found is None or not roles:
        raise InputRefused(
            Text(
                f"本机构没有可以共同填写的账号“{username}”：须为本机构可用账号，并持有本机构的角色。",
                f"Your organisation has no account “{username}” that could fill it in: one in use, with a role in the organisation.",
            ),
            field="username",
        )
    if Role.APPLICANT in roles:
        raise Conflict(
            Text(
                "该人员是本机构的申请人，本来就可以填写。",
                "That person is an applicant of the organisation and may fill it in anyway.",
            )
        )
    return found


def _is_applicant(actor: Actor, row: ApplicationRow) -> bool:
    return Role.APPLICANT in roles_towards(actor, org_id=row.org_id, departments=frozenset())


def _demand_open(work: Work, row: ApplicationRow) -> None:
    if (now := steps.state(work, row)) in FINAL:
        raise TransitionRefused(Text("申请已办结。", "The application has ended."), state=now.value)


def _not_an_applicant() -> AccessRefused:
    said = Text(
        "共同申请人由本机构的申请人指定和取消；被指定的人可以自行退出。",
        "Applicants of the organisation name co-applicants and take them off; whoever was named may take himself off.",
    )
    return AccessRefused(said, reasons=[Reason("not-an-applicant", said, RULE)])
