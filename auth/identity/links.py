"""Which account an identity at an OpenID Connect provider belongs to: by issuer and subject, set by an administrator.

Never by e-mail: whoever can choose an address at the provider would choose an account here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity import accounts
from auth.identity.principals import Principal, in_person, principal
from auth.identity.tables import AccountRow, ChangeRow, LinkRow
from auth.stored import readable
from core.bases import ROLES
from core.errors import AccessRefused, Conflict, NotFound, Reason
from core.text import Text
from core.work import Work


class LinkAsk(SQLModel):
    """An identity as the provider names it, compared character by character."""

    model_config = {"extra": "forbid"}
    issuer: str = Field(min_length=8, max_length=300, regex=r"^https?://\S+$")
    subject: str = Field(min_length=1, max_length=255)


_UNREADABLE: Final = Text(
    "关联统一身份的申请（{id}）含有本版本不能读取的内容（{places}），不予关联；请撤销后重新提出。",
    "The request to link an identity ({id}) holds what this version cannot read ({places}); nothing is linked. Refuse it and ask anew.",
)


def asked(row: ChangeRow) -> LinkAsk:
    """The identity that a change is about. Raises Unavailable where this version cannot read it."""
    with readable(_UNREADABLE, basis=ROLES, id=row.id):
        return LinkAsk.model_validate_json(row.detail)


class LinkRead(SQLModel):
    """One identity of an account."""

    issuer: str
    subject: str
    linked_by: str
    linked_at: datetime
    last_used_at: datetime | None


def link(work: Work, actor: Actor, key: str, ask: LinkAsk) -> LinkRead:
    """Let this identity sign in as the account, as `credentials` has it confirmed; not one's own. Raises Conflict when it is taken."""
    in_person(actor)
    account = accounts.account_row(work, key)
    _not_own(actor, account.person_id)
    demand_free(work, ask)
    row = LinkRow(
        issuer=ask.issuer, subject=ask.subject, account_id=account.id, linked_by=actor.account_id, linked_at=work.now
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    _record(work, actor, "identity.linked", row)
    return LinkRead.model_validate(row)


def demand_free(work: Work, ask: LinkAsk) -> None:
    """Raises Conflict when the identity belongs to an account."""
    if work.db.get(LinkRow, (ask.issuer, ask.subject)) is not None:
        raise Conflict(Text("该身份已关联到一个账户。", "This identity is linked to an account already."))


def unlink(work: Work, actor: Actor, key: str, ask: LinkAsk) -> None:
    """End it; sessions and tokens of the account end too."""
    in_person(actor)
    account = accounts.account_row(work, key)
    row = work.db.get(LinkRow, (ask.issuer, ask.subject))
    if row is None or row.account_id != account.id:
        raise NotFound(Text("没有这项身份关联。", "There is no such link."))
    _record(work, actor, "identity.unlinked", row)
    work.db.delete(row)
    account.epoch += 1
    work.db.flush()


def links(work: Work, account_id: str) -> list[LinkRead]:
    wanted = select(LinkRow).where(LinkRow.account_id == account_id).order_by(col(LinkRow.linked_at))
    return [LinkRead.model_validate(row) for row in work.db.exec(wanted)]


def signed_in(work: Work, issuer: str, subject: str) -> Principal | None:
    """The account of this identity, which signs in now; None when none is linked, or it is disabled."""
    row = work.db.get(LinkRow, (issuer, subject))
    who = principal(work, row.account_id, "session") if row is not None else None
    if row is not None and who is not None:
        row.last_used_at = work.db.get_one(AccountRow, row.account_id).last_sign_in_at = work.now
    return who


def _not_own(actor: Actor, person_id: str) -> None:
    if actor.person_id == person_id:
        text = Text(
            "不得为自己的账户关联身份；请另一位管理员办理。",
            "Nobody links an identity to his own account; ask another administrator.",
        )
        raise AccessRefused(text, reasons=[Reason("own-account", text, "separation of duties")])


def _record(work: Work, actor: Actor, kind: str, row: LinkRow) -> None:
    payload = {"issuer": row.issuer, "subject": row.subject}
    person = work.db.get_one(AccountRow, row.account_id).person_id
    audit.record(work, actor, kind, subject=row.account_id, payload=payload, about={"subject": person})
