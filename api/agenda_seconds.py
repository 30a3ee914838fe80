"""What waits for a second person: proposed, drafted or entered by one, to be confirmed by another. A row for each kind of case.

A case is on a person's pile only while that person could answer it now: rules of segregation take out what is his own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from api.agenda_shapes import SHOWN, Item, Pile
from auth.actor import Actor
from auth.agreements import plan_workflow
from auth.agreements import service as agreements
from auth.agreements import workflow as agreement_workflow
from auth.caps import service as caps
from auth.caps import workflow as cap_workflow
from auth.casework.book import Command
from auth.consents import service as consents
from auth.consents import workflow as consent_workflow
from auth.erasure import service as erasures
from auth.erasure import workflow as erasure_workflow
from auth.identity import changes
from auth.messages.seconds import SECONDS, Second
from auth.profile import service as profiles
from auth.profile import workflow as profile_workflow
from auth.registrations import service as registrations
from auth.registrations import workflow as registration_workflow
from auth.revocations import service as revocations
from auth.revocations import workflow as revocation_workflow
from core.text import Text
from core.work import Work
from quality.schemes import service as schemes
from quality.schemes import workflow as scheme_workflow

_LOOKED_AT: Final = 50  # newest cases of a kind among which those that one may answer are looked for


class _Case(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """`message`: what those who may answer are told, by which they are known; `rows`: the newest in a waiting state; `step`: the answer
    that whoever is asked may give."""

    message: str
    label: Text
    href: str
    step: str
    rows: Callable[[Work, Actor], Sequence[Any]]
    commands: Callable[[Work, Actor, str], list[Command]]
    title: Callable[[Any], Text]

    @property
    def second(self) -> Second:
        return SECONDS[self.message]


def _of(listed: Callable[..., tuple[list[Any], int]], *states: str) -> Callable[[Work, Actor], list[Any]]:
    return lambda work, actor: [
        row for state in states for row in listed(work, actor, state=state, limit=_LOOKED_AT)[0]
    ]


def _proposed(work: Work, actor: Actor) -> list[Any]:
    rows, _ = profiles.versions(work, actor, limit=_LOOKED_AT)
    return [row for row in rows if row.state == profile_workflow.State.PROPOSED]


def _schemes(work: Work, actor: Actor) -> list[Any]:
    rows, _ = schemes.versions(work, actor, limit=_LOOKED_AT)
    return [row for row in rows if row.state == scheme_workflow.State.PROPOSED]


def _titled(row: Any) -> Text:  # noqa: ANN401 - agreements and plans
    return Text(row.title, row.title)


def _of_dataset(row: Any) -> Text:  # noqa: ANN401 - registrations and consents
    return Text(row.title_zh, row.title_en)


KINDS: Final = (
    Kind("revocation.waits", Text("待第二人确认的撤销", "Revocations that wait for a second person"), "/revocations?state=WAITS",
         revocation_workflow.Step.CONFIRM, _of(revocations.revocations, revocation_workflow.State.WAITS, revocation_workflow.State.OVERDUE),
         revocations.commands, lambda row: Text(row.reason[:60], row.reason[:60])),
    Kind("profile.waits", Text("待确认的政策配置", "Policy profiles to confirm"), "/profile",
         profile_workflow.Step.CONFIRM, _proposed, profiles.commands, lambda row: Text(row.reason[:60], row.reason[:60])),
    Kind("scheme.waits", Text("待确认的评分方案", "Scoring schemes to confirm"), "/scoring",
         scheme_workflow.Step.CONFIRM, _schemes, schemes.commands, lambda row: Text(row.reason[:60], row.reason[:60])),
    Kind("cap.waits", Text("待确认的上限", "Caps to confirm"), "/caps?state=PROPOSED",
         cap_workflow.Step.CONFIRM, _of(caps.listed, cap_workflow.State.PROPOSED), caps.commands, lambda row: Text(row.source[:60], row.source[:60])),
    Kind("agreement.waits", Text("待审批的协议", "Agreements to approve"), "/agreements?state=IN_APPROVAL",
         agreement_workflow.Step.ACTIVATE, _of(agreements.agreements, agreement_workflow.State.IN_APPROVAL), agreements.commands, _titled),
    Kind("plan.waits", Text("待审批的实施方案", "Plans to approve"), "/plans",
         plan_workflow.Step.APPROVE, _of(agreements.plans, plan_workflow.State.IN_APPROVAL), agreements.plan_commands, _titled),
    Kind("registration.waits", Text("待审核的登记", "Registrations to review"), "/registrations?state=SUBMITTED",
         registration_workflow.Step.PASS, _of(registrations.registrations, registration_workflow.State.SUBMITTED), registrations.commands, _of_dataset),
    Kind("registration.ready", Text("待赋码的登记", "Registrations to give a code"), "/registrations?state=NOTICE",
         registration_workflow.Step.CERTIFY, _of(registrations.registrations, registration_workflow.State.NOTICE), registrations.commands, _of_dataset),
    Kind("consent.waits", Text("待核对的来源同意", "Source consents to check"), "/consents?state=ENTERED",
         consent_workflow.Step.CONFIRM, _of(consents.consents, consent_workflow.State.ENTERED), consents.commands, _of_dataset),
    Kind("erasure.waits", Text("待办理的删除请求", "Requests for erasure"), "/erasures?state=ASKED",
         erasure_workflow.Step.REFUSE, _of(erasures.erasures, erasure_workflow.State.ASKED), erasures.commands,
         lambda row: Text(f"删除请求 {row.id[:13]}", f"Request {row.id[:13]}")),
)  # fmt: skip


def seconds(work: Work, actor: Actor) -> Iterator[Pile]:
    """A pile for each kind of case that this person could answer now."""
    for kind in KINDS:
        if actor.may(kind.second.permission):
            rows = [row for row in kind.rows(work, actor) if _may_answer(work, actor, kind, row)]
            items = [Item(kind.title(row), kind.second.href(row.id), row.created_at) for row in rows[:SHOWN]]
            yield Pile(kind.label, kind.href, "warn", items, len(rows))
    if any(actor.may(SECONDS[message].permission) for message in ("change.waits", "break_glass.waits")):
        waiting, _ = changes.changes(work, actor, waiting=True, limit=_LOOKED_AT)
        others = [row for row in waiting if row.may_confirm]
        items = [
            Item(Text(row.username, row.username), "/admin/changes", row.asked_at) for row in others[:SHOWN]
        ]
        label = Text("待确认的角色变更", "Changes of roles to confirm")
        yield Pile(label, "/admin/changes", "warn", items, len(others))


def _may_answer(work: Work, actor: Actor, kind: Kind, row: _Case) -> bool:
    return any(each.step == kind.step and not each.reasons for each in kind.commands(work, actor, row.id))
