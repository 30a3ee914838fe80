"""Whether a grant hangs on an active agreement of its organisation, where the profile in force asks for it (R04, R06)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from auth.agreements.rules import Covering, covers
from auth.agreements.stored import body_of
from auth.agreements.tables import AgreementRow
from auth.agreements.workflow import State
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy
from auth.profile.model import Profile
from auth.stored import if_readable
from core.errors import Reason
from core.text import Text
from core.work import Work

BASIS = "R04、R06 两级授权：授权期限不超出协议期限 · two-tier grant"


def active(work: Work, org_id: str) -> list[Covering]:
    """Agreements of the organisation that are active and whose period holds today."""
    return [each for _, each in _active(work, col(AgreementRow.operator_id) == org_id)]


def _active(work: Work, whose: ColumnElement[bool]) -> list[tuple[str, Covering]]:
    today = work.now.astimezone(LOCAL).date()
    wanted = select(AgreementRow).where(
        whose, AgreementRow.state == State.ACTIVE, col(AgreementRow.starts_on) <= today,
        col(AgreementRow.ends_on) >= today,
    )  # fmt: skip
    found = []
    for row in work.db.exec(wanted.order_by(col(AgreementRow.id))):
        body = if_readable(body_of, row)
        if body is None:  # what cannot be read covers nothing
            continue
        scenarios = frozenset(body.scenarios)
        covering = Covering(row.id, row.title, body.mode, scenarios, row.starts_on, row.ends_on)
        found.append((row.operator_id, covering))
    return found


def holding(work: Work, held: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[Covering, ...]]:
    """Of each (organisation, scenario): the organisation's active agreements that hold the scenario today."""
    today = work.now.astimezone(LOCAL).date()
    orgs = sorted({org_id for org_id, _ in held})
    standing = _active(work, col(AgreementRow.operator_id).in_(orgs)) if orgs else []
    return {
        (org_id, scenario): tuple(
            each for whose, each in standing if whose == org_id and covers(each, scenario, today, today)
        )
        for org_id, scenario in held
    }


def objections(
    work: Work, profile: Profile, org_id: str, scenario_id: str, starts_on: date | None, ends_on: date | None
) -> tuple[Reason, ...]:
    """Why no agreement covers it; () when one does, or none is asked for."""
    if not profile.agreement or starts_on is None or ends_on is None:
        return ()
    standing = active(work, org_id)
    if any(covers(each, scenario_id, starts_on, ends_on) for each in standing):
        return ()
    if not standing:
        text = Text(
            "贵机构没有生效的授权运营协议；请先与实施机构签订。",
            "Your organisation has no active agreement for authorised operation; conclude one with the bureau first.",
        )
        return (Reason("no-active-agreement", text, BASIS),)
    said = "；".join(f"{each.title}（{each.starts_on}—{each.ends_on}）" for each in standing)
    text = Text(
        f"没有协议同时包含该场景和申请期限。现有协议：{said}。",
        f"No agreement holds this scenario and the whole period. Agreements: {said}.",
    )
    return (Reason("outside-agreement", text, BASIS, {"agreements": [each.id for each in standing]}),)


def at_use(work: Work, profile: Profile, org_id: str, scenario_id: str) -> tuple[Reason, ...]:
    """Why a grant may not be used today: its organisation's agreement has ended or was terminated. Computed, no sweep."""
    if not profile.agreement:
        return ()
    today = work.now.astimezone(LOCAL).date()
    if any(covers(each, scenario_id, today, today) for each in active(work, org_id)):
        return ()
    text = Text(
        "授权所依据的授权运营协议已期满、被终止或不含该场景，授权自该时起停止使用；请与实施机构续签协议。",
        "The agreement that this grant hangs on has ended, was terminated or does not hold this scenario; use stopped at that instant. Conclude a new one with the bureau.",
    )
    return (Reason("agreement-not-in-force", text, BASIS),)


def of_policy(
    work: Work, profile: Profile, org_id: str, policy: GrantPolicy, *, since: datetime | None = None
) -> tuple[Reason, ...]:
    """The same for a grant's policy; its end is exclusive. `since`: only what is left of the period from then on counts."""
    begins = max(policy.starts_at, since or policy.starts_at)
    starts, ends = begins.astimezone(LOCAL).date(), policy.ends_at.astimezone(LOCAL)
    last = date.fromordinal(ends.date().toordinal() - (ends.hour == 0 and ends.minute == 0))
    return objections(work, profile, org_id, policy.scenario_id, starts, last)
