"""A grant from the agreement on a line until it is in force."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.agreements import cover
from auth.asset import Asset
from auth.consents.cover import named
from auth.delegations.standing import doer
from auth.duties import service as duties
from auth.grants import queries, steps, succession
from auth.grants.reading import GrantRead, read
from auth.grants.standing import licence
from auth.grants.steps import GrantStep
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import State, Step, advance
from auth.policy import rules, separation, serving
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy
from auth.policy.serving import Holding, Holds, Moment
from auth.profile.now import limits_now, profile
from auth.reviews import cover as reviews
from auth.revocations import opening as revocations
from auth.scope import roles_towards
from core.errors import Reason, refuse_if
from core.ids import DatasetId, GrantId, OrgId
from core.text import Text, number_of
from core.work import Work, hold

Assets = Callable[[DatasetId], Asset]
# Of a dataset; the one that a grant is pinned to, if any.
HasRelease = Callable[[DatasetId, str | None], bool]
# What waits under the first grant, under the second, which amends it.
GoOn = Callable[[Work, GrantId, GrantId], None]


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
    steps.remember(work, SYSTEM, row, "issue", "", "")
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
    holds: Holds,
    go_on: GoOn,
) -> GrantRead:
    """Put a grant into force: needs a published release, terms that can be enforced, forms that can be had, and a steward who did not approve.

    `holds`: what datasets have for delivery forms.
    `go_on`: called where it takes the place of another, so that what was asked for under that one goes on, or ends, at once.
    """
    row = steps.load(work, actor, grant_id, body)
    held = roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id}))
    advance(State(row.state), Step.ACTIVATE, held)
    hold(work, f"activation|{row.org_id}|{row.dataset_id}")  # of two of one kind the second sees the first
    refuse_if(activation_objections(work, actor, row, assets, has_release, holds))
    steps.move(work, actor, row, Step.ACTIVATE, body.note)
    row.activated_at = work.now
    old = succession.predecessor(work, row)
    if old is not None and old.state == State.ACTIVE and row.starts_at < old.ends_at:
        carried = succession.take_over(row, old)
        looks = reviews.carry_over(work, old.id, row.id, named(policy_of(row)))
        facts = {"by": row.id, "carried": carried} | ({"reviews": looks} if looks else {})
        steps.move(work, SYSTEM, old, Step.SUPERSEDE, "", facts)
        work.db.add(row)
        work.db.flush()
        go_on(work, GrantId(old.id), GrantId(row.id))
    work.db.add(row)
    if old is not None and row.succession == succession.Succession.RENEWAL:
        work.db.flush()
        duties.pass_on(work, old, row)
    return read(work, row)


def unserved(work: Work, policy: GrantPolicy, asset: Asset, holds: Holds) -> tuple[Reason, ...]:
    """The forms of the policy that cannot be had of the dataset now, with what is wanting."""
    asks = serving.looks_at_holding(policy.delivery_forms, policy.safeguards)
    held = holds(policy.dataset_id) if asks else Holding()
    case = serving.case_of(policy, asset, limits_now(work), held)
    return serving.objections(case, policy.delivery_forms, Moment.ACTIVATION)


def activation_objections(
    work: Work, actor: Actor, row: GrantRow, assets: Assets, has_release: HasRelease, holds: Holds
) -> tuple[Reason, ...]:
    asset, view = assets(DatasetId(row.dataset_id)), queries.view_of(work, row)
    policy = view.policy
    found = [
        *view.blocks,
        *steps.of_own_side(work, actor, row),
        *separation.approver_does_not_activate(doer(work, actor), json.loads(row.approved_by)),
        *rules.licence_objections(licence(work, OrgId(row.org_id)), work.now),
        *rules.asset_objections(asset),
        *(view.if_shared if asset.is_shared else ()),
        *rules.unenforceable(policy, asset),
        *rules.form_objections(policy.delivery_forms, asset, limits_now(work)),
        *rules.column_objections(policy.columns, asset, limits_now(work)),
        *unserved(work, policy, asset, holds),
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
