"""What proves a person, changed by others: passwords, second factors, linked identities. One administrator alone gets in nowhere.

Whoever could set these for an approver alone would be that approver; whoever could for another administrator would be
two of them. So they wait as changes of roles do, and `make` carries out what the second person confirmed.
"""

from __future__ import annotations

import json

from sqlmodel import select

from auth.actor import Actor
from auth.identity import accounts, changes, factor, links, passwords, rules
from auth.identity.accounts import AccountRead
from auth.identity.changes import ChangeKind, ChangeRead, ChangeState
from auth.identity.links import LinkAsk
from auth.identity.principals import in_person
from auth.identity.tables import AccountRow, ChangeRow
from auth.roles import Role
from core.errors import refuse_if
from core.work import Work, hold


def set_password(
    work: Work, actor: Actor, key: str, password: passwords.PasswordHash
) -> AccountRead | ChangeRead:
    """A new password for somebody else: at once where the account decides nothing, otherwise once another has confirmed."""
    row = _somebody_else(work, actor, key)
    if not password_takes_two(work, row):
        return accounts.set_password(work, actor, row.id, password)
    return _ask(work, actor, ChangeKind.PASSWORD, row, json.dumps({"hash": password.value}))


def reset_factor(work: Work, actor: Actor, key: str) -> ChangeRead:
    """Ask to take the second factor of somebody who lost phone and codes away. Raises NotFound when he has none."""
    row = _somebody_else(work, actor, key)
    factor.demand_enrolled(work, row.id)
    return _ask(work, actor, ChangeKind.FACTOR, row, "")


def link(work: Work, actor: Actor, key: str, ask: LinkAsk) -> ChangeRead:
    """Ask that an identity of the provider may sign in as this account. Raises Conflict when it belongs to one."""
    row = _somebody_else(work, actor, key)
    links.demand_free(work, ask)
    return _ask(work, actor, ChangeKind.LINK, row, json.dumps(ask.model_dump()))


def password_takes_two(work: Work, row: AccountRow) -> bool:
    """Roles that begin later and roles that wait count too: the password would still be known when they count."""
    held = {role.role for role in accounts.read(work, row).roles}
    waiting = select(ChangeRow.role).where(
        ChangeRow.account_id == row.id,
        ChangeRow.state == ChangeState.WAITING,
        ChangeRow.expires_at > work.now,
        ChangeRow.role != "",
    )
    held |= {Role(role) for role in work.db.exec(waiting)}
    return rules.password_takes_two(held, has_factor=factor.is_enrolled(work, row.id))


def confirm(work: Work, actor: Actor, change_id: str) -> ChangeRead:
    """The second person agrees to a change of any kind, and it is made."""
    return changes.confirm(work, actor, change_id, _make)


def _make(work: Work, actor: Actor, row: ChangeRow, target: AccountRow) -> None:
    """Carry out what was confirmed; each service judges it anew."""
    if row.kind == ChangeKind.PASSWORD:
        stored = passwords.PasswordHash(json.loads(row.detail)["hash"])
        accounts.set_password(work, actor, target.id, stored)
    elif row.kind == ChangeKind.FACTOR:
        factor.reset(work, actor, target)
    else:
        links.link(work, actor, target.id, links.asked(row))


def _somebody_else(work: Work, actor: Actor, key: str) -> AccountRow:
    in_person(actor)
    row = accounts.account_row(work, key)
    hold(work, f"roles/{row.person_id}")  # so that no role is asked for or given in between
    refuse_if(rules.own_account_objections(is_own=row.person_id == actor.person_id))
    return row


def _ask(work: Work, actor: Actor, kind: ChangeKind, row: AccountRow, detail: str) -> ChangeRead:
    return changes.read(work, actor, changes.ask_other(work, actor, kind, row.id, detail))
