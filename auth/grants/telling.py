"""Telling people what became of a grant: its holder's people, and the approvers of its department where it stops or goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.clocks.counting import day_of
from auth.grants.succession import Succession
from auth.grants.tables import GrantRow
from auth.grants.workflow import State, Step
from auth.identity import organisations
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import Role
from core.ids import OrgId
from core.work import Work

HOLDER: Final = (Role.ORG_OFFICER, Role.APPLICANT)
_KINDS: Final[Mapping[Step, str]] = {
    Step.ACTIVATE: "grant.activated",
    Step.SUSPEND: "grant.suspended",
    Step.SUSPEND_BY_RULE: "grant.suspended",
    Step.RESUME: "grant.resumed",
    Step.REVOKE: "grant.revoked",
    Step.RELINQUISH: "grant.relinquished",
    Step.EXPIRE: "grant.expired",
    Step.LAPSE: "grant.voided",
}
"""What is told at once. Falling asleep and waking have words of their own; who is superseded hears of the successor."""
_FOR_APPROVERS: Final = frozenset(
    {Step.SUSPEND, Step.SUSPEND_BY_RULE, Step.RESUME, Step.REVOKE, Step.RELINQUISH}
)
_ENDS: Final[Mapping[Step, frozenset[Succession]]] = {
    Step.REVOKE: frozenset({Succession.AMENDMENT, Succession.RENEWAL}),
    Step.RELINQUISH: frozenset({Succession.AMENDMENT, Succession.RENEWAL}),
    Step.EXPIRE: frozenset({Succession.AMENDMENT}),
}
"""Which grants that wait can never take the place of one that ended so (`succession.objections`)."""


def people(work: Work, orgs: Iterable[str]) -> list[str]:
    """Who acts for the holders of grants."""
    return audience.holders(work, HOLDER, orgs)


def holder_and_dataset(work: Work, row: GrantRow) -> dict[str, str]:
    """Facts for the bureau's people: whose grant it is, and on what."""
    org = organisations.organisation(work, OrgId(row.org_id)).name
    return {
        "org": row.org_id, "org_zh": org.zh, "org_en": org.en,
        "dataset": row.dataset_id, "dataset_zh": row.title_zh, "dataset_en": row.title_en,
    }  # fmt: skip


def moved(work: Work, actor: Actor, row: GrantRow, step: Step) -> None:
    """The grant has taken this step; who took it is not told what he did himself, and no message carries a note."""
    if (kind := _KINDS.get(step)) is None:
        return
    told = {*people(work, [row.org_id])}
    if step in _FOR_APPROVERS:
        told |= {*audience.deciders(work, [row.department_id])}
    say(work, row, kind, told - {actor.account_id})
    for waiting in _cut_off(work, row, step):
        say(work, waiting, "grant.cut_off", told - {actor.account_id}, before=row.id[:13])


def _cut_off(work: Work, row: GrantRow, step: Step) -> list[GrantRow]:
    if step not in _ENDS:
        return []
    wanted = select(GrantRow).where(
        GrantRow.succeeds_id == row.id,
        GrantRow.state == State.PENDING,
        col(GrantRow.succession).in_(_ENDS[step]),
    )
    return list(work.db.exec(wanted.order_by(col(GrantRow.id))))


def say(work: Work, row: GrantRow, kind: str, accounts: Iterable[str], **more: str) -> None:
    """Tell these accounts of the grant, each once for its version. `more`: facts of the kind's own."""
    facts = more | {
        "id": row.id[:13],
        "title_zh": row.title_zh,
        "title_en": row.title_en,
        "state": str(row.state),
        "starts_on": day_of(row.starts_at).isoformat(),
    }
    href, once = f"/grants/{row.id}", f"{row.id}|{row.version}"
    tell(work, accounts, kind, subject=row.id, href=href, once=once, facts=facts)
