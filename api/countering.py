"""What an applicant answered to an offer, with the offer that was answered: the next decision starts from both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from api.treatments import conditions_of
from auth import audit_reading
from auth.applications.queries import offered_policy
from auth.applications.tables import ApplicationRow
from auth.policy.filters.model import All
from auth.policy.model import GrantPolicy
from core.work import Work


@dataclass(frozen=True, slots=True)
class Countered:
    """The latest counter-proposal. `offered`: by line, the policy that was on offer; empty where the record does not hold it."""

    note: str
    at: datetime
    offered: Mapping[str, GrantPolicy] = field(default_factory=dict)


def countered(work: Work, row: ApplicationRow) -> Countered | None:
    """The counter-proposal that this turn's next decision answers; none before the first. For the bureau alone."""
    happened = audit_reading.history(work, application_id=row.id, internal=True)
    for event in reversed(happened):
        if event.kind == "application.submitted":
            return None
        if event.kind == "application.countered":
            kept = event.facts.get("offered", {})
            return Countered(
                event.note,
                event.at,
                {line_id: offered_policy(json.dumps(policy)) for line_id, policy in kept.items()},
            )
    return None


def conditions_added(asked: GrantPolicy, offered: GrantPolicy) -> list[tuple[str, str, str]]:
    """What an offer's filter says beyond the one asked for, as lines of the form; none where the form cannot show it."""
    extra = offered.row_filter
    if extra is None or extra == asked.row_filter:
        return []
    if asked.row_filter is not None:
        if not (isinstance(extra, All) and len(extra.args) == 2 and extra.args[0] == asked.row_filter):
            return []
        extra = extra.args[1]
    return conditions_of(extra.model_dump(mode="json")) or []
