"""Telling people of what stops grants from outside their own terms, or lets them go on: a licence, an agreement, a consent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.grants import telling
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import Role
from core.work import Work

_HELD: Final = (State.PENDING, State.ACTIVE, State.SUSPENDED)
_BUREAU: Final = (Role.APPROVER, Role.STEWARD)


def of_organisation(work: Work, org_id: str) -> list[GrantRow]:
    """The organisation's grants that have not ended."""
    wanted = select(GrantRow).where(
        GrantRow.org_id == org_id, col(GrantRow.state).in_(_HELD), GrantRow.ends_at > work.now
    )
    return list(work.db.exec(wanted.order_by(col(GrantRow.id))))


def told(
    work: Work,
    actor: Actor,
    kind: str,
    grants: Iterable[GrantRow],
    *,
    subject: str,
    once: str,
    facts: Mapping[str, str],
    orgs: Iterable[str] = (),
    also: Iterable[str] = (),
) -> None:
    """Tell the holders of these grants, and approvers and stewards of their departments, each account once with the number of those that concern it.

    `orgs`: organisations whose people hear of it though no grant of theirs is met; `also`: accounts that look after such things, with
    the number of all that are met. Who did it is not told what he did himself.
    """
    held: dict[str, set[str]] = {org: set() for org in orgs}
    touched: dict[str, set[str]] = defaultdict(set)
    for row in grants:
        held.setdefault(row.org_id, set()).add(row.id)
        touched[row.department_id].add(row.id)
    concerned: dict[str, set[str]] = defaultdict(set)
    for org, ids in held.items():
        for account in telling.people(work, [org]):
            concerned[account] |= ids
    for department, ids in touched.items():
        for account in audience.with_deputies(work, _BUREAU, [department]):
            concerned[account] |= ids
    for account in also:
        concerned[account] |= {each for ids in held.values() for each in ids}
    concerned.pop(actor.account_id, None)
    by_number: dict[int, list[str]] = defaultdict(list)
    for account, ids in concerned.items():
        by_number[len(ids)].append(account)
    for number, accounts in sorted(by_number.items()):
        tell(
            work,
            accounts,
            kind,
            subject=subject,
            href="/grants",
            once=once,
            facts={**facts, "grants": number},
        )
