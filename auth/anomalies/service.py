"""Looking through the ledger, and what people do about what was found: acknowledge, call it a false alarm, set the rules."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, false, func, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import PLATFORM, SYSTEM, Actor
from auth.anomalies import telling
from auth.anomalies.config import LARGEST, LARGEST_OTHER, Setting, settings, shipped
from auth.anomalies.observing import Filters, find
from auth.anomalies.rules import Action, Found, Rule
from auth.anomalies.tables import AnomalyRow, AnomalySettingRow, AnomalySweepRow
from auth.anomalies.workflow import FINAL, MACHINE, State, Step
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import doer
from auth.grants import queries
from auth.grants import service as grants
from auth.grants.steps import of_own_side
from auth.grants.tables import GrantRow, UsageEventRow
from auth.grants.workflow import State as GrantState
from auth.policy.model import Prose
from auth.roles import PERMISSIONS
from auth.scope import roles_towards, sight
from core.errors import InputRefused, Reason, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:anomaly:read"
_LATE: Final = timedelta(minutes=5)  # a line may be committed after one that is newer


class AnomalyRead(SQLModel):
    """A finding as a reader sees it."""

    id: str
    state: State
    version: int
    grant_id: str
    org_id: str
    dataset_id: str
    rule: Rule
    action: Action
    seen: int
    threshold: int
    text_zh: str
    text_en: str
    setting_id: str
    is_suspended_by: bool
    note: str
    created_at: datetime
    ended_at: datetime | None


class SettingBody(SQLModel):
    """How a rule is to be set from now on, and why. Numbers that are left out stay as they are."""

    model_config = {"extra": "forbid"}
    action: Action
    numbers: dict[str, int] = {}
    reason: Prose = Field(max_length=2000)


class SettingRead(SQLModel):
    """A rule as it is set; `source` is the shipped source or the reason for the change."""

    rule: Rule
    name_zh: str
    name_en: str
    action: Action
    numbers: dict[str, int]
    source: str
    set_by: str


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(AnomalyRow.department_id).in_(seen.departments))


BOOK: Final = Book(
    kind="anomaly",
    table=AnomalyRow,
    machine=MACHINE,
    states=State,
    kinds={
        "open": "anomaly.found",
        Step.ACKNOWLEDGE: "anomaly.acknowledged",
        Step.DISMISS: "anomaly.dismissed",
    },
    final=FINAL,
    seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    ids=lambda row: {"grant_id": row.grant_id, "dataset_id": row.dataset_id},
    says=lambda row: {"anomaly_id": row.id, "rule": row.rule, "action": row.action},
)


def is_anything_due(work: Work) -> bool:
    """Whether there are lines that no sweep has looked at."""
    newest, seen_until = _newest(work), _seen_until(work)
    return newest is not None and (seen_until is None or newest > seen_until or newest > work.now - _LATE)


def sweep(work: Work, filters: Filters) -> int:
    """Apply every rule to the grants that were used since the last sweep; returns the number of findings.

    Finding, suspension and the mark how far was looked are one transaction; a second worker waits and finds nothing new.
    """
    hold(work, "anomalies")
    newest, seen_until = _newest(work), _seen_until(work)
    if newest is None:
        return 0
    used = select(UsageEventRow.grant_id).distinct()
    if seen_until is not None:
        used = used.where(UsageEventRow.at > min(seen_until, newest) - _LATE)
    wanted = {rule: setting for rule, setting in settings(work).items() if setting.action is not Action.OFF}
    rows = select(GrantRow).where(col(GrantRow.id).in_(used), GrantRow.state == GrantState.ACTIVE)
    number = 0
    for row in list(work.db.exec(rows.order_by(col(GrantRow.id)).execution_options(populate_existing=True))):
        for setting, hit in find(work, row, wanted, filters):
            _enter(work, row, setting, hit)
            number += 1
    mark = work.db.get(AnomalySweepRow, 1) or AnomalySweepRow(id=1, seen_until=newest)
    mark.seen_until = newest
    work.db.add(mark)
    return number


def _newest(work: Work) -> datetime | None:
    return work.db.exec(select(UsageEventRow.at).order_by(col(UsageEventRow.at).desc()).limit(1)).first()


def _seen_until(work: Work) -> datetime | None:
    mark = work.db.get(AnomalySweepRow, 1)
    return mark.seen_until if mark else None


def _enter(work: Work, row: GrantRow, setting: Setting, hit: Found) -> None:
    suspends = setting.action is Action.SUSPEND and row.state == GrantState.ACTIVE
    found = AnomalyRow(
        **made_by(work, SYSTEM), state=State.OPEN, grant_id=row.id, org_id=row.org_id, dataset_id=row.dataset_id,
        department_id=row.department_id, rule=hit.rule, action=setting.action, seen=hit.seen, threshold=hit.limit,
        text_zh=hit.text.zh, text_en=hit.text.en, setting_id=setting.id, set_by_person=setting.set_by_person,
        is_suspended_by=suspends,
    )  # fmt: skip
    BOOK.open(work, SYSTEM, found, {
        "rule": hit.rule.value, "action": setting.action.value, "seen": hit.seen, "limit": hit.limit, "setting": setting.id,
    })  # fmt: skip
    telling.found(work, row, found, setting)
    if suspends:
        grants.suspend_by_rule(work, row, f"{setting.name.zh}：{hit.text.zh}", {"anomaly": found.id})


def anomaly(work: Work, actor: Actor, anomaly_id: str) -> AnomalyRead:
    """One finding; NotFound outside the actor's sight."""
    return AnomalyRead.model_validate(BOOK.row(work, anomaly_id, actor))


def anomalies(
    work: Work,
    actor: Actor,
    *,
    state: str = "",
    rule: str = "",
    grant_id: str = "",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[AnomalyRead], int]:
    """Findings in sight, newest first, and their number."""
    wanted = {"state": state, "rule": rule, "grant_id": grant_id}
    conditions = [col(getattr(AnomalyRow, name)) == value for name, value in wanted.items() if value]
    rows, total = BOOK.listed(work, actor, *conditions, offset=offset, limit=limit)
    return [AnomalyRead.model_validate(row) for row in rows], total


def to_answer(work: Work, actor: Actor, limit: int = 50) -> tuple[list[AnomalyRead], int]:
    """Findings that wait for an answer and that this actor may answer himself, the oldest first; and their number."""
    able = PERMISSIONS[telling.ANSWER] if actor.may(telling.ANSWER) else frozenset()
    scopes = {held.scope for held in actor.roles if held.role in able and held.lender is None}
    mine = true() if PLATFORM in scopes else or_(false(), col(AnomalyRow.department_id).in_(scopes))
    rows, total = BOOK.listed(
        work,
        actor,
        col(AnomalyRow.state) == State.OPEN,
        mine,
        col(AnomalyRow.org_id).not_in(doer(work, actor).orgs),
        order=[col(AnomalyRow.created_at)],
        limit=limit,
    )
    return [AnomalyRead.model_validate(row) for row in rows], total


def number_open(work: Work) -> int:
    """How many findings wait for an answer."""
    wanted = select(func.count()).select_from(AnomalyRow).where(AnomalyRow.state == State.OPEN)
    return work.db.exec(wanted).one()


def commands(work: Work, actor: Actor, anomaly_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = BOOK.row(work, anomaly_id, actor)
    return BOOK.commands(actor, row, lambda _: _against(work, actor, row))


def _against(work: Work, actor: Actor, row: AnomalyRow) -> tuple[Reason, ...]:
    return of_own_side(work, actor, queries.row(work, GrantId(row.grant_id)))


def close(work: Work, actor: Actor, anomaly_id: str, step: Step, body: CaseStep) -> AnomalyRead:
    """Answer a finding, with a reason; nobody of the holder's side does. What was seen until now does not count again; a throttle ends."""
    row = BOOK.row(work, anomaly_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, step)
    refuse_if(_against(work, actor, row))
    need_reason(body.note)
    BOOK.move(work, actor, row, step, body.note)
    if row.action == Action.THROTTLE and not _is_slow(work, row.grant_id):
        telling.post(work, work.db.get_one(GrantRow, row.grant_id), "grant.unthrottled")
    return AnomalyRead.model_validate(row)


def _is_slow(work: Work, grant_id: str) -> bool:
    wanted = select(AnomalyRow.id).where(
        AnomalyRow.grant_id == grant_id, AnomalyRow.state == State.OPEN, AnomalyRow.action == Action.THROTTLE
    )  # fmt: skip
    return work.db.exec(wanted.limit(1)).first() is not None


def rules(work: Work) -> list[SettingRead]:
    """Every rule as it is set now."""
    return [_setting(each) for each in settings(work).values()]


def _setting(each: Setting) -> SettingRead:
    return SettingRead(
        rule=each.rule, name_zh=each.name.zh, name_en=each.name.en, action=each.action, numbers=dict(each.numbers),
        source=each.source, set_by=each.set_by,
    )  # fmt: skip


def configure(work: Work, actor: Actor, rule: Rule, body: SettingBody) -> SettingRead:
    """Set a rule from now on; the row before stays. Whoever sets it does not resume what it suspends."""
    hold(work, "anomalies")
    now = settings(work)[rule]
    _check(rule, body.numbers)
    need_reason(body.reason)
    numbers = {**now.numbers, **body.numbers}
    work.db.add(
        AnomalySettingRow(
            id=work.new_id(), rule=rule, action=body.action, numbers=json.dumps(numbers, sort_keys=True), reason=body.reason,
            set_by=actor.username, set_by_person=actor.person_id, set_at=work.now,
        )
    )  # fmt: skip
    work.db.flush()
    payload: dict[str, Any] = {
        "from": {"action": now.action.value, "numbers": dict(now.numbers)},
        "to": {"action": body.action.value, "numbers": numbers},
        "reason": body.reason,
    }
    audit.record(work, actor, "anomaly.rule_set", subject=rule.value, payload=payload)
    return _setting(settings(work)[rule])


def _check(rule: Rule, numbers: dict[str, int]) -> None:
    known = shipped()[rule].numbers
    for name, value in numbers.items():
        most, least = LARGEST.get(name, LARGEST_OTHER), 0 if name.endswith("_hour") else 1
        if name not in known or not least <= value <= most:
            raise InputRefused(
                Text(
                    f"“{name}”须为本规则的数值（{'、'.join(known)}），在 {least} 与 {most} 之间。",
                    f"{name} must be a number of this rule ({', '.join(known)}) between {least} and {most}.",
                ),
                field=name,
            )
