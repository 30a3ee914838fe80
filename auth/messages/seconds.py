"""Telling those who may answer that a case waits for a second person: a row for each kind of case, and one rule for all of them.

Who may answer holds a role of the kind's permission for the case's department or the whole platform, took no part in it, is nobody
who counts as one person with somebody who did, and belongs to no organisation that the case is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.delegations.standing import pairs
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import PERMISSIONS
from core.work import Work


@dataclass(frozen=True, slots=True)
class Second:
    """`permission`: of whoever answers; `base`: where the cases' pages are; `has_pages`: whether each case has its own;
    `with_pairs`: whether deputies and their principals count as one person here."""

    permission: str
    base: str
    has_pages: bool = True
    with_pairs: bool = True

    def href(self, case_id: str) -> str:
        return f"{self.base}/{case_id}" if self.has_pages else self.base


SECONDS: Final[Mapping[str, Second]] = {
    "revocation.waits": Second("auth:revocation:confirm", "/revocations"),
    "profile.waits": Second("auth:profile:confirm", "/profile"),
    "scheme.waits": Second("quality:scheme:confirm", "/scoring"),
    "cap.waits": Second("auth:fee-cap:confirm", "/caps"),
    "agreement.waits": Second("auth:agreement:approve", "/agreements"),
    "plan.waits": Second("auth:agreement:approve", "/plans"),
    "registration.waits": Second("auth:registration:review", "/registrations"),
    "registration.ready": Second("auth:registration:certify", "/registrations"),
    "consent.waits": Second("auth:consent:check", "/consents"),
    "erasure.waits": Second("auth:erasure:decide", "/erasures", with_pairs=False),
    "change.waits": Second("auth:user:admin", "/admin/changes", has_pages=False, with_pairs=False),
    "break_glass.waits": Second("auth:glass:use", "/admin/changes", has_pages=False, with_pairs=False),
}
"""By kind of message."""


def call(
    work: Work,
    actor: Actor,
    kind: str,
    case_id: str,
    version: int = 1,
    *,
    hands: Iterable[str] = (),
    orgs: Iterable[str] = (),
    department: str = "",
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Tell whoever may answer, once for the case's version; returns how many. Whoever brought it here is not told what he did himself.

    `hands`: persons who took part; `orgs`: organisations that the case is about; `department`: whose it is, "" = the bureau's alone.
    """
    second = SECONDS[kind]
    known = audience.holders_by_person(
        work, PERMISSIONS[second.permission], [department] if department else []
    )
    same = pairs(work) if second.with_pairs else {}
    barred = {actor.person_id, *_one_with(hands, same), *_of_orgs(work, set(known.values()), set(orgs), same)}
    told = [account for account, person in known.items() if person not in barred]
    return tell(
        work, told, kind, subject=case_id, href=second.href(case_id), once=f"{case_id}|{version}", facts=facts
    )  # fmt: skip


def _one_with(persons: Iterable[str], same: Mapping[str, frozenset[str]]) -> set[str]:
    return {each for person in persons for each in (person, *same.get(person, ()))}


def _of_orgs(
    work: Work, persons: set[str], orgs: set[str], same: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Those of these persons who belong to one of the organisations by any account, or count as one with somebody who does."""
    if not orgs:
        return frozenset()
    wanted = select(AccountRow.person_id).where(
        col(AccountRow.org_id).in_(sorted(orgs)), col(AccountRow.person_id).in_(sorted(_one_with(persons, same)))
    )  # fmt: skip
    inside = set(work.db.exec(wanted))
    return frozenset(person for person in persons if not inside.isdisjoint(_one_with([person], same)))
