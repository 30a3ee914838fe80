"""What stands against a grant from outside its own terms at this instant: a freeze, an agreement or a registration that ended, a duty or a narrowing overdue."""

from __future__ import annotations

from auth.agreements import cover
from auth.duties import overdue
from auth.grants import dormancy
from auth.grants.tables import GrantRow
from auth.incidents import freezes
from auth.policy.model import GrantPolicy
from auth.profile import now
from auth.profile.model import Profile
from auth.registrations import cover as registrations
from auth.reviews import cover as reviews
from core.errors import Reason
from core.work import Work


def blocks(work: Work, row: GrantRow, policy: GrantPolicy, profile: Profile) -> tuple[Reason, ...]:
    """Every reason of that kind under the profile in force; () when none. Computed at each use, so nothing waits for a sweep."""
    limits = now.limits_of(profile)
    return (
        *freezes.reasons(work, grant_id=row.id, orgs=[row.org_id, row.department_id], dataset_id=row.dataset_id),
        *cover.at_use(work, profile, row.org_id, policy.scenario_id),
        *registrations.at_use(work, profile, row.dataset_id),
        *reviews.at_use(work, row.id),
        *overdue.blocking(work, profile, limits, row),
        *dormancy.at_use(work, limits, row),
    )  # fmt: skip
