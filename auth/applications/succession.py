"""Drafts that begin from something earlier: renewing or amending a grant, copying an application. All is prefilled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from auth.actor import Actor
from auth.applications import drafts, queries, steps
from auth.applications.models import ApplicationAsk, ApplicationRead
from auth.applications.rules import policy_asked
from auth.applications.steps import Assets
from auth.applications.tables import ApplicationRow
from auth.duties.rules import of_renewal
from auth.duties.service import renewal_objections
from auth.grants import lineage
from auth.grants import queries as grants
from auth.grants.succession import Succession, amends_after_end, new_objections, renews_too_early
from auth.grants.tables import GrantRow
from auth.grants.workflow import STATE_NAMES, State
from auth.incidents import freezes
from auth.policy.model import GrantPolicy, Use
from auth.policy.rules import GRANT, refused
from auth.profile.now import limits_now
from auth.reviews import cover as reviews
from core.errors import Reason, refuse_if
from core.ids import ApplicationId, GrantId
from core.text import Text
from core.work import Work

_ANEW: Final = Text("可重新申请", "apply anew")
_INSTEAD: Final = {
    State.PENDING: Text("请待其生效后办理", "wait until it is in force"),
    State.SUSPENDED: Text(
        "请待其恢复后办理，或放弃该授权后重新申请",
        "have it resumed first, or give it back and apply anew",
    ),
    State.SUPERSEDED: Text("请对接替它的授权办理", "do so with the grant that took its place"),
}


def renew(work: Work, actor: Actor, grant_id: GrantId, *, assets: Assets) -> ApplicationRead:
    """A draft for the same use once the grant ends; needs a use report of it."""
    return _from_grant(work, actor, grant_id, Succession.RENEWAL, assets)


def amend(work: Work, actor: Actor, grant_id: GrantId, *, assets: Assets) -> ApplicationRead:
    """A draft to change a live grant: its columns, period or quotas. Activated, it takes the grant's place."""
    return _from_grant(work, actor, grant_id, Succession.AMENDMENT, assets)


def copy(work: Work, actor: Actor, application_id: ApplicationId, *, assets: Assets) -> ApplicationRead:
    """A new draft with the content of an application in sight; days that have passed are left out."""
    row = queries.row(work, application_id, actor)
    ask = queries.ask_of(work, row)
    if ask.starts_on is not None and ask.starts_on < steps.local_day(work.now):
        ask = ask.model_copy(update={"starts_on": None, "ends_on": None})
    return drafts.create(work, actor, ask, assets=assets)


def _from_grant(
    work: Work, actor: Actor, grant_id: GrantId, succession: Succession, assets: Assets
) -> ApplicationRead:
    found = grants.row(work, grant_id, actor)
    policy = grants.view_of(work, found).policy
    before = queries.asked_for(work, found.application_id)
    frozen = freezes.reasons(work, grants=lineage.of(work, found))
    refuse_if((*_stands(work, found, succession), *frozen))
    body = ApplicationAsk.model_validate(
        _prefilled(policy, before, found.line_id) | _period(work, policy, succession)
    )
    return drafts.create(work, actor, body, assets=assets, succession=succession, from_grant_id=found.id)


def _period(work: Work, policy: GrantPolicy, succession: Succession) -> dict[str, date]:
    """A renewal follows for as long as the grant ran; an amendment runs from today to the same end."""
    today = steps.local_day(work.now)
    last = steps.local_day(policy.ends_at - timedelta(seconds=1))
    if succession is Succession.AMENDMENT:
        return {"starts_on": today, "ends_on": last}
    first = max(today, last + timedelta(days=1))
    return {"starts_on": first, "ends_on": first + (last - steps.local_day(policy.starts_at))}


def _prefilled(policy: GrantPolicy, before: dict[str, Any], line_id: str) -> dict[str, Any]:
    reasons = before["reasons"].get(line_id, {})
    columns = [
        {"name": term.name, "use": term.use, "mask": term.mask, "reason": reasons.get(term.name, "")}
        for term in policy.columns
        if term.use is not Use.DENIED
    ]
    line = {
        "dataset_id": policy.dataset_id, "columns": columns, "row_filter": policy.row_filter,
        "delivery_forms": policy.delivery_forms, "quotas": policy.quotas,
        "networks": policy.networks, "pinned_release": policy.pinned_release,
        "members": policy.members, "fee_reference": policy.fee_reference,
        "safeguards": policy.safeguards,
    }  # fmt: skip
    return {
        "lines": [line], "scenario_id": policy.scenario_id, "purposes": policy.purposes,
        "purpose_text": before["purpose_text"], "retention_days": policy.retention_days,
    }  # fmt: skip


def objections(work: Work, row: ApplicationRow, ask: ApplicationAsk) -> Iterator[Reason]:
    """Why an application may not be submitted for what it follows; of one that follows nothing, for what stands in its place already."""
    if row.from_grant_id is None:
        yield from _in_its_place(work, row, ask)
        return
    found = grants.row(work, GrantId(row.from_grant_id))
    yield from _stands(work, found, Succession(row.succession))
    asked = [column.name for line in ask.lines for column in line.columns]
    yield from reviews.following_objections(work, found, asked)
    policy = grants.view_of(work, found).policy
    last = steps.local_day(found.ends_at - timedelta(seconds=1))
    if ask.starts_on is not None:
        yield from _begins(work, found, Succession(row.succession), ask.starts_on, last)
    if row.succession == Succession.AMENDMENT and ask.ends_on is not None:
        yield from _goes_on(work, found, ask.ends_on, last)
    same = [line.dataset_id for line in ask.lines] == [found.dataset_id]
    if not same or ask.scenario_id != policy.scenario_id:
        yield refused(
            "succession-changed",
            f"变更或续期只针对授权 {found.id} 的数据集与场景；如需其他数据或场景，请另行申请。",
            f"An amendment or renewal keeps to the dataset and scenario of grant {found.id}; apply separately for others.",
            GRANT,
            grant=found.id,
        )


def _in_its_place(work: Work, row: ApplicationRow, ask: ApplicationAsk) -> Iterator[Reason]:
    for line in ask.lines:
        try:
            policy = policy_asked(ask, line)
        except ValueError:  # something is missing, which is told by itself
            continue
        yield from new_objections(work, row.org_id, policy)


def advice(work: Work, row: ApplicationRow, ask: ApplicationAsk) -> Iterator[Reason]:
    """What becomes of the data of the grant that is renewed."""
    if row.from_grant_id is None or row.succession != Succession.RENEWAL:
        return
    policy = grants.view_of(work, grants.row(work, GrantId(row.from_grant_id))).policy
    asked = {column.name for line in ask.lines for column in line.columns}
    left = [term.name for term in policy.columns if term.use is not Use.DENIED and term.name not in asked]
    yield of_renewal(row.from_grant_id, left, limits_now(work)["deletion_days"])


def _begins(work: Work, found: GrantRow, succession: Succession, first: date, last: date) -> Iterator[Reason]:
    """Why it may not begin on that day. `last`: the last day of the grant before."""
    runs = found.state == State.ACTIVE and work.now < found.ends_at
    if succession is Succession.RENEWAL and runs and first <= last:
        yield renews_too_early(found)
    if succession is Succession.AMENDMENT and first > last:
        yield amends_after_end(found)


def _goes_on(work: Work, found: GrantRow, until: date, last: date) -> Iterator[Reason]:
    """Why an amendment may not end on that day: beyond the end of the grant before it owes what a renewal owes."""
    yield from reviews.pilot_objections(work, found, until)
    if until > last:
        yield from renewal_objections(work, found.id)
        yield from reviews.renewal_objections(work, found.id)


def _stands(work: Work, found: GrantRow, succession: Succession) -> Iterator[Reason]:
    able = {State.ACTIVE} if succession is Succession.AMENDMENT else {State.ACTIVE, State.EXPIRED}
    over = succession is Succession.AMENDMENT and work.now >= found.ends_at
    if found.state not in able or over:
        name, then = STATE_NAMES[State(found.state)], _INSTEAD.get(State(found.state), _ANEW)
        yield refused(
            "grant-cannot-be-followed",
            f"授权 {found.id} 当前为“{name.zh}”或已到期，不能办理变更或续期；{then.zh}。",
            f"Grant {found.id} is {name.en.lower()} or over, and can neither be amended nor renewed; {then.en}.",
            GRANT,
            grant=found.id,
        )
    if succession is Succession.RENEWAL:
        yield from renewal_objections(work, found.id)
        yield from reviews.renewal_objections(work, found.id)
