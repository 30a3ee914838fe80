"""Telling people what became of a grant: its holder's people, and the approvers of its department where it stops or goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from auth.actor import Actor
from auth.clocks.counting import day_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import Step
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import Role
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


def people(work: Work, orgs: Iterable[str]) -> list[str]:
    """Who acts for the holders of grants."""
    return audience.holders(work, HOLDER, orgs)


def moved(work: Work, actor: Actor, row: GrantRow, step: Step) -> None:
    """The grant has taken this step; who took it is not told what he did himself, and no message carries a note."""
    if (kind := _KINDS.get(step)) is None:
        return
    told = {*people(work, [row.org_id])}
    if step in _FOR_APPROVERS:
        told |= {*audience.deciders(work, [row.department_id])}
    say(work, row, kind, told - {actor.account_id})


def say(work: Work, row: GrantRow, kind: str, accounts: Iterable[str]) -> None:
    """Tell these accounts of the grant, each once for its version."""
    facts = {
        "id": row.id[:13],
        "title_zh": row.title_zh,
        "title_en": row.title_en,
        "state": str(row.state),
        "starts_on": day_of(row.starts_at).isoformat(),
    }
    href, once = f"/grants/{row.id}", f"{row.id}|{row.version}"
    tell(work, accounts, kind, subject=row.id, href=href, once=once, facts=facts)
