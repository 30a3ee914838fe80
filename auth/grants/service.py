"""Acting on grants: issue, activate, suspend, resume, revoke, relinquish, and the sweeper that notes the end.

Whether a grant counts now is never read from a sweep: `auth.policy.rules.effective` computes it at the moment of use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.agreements import cover
from auth.anomalies import observing
from auth.applications import deeds
from auth.asset import Asset
from auth.consents.cover import named
from auth.delegations.standing import doer
from auth.duties import service as duties
from auth.grants import dormancy, queries, succession, telling
from auth.grants.standing import licence
from auth.grants.tables import GrantEventRow, GrantRow
from auth.grants.workflow import FINAL, MOVES, State, Step, advance
from auth.messages import audience
from auth.policy import odrl, rules, separation
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy, Prose
from auth.policy.separation import Past
from auth.profile.now import limits_now, profile
from auth.reviews import cover as reviews
from auth.revocations import opening as revocations
from auth.revocations.opening import Grounds
from auth.roles import Role
from auth.scope import roles_towards
from core import outbox
from core.errors import InputRefused, NotFound, Reason, Stale, refuse_if
from core.ids import ApplicationId, DatasetId, GrantId, OrgId
from core.text import Text, number_of
from core.work import Work

Assets = Callable[[DatasetId], Asset]
HasRelease = Callable[
    [DatasetId, str | None], bool
]  # of a dataset; the one that a grant is pinned to, if any
GoOn = Callable[
    [Work, GrantId, GrantId], None
]  # what waits under the first grant, under the second, which amends it

KINDS: Final = {
    Step.ACTIVATE: "grant.activated",
    Step.SUSPEND: "grant.suspended",
    Step.SUSPEND_BY_RULE: "grant.suspended",
    Step.SUSPEND_DORMANT: "grant.suspended",
    Step.ASK_RESUME: "grant.resume_asked",
    Step.WAKE: "grant.resumed",
    Step.DECLINE_RESUME: "grant.resume_declined",
    Step.RESUME: "grant.resumed",
    Step.REVOKE: "grant.revoked",
    Step.RELINQUISH: "grant.relinquished",
    Step.EXPIRE: "grant.expired",
    Step.LAPSE: "grant.voided",
    Step.SUPERSEDE: "grant.superseded",
}


_OF_SLEEP: Final = frozenset({Step.ASK_RESUME, Step.WAKE, Step.DECLINE_RESUME})
_NO_STEP: Final = frozenset({"grant-not-dormant", "resume-not-asked", "resume-asked-already"})


class GrantRead(SQLModel):
    """A grant as a reader sees it. `is_effective` is computed for the instant of reading; `why_not` says what stands against it."""

    id: GrantId
    application_id: ApplicationId
    org_id: OrgId
    dataset_id: DatasetId
    department_id: str
    title_zh: str
    title_en: str
    state: State
    version: int
    policy: dict[str, Any]
    policy_hash: str
    agreement_hash: str
    starts_at: datetime
    ends_at: datetime
    quota_extracts: int | None
    quota_rows: int | None
    quota_bytes: int | None
    quota_per_day: int | None
    used_per_day: int
    used_on: str
    quota_per_month: int | None
    used_per_month: int
    used_in: str
    quota_outputs_per_month: int | None
    used_outputs_per_month: int
    outputs_in: str
    used_extracts: int
    used_rows: int
    used_bytes: int
    carried_extracts: int
    carried_rows: int
    carried_bytes: int
    succeeds_id: GrantId | None
    succession: str
    is_effective: bool
    why_not: list[dict[str, Any]]
    note: str
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None


class GrantStep(SQLModel):
    """A step on a grant: the version that was seen, and why. Suspending and revoking need a reason."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=1)
    note: Prose = Field(default="", max_length=2000)


class RevokeStep(GrantStep, Grounds):
    """Revoking a grant: why, on what evidence (it may follow until the confirmation), and for how long its holder is barred."""


def read(work: Work, row: GrantRow) -> GrantRead:
    standing = licence(work, OrgId(row.org_id))
    against = (
        *rules.effective(queries.view_of(work, row), work.now),
        *rules.licence_objections(standing, work.now),
    )
    return GrantRead.model_validate(
        row,
        update={
            "policy": json.loads(row.policy),
            "is_effective": not against,
            "why_not": [{"code": r.code, "zh": r.text.zh, "en": r.text.en} for r in against],
        },
    )


def grant(work: Work, actor: Actor, grant_id: GrantId) -> GrantRead:
    """One grant; NotFound outside the actor's sight."""
    return read(work, queries.row(work, grant_id, actor))


def as_odrl(work: Work, actor: Actor, grant_id: GrantId) -> odrl.Document:
    """The grant as an ODRL agreement between department and holder; NotFound outside the actor's sight."""
    row = queries.row(work, grant_id, actor)
    return odrl.agreement(
        queries.view_of(work, row).policy,
        grant_id=row.id,
        assigner=row.department_id,
        assignee=row.org_id,
        agreed_at=row.created_at,
    )


def grants(
    work: Work, actor: Actor, *, offset: int = 0, limit: int = 50, sort: str = "-created", **by: str | None
) -> tuple[list[GrantRead], int]:
    """Grants in sight, filtered by state, dataset_id, org_id, application_id; and their number."""
    rows, total = queries.listed(work, actor, offset=offset, limit=limit, sort=sort, **by)
    return [read(work, row) for row in rows], total


def issue(
    work: Work,
    actor: Actor,
    *,
    application_id: str,
    line_id: str,
    org_id: str,
    department_id: str,
    title: Text,
    policy: GrantPolicy,
    agreement_hash: str,
    approved_by: Iterable[str],
    succeeds: tuple[str, str] | None = None,
) -> GrantRow:
    """A PENDING grant for one agreed line; called in the transaction in which the terms are accepted.

    `succeeds`: the grant that it amends or renews, and which of the two.
    """
    text = policy.canonical().decode()
    row = GrantRow(
        id=work.new_id(), application_id=application_id, line_id=line_id, org_id=org_id,
        dataset_id=policy.dataset_id, department_id=department_id, title_zh=title.zh, title_en=title.en,
        state=State.PENDING, policy=text, policy_hash=policy.hash, agreement_hash=agreement_hash,
        approved_by=json.dumps(sorted(set(approved_by))), starts_at=policy.starts_at, ends_at=policy.ends_at,
        quota_extracts=policy.quotas.extracts, quota_rows=policy.quotas.rows, quota_bytes=policy.quotas.bytes,
        quota_per_day=policy.quotas.per_day, quota_per_month=policy.quotas.per_month,
        quota_outputs_per_month=policy.quotas.outputs_per_month,
        created_at=work.now, succeeds_id=succeeds[0] if succeeds else None, succession=succeeds[1] if succeeds else "new",
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    _remember(work, SYSTEM, row, "issue", "", "")
    audit.record(
        work, actor, "grant.issued", subject=row.id, dataset_id=row.dataset_id, grant_id=row.id,
        application_id=row.application_id, payload={"policy_hash": row.policy_hash, "agreement_hash": agreement_hash},
    )  # fmt: skip
    return row


def activate(
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    body: GrantStep,
    *,
    assets: Assets,
    has_release: HasRelease,
    go_on: GoOn,
) -> GrantRead:
    """Put a grant into force: needs a published release, terms that can be enforced, and a steward who did not approve.

    `go_on`: called where it takes the place of another, so that what was asked for under that one goes on, or ends, at once.
    """
    row = _load(work, actor, grant_id, body)
    held = roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id}))
    advance(State(row.state), Step.ACTIVATE, held)
    refuse_if(_activation_objections(work, actor, row, assets, has_release))
    _move(work, actor, row, Step.ACTIVATE, body.note)
    row.activated_at = work.now
    old = succession.predecessor(work, row)
    if old is not None and old.state == State.ACTIVE and row.starts_at < old.ends_at:
        carried = succession.take_over(row, old)
        looks = reviews.carry_over(work, old.id, row.id, named(queries.policy_of(row)))
        facts = {"by": row.id, "carried": carried} | ({"reviews": looks} if looks else {})
        _move(work, SYSTEM, old, Step.SUPERSEDE, "", facts)
        work.db.add(row)
        work.db.flush()
        go_on(work, GrantId(old.id), GrantId(row.id))
    work.db.add(row)
    if old is not None and row.succession == succession.Succession.RENEWAL:
        work.db.flush()
        duties.pass_on(work, old, row)
    return read(work, row)


def _activation_objections(
    work: Work, actor: Actor, row: GrantRow, assets: Assets, has_release: HasRelease
) -> tuple[Reason, ...]:
    asset, view = assets(DatasetId(row.dataset_id)), queries.view_of(work, row)
    policy = view.policy
    found = [
        *view.blocks,
        *separation.not_of_the_applicant(doer(work, actor), row.org_id, _past(work, row)),
        *separation.approver_does_not_activate(doer(work, actor), json.loads(row.approved_by)),
        *rules.licence_objections(licence(work, OrgId(row.org_id)), work.now),
        *rules.asset_objections(asset),
        *(view.if_shared if asset.is_shared else ()),
        *rules.unenforceable(policy, asset),
        *rules.form_objections(policy.delivery_forms, asset, limits_now(work)),
        *rules.column_objections(policy.columns, asset, limits_now(work)),
    ]
    if not has_release(DatasetId(row.dataset_id), policy.pinned_release):
        found.append(
            rules.refused(
                "no-release",
                f"{row.dataset_id} 尚无通过质量放行的发布版本，或约定的版本不存在、已撤回。",
                f"{row.dataset_id} has no release that passed its gate, or the agreed one does not exist or was withdrawn.",
                rules.GRANT,
            )
        )
    found.extend(succession.objections(work, row))
    found.extend(reviews.pilot_objections(work, row, _last_day(row)))
    found.extend(revocations.bars(work, row.org_id, [row.dataset_id]))
    if work.now >= row.created_at + timedelta(days=(days := limits_now(work)["pending_days"])):
        found.append(
            rules.refused(
                "grant-waited-too-long",
                f"该授权签约后 {days} 天内未生效，已作废；请“复制为新申请”后重新办理。",
                f"The grant was not activated within {number_of(days, 'days')} of its agreement and is void; copy the application and submit that.",
                rules.GRANT,
            )
        )
    found.extend(cover.of_policy(work, profile(work), row.org_id, policy, since=work.now))
    if work.now >= row.ends_at:
        found.append(
            rules.refused("grant-ended", "授权期限已过。", "The period of the grant is over.", rules.GRANT)
        )
    return tuple(found)


def _last_day(row: GrantRow) -> date:
    return (row.ends_at - timedelta(seconds=1)).astimezone(LOCAL).date()


def _resumption_objections(work: Work, actor: Actor, row: GrantRow) -> tuple[Reason, ...]:
    return (
        *separation.not_of_the_applicant(doer(work, actor), row.org_id, _past(work, row)),
        *separation.suspender_does_not_resume(doer(work, actor), queries.past(work, row.id)),
        *observing.against_resuming(work, actor, row.id),
    )


def _past(work: Work, row: GrantRow) -> tuple[Past, ...]:
    """What was done to the grant and, before it, to its application."""
    return (*deeds.past(work, row.application_id), *queries.past(work, row.id))


def suspend(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """Stop all use at once; somebody else may resume it."""
    row = _load(work, actor, grant_id, body, needs_note=True)
    _move(work, actor, row, Step.SUSPEND, body.note)
    return read(work, row)


def suspend_by_rule(work: Work, row: GrantRow, note: str, facts: Mapping[str, Any]) -> None:
    """Stop all use because a rule says so; a person resumes it. Called with the finding, in its transaction."""
    _move(work, SYSTEM, row, Step.SUSPEND_BY_RULE, note, facts)


def suspend_dormant_due(work: Work) -> int:
    """Note every grant that fell asleep, once, and tell its holder. Safe at any time and in several workers."""
    days = limits_now(work)[dormancy.KEY]
    if not days:
        return 0
    wanted = select(GrantRow).where(dormancy.candidates(work.now, days)).order_by(col(GrantRow.id))
    rows = list(
        work.db.exec(wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True))
    )
    for row in rows:
        note = Text(f"连续 {days} 天未使用", f"Not used for {number_of(days, 'days')}")
        _move(
            work,
            SYSTEM,
            row,
            Step.SUSPEND_DORMANT,
            f"{note.zh} · {note.en}",
            {"cause": "dormant", "days": days},
        )
        telling.say(work, row, "grant.dormant", telling.people(work, [row.org_id]))
    return len(rows)


def ask_resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """The holder says why a grant that fell asleep is needed; a steward decides."""
    row = _load(work, actor, grant_id, body, needs_note=True)
    refuse_if(_sleep_objections(work, actor, row, Step.ASK_RESUME))
    _move(work, actor, row, Step.ASK_RESUME, body.note)
    telling.say(work, row, "grant.resume_asked", audience.holders(work, [Role.STEWARD], [row.department_id]))
    return read(work, row)


def decide_resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep, step: Step) -> GrantRead:
    """A steward lets a dormant grant be used again, or declines with a reason."""
    row = _load(work, actor, grant_id, body, needs_note=step is Step.DECLINE_RESUME)
    refuse_if(_sleep_objections(work, actor, row, step))
    _move(work, actor, row, step, body.note)
    telling.say(work, row, "grant.resume_decided", telling.people(work, [row.org_id]))
    return read(work, row)


def _sleep_objections(work: Work, actor: Actor, row: GrantRow, step: Step) -> tuple[Reason, ...]:
    return tuple(_against_waking(work, actor, row, step))


def _against_waking(work: Work, actor: Actor, row: GrantRow, step: Step) -> Iterator[Reason]:
    sleep = dormancy.sleep_of(work, row)
    if sleep is None:
        yield rules.refused(
            "grant-not-dormant", "该授权不是因长期未使用而暂停的，不适用此步骤。",
            "The grant is not suspended for want of use; this step does not apply.", rules.GRANT,
        )  # fmt: skip
        return
    if step is Step.ASK_RESUME:
        if sleep.asked:
            yield rules.refused(
                "resume-asked-already", "已提出恢复申请，等待数据专员决定。",
                "Resuming was asked for already; a steward decides.", rules.GRANT,
            )  # fmt: skip
        return
    if sleep.asked is None:
        yield rules.refused(
            "resume-not-asked", "持有方尚未申请恢复。", "The holder has not asked to resume it.", rules.GRANT
        )
    yield from separation.not_of_the_applicant(doer(work, actor), row.org_id, _past(work, row))


def resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """Let a suspended grant count again; not by the person who suspended it."""
    row = _load(work, actor, grant_id, body)
    refuse_if(_resumption_objections(work, actor, row))
    _move(work, actor, row, Step.RESUME, body.note)
    return read(work, row)


def revoke(
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    body: GrantStep,
    *,
    assets: Assets | None = None,
    by_two: bool = False,
) -> GrantRead:
    """End a grant for good, at once. Another person confirms it within a day (`auth.revocations`), unless two stand behind it already.

    `assets`: to know whose the datasets are that a bar names; without it none may be named.
    """
    row = _load(work, actor, grant_id, body, needs_note=True)
    refuse_if(tuple(separation.not_of_the_applicant(doer(work, actor), row.org_id, _past(work, row))))
    grounds = Grounds(**body.model_dump(include=set(Grounds.model_fields)))
    revocations.demand_bar(work, actor, grounds, partial(_department, assets))
    _move(work, actor, row, Step.REVOKE, body.note)
    revocations.opened(work, actor, row, body.note, grounds, by_two=by_two)
    return read(work, row)


def _department(assets: Assets | None, dataset_id: str) -> str:
    if assets is None:
        raise NotFound(Text(f"没有数据集 {dataset_id}。", f"There is no dataset {dataset_id}."))
    return assets(DatasetId(dataset_id)).org_id


def relinquish(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """The holder gives the grant back."""
    row = _load(work, actor, grant_id, body)
    _move(work, actor, row, Step.RELINQUISH, body.note)
    return read(work, row)


def expire_due(work: Work) -> int:
    """Note the end of grants whose time is over, and void those that nobody activated. Each event is written once.

    Safe to run at any time and in several workers: the rows are held, and a grant that has moved is not found again.
    """
    waited = work.now - timedelta(days=limits_now(work)["pending_days"])
    live = col(GrantRow.state).in_([State.ACTIVE, State.SUSPENDED]) & (col(GrantRow.ends_at) <= work.now)
    stuck = (col(GrantRow.state) == State.PENDING) & (
        (col(GrantRow.ends_at) <= work.now) | (col(GrantRow.created_at) <= waited)
    )
    rows = list(
        work.db.exec(
            select(GrantRow)
            .where(live | stuck)
            .order_by(col(GrantRow.id))
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
    )
    for row in rows:
        _move(work, SYSTEM, row, Step.LAPSE if row.state == State.PENDING else Step.EXPIRE, "")
    return len(rows)


def commands(
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    *,
    assets: Assets,
    has_release: HasRelease,
) -> list[dict[str, Any]]:
    """The steps that this actor's roles open on the grant now, each with what still stands against it."""
    row = queries.row(work, grant_id, actor)
    roles = roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id}))
    offered = []
    for (state, step), move in MOVES.items():
        if state != row.state or move.by.isdisjoint(roles):
            continue
        against: tuple[Reason, ...] = ()
        if step is Step.ACTIVATE:
            against = _activation_objections(work, actor, row, assets, has_release)
        if step is Step.REVOKE:
            against = tuple(separation.not_of_the_applicant(doer(work, actor), row.org_id, _past(work, row)))
        if step is Step.RESUME:
            against = _resumption_objections(work, actor, row)
        if step in _OF_SLEEP:
            against = _sleep_objections(work, actor, row, step)
            if _NO_STEP & {reason.code for reason in against}:
                continue
        offered.append({"command": step.value, "version": row.version, "reasons": against})
    return offered


def _load(
    work: Work, actor: Actor, grant_id: GrantId, body: GrantStep, *, needs_note: bool = False
) -> GrantRow:
    row = queries.row(work, grant_id, actor, to_change=True)
    if body.version is not None and body.version != row.version:
        raise Stale(
            Text(
                f"该授权已被他人修改（当前版本 {row.version}，您看到的是 {body.version}）；请刷新后再操作。",
                f"The grant was changed by somebody else (now version {row.version}, you saw {body.version}); reload first.",
            ),
            version=row.version,
            state=str(row.state),
        )
    if needs_note and len(body.note.strip()) < (least := limits_now(work)["min_reason_characters"]):
        raise InputRefused(
            Text(
                f"请写明理由（note），至少 {least} 个字。",
                f"Give a reason (note) of {least} characters or more.",
            )
        )
    return row


def _move(
    work: Work, actor: Actor, row: GrantRow, step: Step, note: str, facts: Mapping[str, Any] | None = None
) -> None:
    roles = roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id}))
    before = row.state
    row.state = advance(State(before), step, roles, by_system=actor.via == "system")
    row.version += 1
    row.note = note
    if row.state in FINAL:
        row.ended_at = work.now
    work.db.add(row)
    work.db.flush()
    if row.state in FINAL:
        duties.note(work, row)
    _remember(work, actor, row, step.value, before, note)
    audit.record(
        work, actor, KINDS[step], subject=row.id, dataset_id=row.dataset_id, grant_id=row.id,
        application_id=row.application_id, payload={"from": before, "to": str(row.state), "note": note, **(facts or {})},
    )  # fmt: skip
    outbox.post(
        work, KINDS[step], row.id, {"grant_id": row.id, "state": str(row.state), "org_id": row.org_id}
    )
    telling.moved(work, actor, row, step)


def _remember(work: Work, actor: Actor, row: GrantRow, step: str, before: str, note: str) -> None:
    work.db.add(
        GrantEventRow(
            id=work.new_id(), grant_id=row.id, version=row.version, step=step, from_state=before, to_state=str(row.state), note=note,
            person_id=actor.person_id, account_id=actor.account_id, org_id=actor.org_id, at=work.now,
        )
    )  # fmt: skip
    work.db.flush()
