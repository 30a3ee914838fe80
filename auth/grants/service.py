"""Stopping a grant, letting it count again and ending it; the sweeper that notes the end; and which steps are open to whom.

Whether a grant counts now is never read from a sweep: `auth.policy.rules.effective` computes it at the moment of use.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from sqlmodel import col, select

from auth.actor import SYSTEM, Actor
from auth.anomalies import observing
from auth.delegations.standing import doer
from auth.grants import queries, steps
from auth.grants.activating import Assets, HasRelease, activation_objections
from auth.grants.reading import GrantRead, read
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.grants.waking import NO_STEP, OF_SLEEP, sleep_objections
from auth.grants.workflow import MOVES, State, Step
from auth.policy import separation
from auth.policy.serving import Holds
from auth.profile.now import limits_now
from auth.revocations import opening as revocations
from auth.revocations.opening import Grounds
from auth.scope import roles_towards
from core.errors import NotFound, Reason, refuse_if
from core.ids import DatasetId, GrantId
from core.text import Text
from core.work import Work


class RevokeStep(GrantStep, Grounds):
    """Revoking a grant: why, on what evidence (it may follow until the confirmation), and for how long its holder is barred."""


def suspend(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """Stop all use at once; somebody else may resume it."""
    row = steps.load(work, actor, grant_id, body, needs_note=True)
    steps.move(work, actor, row, Step.SUSPEND, body.note)
    return read(work, row)


def suspend_by_rule(work: Work, row: GrantRow, note: str, facts: Mapping[str, Any]) -> None:
    """Stop all use because a rule says so; a person resumes it. Called with the finding, in its transaction."""
    steps.move(work, SYSTEM, row, Step.SUSPEND_BY_RULE, note, facts)


def resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """Let a suspended grant count again; not by the person who suspended it."""
    row = steps.load(work, actor, grant_id, body)
    refuse_if(_resumption_objections(work, actor, row))
    steps.move(work, actor, row, Step.RESUME, body.note)
    return read(work, row)


def _resumption_objections(work: Work, actor: Actor, row: GrantRow) -> tuple[Reason, ...]:
    return (
        *steps.of_own_side(work, actor, row),
        *separation.suspender_does_not_resume(doer(work, actor), queries.past(work, row.id)),
        *observing.against_resuming(work, actor, row.id),
    )


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
    row = steps.load(work, actor, grant_id, body, needs_note=True)
    refuse_if(steps.of_own_side(work, actor, row))
    grounds = Grounds(**body.model_dump(include=set(Grounds.model_fields)))
    revocations.demand_bar(work, actor, grounds, partial(_department, assets))
    steps.move(work, actor, row, Step.REVOKE, body.note)
    revocations.opened(work, actor, row, body.note, grounds, by_two=by_two)
    return read(work, row)


def _department(assets: Assets | None, dataset_id: str) -> str:
    if assets is None:
        raise NotFound(Text(f"没有数据集 {dataset_id}。", f"There is no dataset {dataset_id}."))
    return assets(DatasetId(dataset_id)).org_id


def relinquish(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """The holder gives the grant back."""
    row = steps.load(work, actor, grant_id, body)
    steps.move(work, actor, row, Step.RELINQUISH, body.note)
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
        steps.move(work, SYSTEM, row, Step.LAPSE if row.state == State.PENDING else Step.EXPIRE, "")
    return len(rows)


def commands(
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    *,
    assets: Assets,
    has_release: HasRelease,
    holds: Holds,
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
            against = activation_objections(work, actor, row, assets, has_release, holds)
        if step is Step.REVOKE:
            against = steps.of_own_side(work, actor, row)
        if step is Step.RESUME:
            against = _resumption_objections(work, actor, row)
        if step in OF_SLEEP:
            against = sleep_objections(work, actor, row, step)
            if NO_STEP & {reason.code for reason in against}:
                continue
        offered.append({"command": step.value, "version": row.version, "reasons": against})
    return offered
