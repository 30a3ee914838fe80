"""Agreements that are at odds with who controls whom now (R01), with the applications that wait and the grants in force that hang on them.

Computed whenever somebody looks: an entry on control changes it at once, and nothing waits for a sweep. Nothing is stopped by it: a
steward of the bureau decides what becomes of the agreement; until then neither it nor another of the same kind is submitted or put in force.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

from pydantic import BaseModel
from sqlmodel import col, select

from auth.actor import PLATFORM, SYSTEM, Actor
from auth.agreements import rules
from auth.agreements.model import AgreementBody, Mode
from auth.agreements.stored import body_of
from auth.agreements.tables import AgreementRow
from auth.agreements.workflow import State
from auth.applications import queries as applications
from auth.applications import seeing
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import ANSWERED, LIVE
from auth.grants import queries as grants
from auth.grants.stored import scenario_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.identity.affiliation import controllers
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.profile.now import profile
from auth.roles import Role
from auth.scope import sight
from auth.stored import if_readable
from core.errors import Reason, Unavailable
from core.work import Work

READ: Final = "auth:agreement:read"
_STANDS: Final = (State.IN_APPROVAL, State.ACTIVE)
_HELD: Final = (GrantState.PENDING, GrantState.ACTIVE, GrantState.SUSPENDED)


class Hanging(BaseModel):
    """An application that waits or a grant in force, under such an agreement."""

    id: str
    state: str
    datasets: list[str]


class AtOdds(BaseModel):
    """One agreement that would not be put in force as control stands today, with every reason."""

    agreement_id: str
    title: str
    state: State
    operator_id: str
    starts_on: date
    ends_on: date
    reasons: list[dict[str, Any]]
    applications: list[Hanging]
    grants: list[Hanging]


def found(work: Work, actor: Actor) -> list[AtOdds]:
    """Those in the actor's sight: all for whoever works for the whole bureau, an operator's own, a department's where its data are touched."""
    seen = sight(actor, READ)
    listed = []
    for row, reasons in _against(work, actor):
        each = _read(work, actor, row, reasons)
        if seen.everything or row.operator_id in seen.orgs or each.applications or each.grants:
            listed.append(each)
    return listed


def of_application(work: Work, actor: Actor, org_id: str, scenario_id: str) -> list[AtOdds]:
    """Those among them under which an application of this organisation and scenario lies."""
    return [
        _read(work, actor, row, reasons)
        for row, reasons in _against(work, actor)
        if row.operator_id == org_id
        and (body := if_readable(body_of, row)) is not None
        and _holds(body, scenario_id)
    ]


def _against(work: Work, actor: Actor = SYSTEM) -> list[tuple[AgreementRow, tuple[Reason, ...]]]:
    """Every agreement that waits for approval or stands, and what speaks against it because of who is whose affiliate; or that it
    cannot be read, and so not be looked at.

    Another agreement is named by its title to who may see it, and by its number alone to others: its words are its operator's.
    """
    seen = sight(actor, READ)
    today = work.now.astimezone(LOCAL).date()
    wanted = select(AgreementRow).where(
        col(AgreementRow.state).in_(_STANDS), col(AgreementRow.ends_on) >= today
    )
    rows = list(work.db.exec(wanted.order_by(col(AgreementRow.id))))
    told: list[tuple[AgreementRow, tuple[Reason, ...]]] = []
    stand, others = [], []
    for row in rows:
        try:
            others.append(rules.Other(row.id, row.title, body_of(row)))
            stand.append(row)
        except Unavailable as fault:
            told.append((row, tuple(fault.reasons)))
    named = [
        each if seen.everything or row.operator_id in seen.orgs else replace(each, title=each.id)
        for row, each in zip(stand, others, strict=True)
    ]
    known, now = controllers(work), profile(work)
    for row, own in zip(stand, others, strict=True):
        alone = rules.agreement_objections(own.body, plan_approved=True, profile=now, controllers=known)
        reasons = (
            *(each for each in alone if each.basis == rules.APART),
            *rules.apart_from(own.body, [each for each in named if each.id != row.id], known),
        )
        if reasons:
            told.append((row, reasons))
    return sorted(told, key=lambda each: each[0].id)


def _holds(body: AgreementBody, scenario_id: str) -> bool:
    return body.mode is Mode.WHOLE or scenario_id in body.scenarios


def _read(work: Work, actor: Actor, row: AgreementRow, reasons: tuple[Reason, ...]) -> AtOdds:
    body = if_readable(body_of, row)
    return AtOdds(
        agreement_id=row.id, title=row.title, state=State(row.state), operator_id=row.operator_id, starts_on=row.starts_on, ends_on=row.ends_on,
        reasons=[{"code": each.code, "zh": each.text.zh, "en": each.text.en, "basis": each.basis} for each in reasons],
        applications=_applications(work, actor, row.operator_id, body) if body else [], grants=_grants(work, actor, row.operator_id, body) if body else [],
    )  # fmt: skip


def _applications(work: Work, actor: Actor, org_id: str, body: AgreementBody) -> list[Hanging]:
    wanted = select(ApplicationRow).where(
        ApplicationRow.org_id == org_id,
        col(ApplicationRow.state).in_(sorted(LIVE | ANSWERED)),
        seeing.seen_by(actor),
    )
    return [
        Hanging(id=row.id, state=row.state, datasets=[line.dataset_id for line in applications.lines(work, row.id)])
        for row in work.db.exec(wanted.order_by(col(ApplicationRow.id)))
        if _holds(body, row.scenario_id or "")
    ]  # fmt: skip


def _grants(work: Work, actor: Actor, org_id: str, body: AgreementBody) -> list[Hanging]:
    wanted = select(GrantRow).where(
        GrantRow.org_id == org_id,
        col(GrantRow.state).in_(_HELD),
        col(GrantRow.ends_at) > work.now,
        grants.seen_by(actor),
    )
    return [
        Hanging(id=row.id, state=row.state, datasets=[row.dataset_id])
        for row in work.db.exec(wanted.order_by(col(GrantRow.id)))
        if (scenario := scenario_of(row)) is not None and _holds(body, scenario)
    ]


def tell_new(work: Work, before: set[str]) -> int:
    """After an entry on control: tell approvers and reviewers of the bureau, and stewards of the departments whose data are touched, of each
    agreement that is at odds now and was not `before`. How many agreements."""
    new = [(row, reasons) for row, reasons in _against(work) if row.id not in before]
    for row, reasons in new:
        each = _read(work, SYSTEM, row, reasons)
        departments = set(
            work.db.exec(select(GrantRow.department_id).where(col(GrantRow.id).in_([held.id for held in each.grants])))
        ).union(*(applications.departments(work, held.id) for held in each.applications))  # fmt: skip
        people = {
            *audience.holders(work, [Role.APPROVER, Role.REVIEWER_BUSINESS], [PLATFORM]),
            *audience.holders(work, [Role.STEWARD], sorted(departments)),
        }
        facts = {"title": row.title, "applications": len(each.applications), "grants": len(each.grants)}
        tell(
            work, people, "agreement.at_odds", subject=row.id, href="/agreements/at-odds",
            once=f"{row.id}|{work.now.isoformat()}", facts=facts,
        )  # fmt: skip
    return len(new)


def ids(work: Work) -> set[str]:
    """The agreements that are at odds now."""
    return {row.id for row, _ in _against(work)}
