"""How far a policy may reach by the profile in force: its period, how long copies are kept, its scenario and its purposes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy
from auth.policy.rules import refused
from core.errors import Reason
from core.text import number_of

SCENARIO: Final = "无场景不授权 · no grant without a scenario"


def latest_end(starts_on: date, years: int) -> date:
    """The last day of the longest period that begins on `starts_on` (29 February counts as 1 March); the calendar's last if it ends before."""
    if starts_on.year + years > date.max.year:
        return date.max
    try:
        after = starts_on.replace(year=starts_on.year + years)
    except ValueError:
        after = date(starts_on.year + years, 3, 1)
    return after - timedelta(days=1)


def extent_objections(policy: GrantPolicy, limits: Limits) -> Iterator[Reason]:
    """What of a policy lasts longer than the profile allows."""
    starts, ends = policy.starts_at.astimezone(LOCAL).date(), policy.ends_at.astimezone(LOCAL).date()
    years = limits.numbers["max_grant_years"]
    if ends - timedelta(days=1) > latest_end(starts, years.value):
        yield refused(
            "period-too-long",
            f"期限超过 {years.value} 年。",
            f"The period exceeds {number_of(years.value, 'years')}.",
            years.source,
        )
    days = limits.numbers["max_retention_days"]
    if policy.retention_days > days.value:
        yield refused(
            "retention-too-long",
            f"留存超过 {days.value} 天。",
            f"Copies are kept for more than {number_of(days.value, 'days')}.",
            days.source,
        )


def purpose_objections(policy: GrantPolicy, limits: Limits) -> Iterator[Reason]:
    """A scenario and purposes that the profile does not know (any more)."""
    if policy.scenario_id not in limits.scenarios:
        yield refused(
            "scenario-unknown",
            f"场景 {policy.scenario_id} 已不在现行配置中。",
            f"Scenario {policy.scenario_id} is not in the profile in force.",
            SCENARIO,
        )
    if unknown := [code for code in policy.purposes if code not in limits.purposes]:
        yield refused(
            "purpose-unknown",
            f"用途 {'、'.join(unknown)} 已不在现行配置中。",
            f"Not in the profile in force: purpose {', '.join(unknown)}.",
            SCENARIO,
        )
