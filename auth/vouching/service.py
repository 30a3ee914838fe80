"""An enterprise's officer vouches for its members, and ends that; who left is shown as such."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field as Bound
from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, CaseStep, Command, made_by
from auth.delegations.standing import persons
from auth.identity.principals import in_person
from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.roles import Role
from auth.scope import roles_towards, sight
from auth.vouching.cover import BASIS
from auth.vouching.tables import VouchRow
from auth.vouching.workflow import FINAL, MACHINE, State, Step
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:vouch:read"
GIVE: Final = "auth:vouch:give"
END: Final = "auth:vouch:end"
LONGEST_DAYS: Final = 366


class Standing(StrEnum):
    """Whether a vouching counts today. Computed."""

    COUNTS = "counts"
    LAPSED = "lapsed"
    LEFT = "left"
    ENDED = "ended"


STANDING_NAMES: Final = {
    Standing.COUNTS: Text("有效", "Counts"),
    Standing.LAPSED: Text("已到期", "Lapsed"),
    Standing.LEFT: Text("人员已离开", "Member left"),
    Standing.ENDED: Text("已终止", "Ended"),
}


class VouchGive(SQLModel):
    """For whom, by user name, and the last day that it shall hold: a year ahead at most."""

    model_config = {"extra": "forbid"}
    username: Annotated[str, Bound(min_length=1, max_length=40)]
    until: date
    note: Prose = Field(default="", max_length=2000)


class VouchRead(SQLModel):
    """A vouching as a reader sees it; `standing` is computed for the day of reading."""

    id: str
    state: State
    standing: Standing
    version: int
    org_id: str
    username: str
    until: date
    note: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(VouchRow.org_id).in_(seen.orgs))


BOOK: Final = Book(
    kind="vouch", table=VouchRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id=row.org_id, departments=frozenset()),
    kinds={"open": "vouch.given", Step.END: "vouch.ended"}, about=lambda row: {"username": row.person_id},
)  # fmt: skip


def give(work: Work, actor: Actor, body: VouchGive) -> VouchRead:
    """Vouch for a member of one's own organisation: it stands behind what he does with its grants, until that day."""
    in_person(actor)
    org_id = actor.org_id
    if org_id is None or not actor.may_in(GIVE, org_id):
        text = Text(
            "只有本机构的负责人可以为其人员担保。",
            "Only the officer of an organisation vouches for its members.",
        )
        raise AccessRefused(text, reasons=[Reason("not-of-the-organisation", text, BASIS)])
    hold(work, f"vouch/{org_id}")
    account = work.db.exec(
        select(AccountRow).where(AccountRow.username == body.username.strip(), AccountRow.org_id == org_id)
    ).first()
    if account is None or account.disabled:
        raise NotFound(
            Text(
                "贵机构没有这个可用的账号；请核对用户名。",
                "Your organisation has no such account in use; check the user name.",
            )
        )
    if account.person_id in persons(work, actor):
        text = Text(
            "不能为自己担保；请由本机构另一位负责人办理。",
            "Nobody vouches for himself; another officer of the organisation does.",
        )
        raise AccessRefused(text, reasons=[Reason("vouch-for-oneself", text, BASIS)])
    today = _today(work)
    if not 0 <= (body.until - today).days <= LONGEST_DAYS:
        raise InputRefused(
            Text(
                f"担保的最后一天须在今天至其后 {LONGEST_DAYS} 天之内。",
                f"The last day lies between today and {LONGEST_DAYS} days ahead.",
            ),
            field="until",
        )
    if any(_standing(work, row, today) is Standing.COUNTS for row in _of(work, account.id, org_id)):
        raise Conflict(
            Text(
                "该账号已有有效担保；如要改期，请先终止再重新担保。",
                "The account is vouched for already; to change the day, end that and vouch anew.",
            )
        )
    row = VouchRow(
        **made_by(work, actor), state=State.VOUCHED, note=body.note, org_id=org_id, account_id=account.id,
        person_id=account.person_id, username=account.username, until=body.until,
    )  # fmt: skip
    facts = {"username": row.username, "org_id": org_id, "until": row.until.isoformat()}
    return read(work, BOOK.open(work, actor, row, facts, body.note))


def end(work: Work, actor: Actor, vouch_id: str, body: CaseStep) -> VouchRead:
    """End it: from this instant on the member uses none of the organisation's grants."""
    in_person(actor)
    row = BOOK.row(work, vouch_id, actor, version=body.version, to_change=True)
    facts = {"username": row.username, "org_id": row.org_id}
    return read(work, BOOK.move(work, actor, row, Step.END, body.note, facts))


def vouch(work: Work, actor: Actor, vouch_id: str) -> VouchRead:
    """One vouching; NotFound outside the actor's sight."""
    return read(work, BOOK.row(work, vouch_id, actor))


def vouches(
    work: Work, actor: Actor, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[VouchRead], int]:
    """Vouchings in the actor's sight, newest first."""
    conditions = [VouchRow.state == state] if state else []
    rows, total = BOOK.listed(work, actor, *conditions, offset=offset, limit=limit)  # type: ignore[arg-type]
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, vouch_id: str) -> list[Command]:
    return BOOK.commands(actor, BOOK.row(work, vouch_id, actor))


def unvouched(work: Work, actor: Actor) -> list[str]:
    """User names of analysts of the actor's organisation for whom nobody stands today."""
    if actor.org_id is None or not actor.may_in(GIVE, actor.org_id):
        return []
    analysts = select(AccountRow).where(
        AccountRow.org_id == actor.org_id,
        col(AccountRow.disabled).is_(False),
        select(RoleAssignmentRow.id)
        .where(
            RoleAssignmentRow.account_id == AccountRow.id, RoleAssignmentRow.role == Role.ANALYST,
            RoleAssignmentRow.scope == actor.org_id, col(RoleAssignmentRow.valid_from) <= work.now,
            or_(col(RoleAssignmentRow.valid_to).is_(None), col(RoleAssignmentRow.valid_to) > work.now),
        )
        .exists(),
    )  # fmt: skip
    today = _today(work)
    return [
        account.username
        for account in work.db.exec(analysts.order_by(col(AccountRow.username)))
        if not any(
            _standing(work, row, today) is Standing.COUNTS for row in _of(work, account.id, actor.org_id)
        )
    ]


def _of(work: Work, account_id: str, org_id: str) -> list[VouchRow]:
    wanted = select(VouchRow).where(VouchRow.account_id == account_id, VouchRow.org_id == org_id)
    return list(work.db.exec(wanted.order_by(col(VouchRow.id))))


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def _standing(work: Work, row: VouchRow, today: date) -> Standing:
    if row.state == State.ENDED:
        return Standing.ENDED
    account = work.db.get(AccountRow, row.account_id)
    if account is None or account.disabled or account.org_id != row.org_id:
        return Standing.LEFT
    return Standing.COUNTS if today <= row.until else Standing.LAPSED


def read(work: Work, row: VouchRow) -> VouchRead:
    return VouchRead.model_validate(row, update={"standing": _standing(work, row, _today(work))})
