"""Whether a dataset counts as registered, asked at application, decision, activation and use, as the profile says."""

from __future__ import annotations

from datetime import date

from sqlmodel import col, select

from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy
from auth.profile.model import Profile
from auth.registrations import rules
from auth.registrations.rules import Entry, Standing
from auth.registrations.tables import RegistrationRow
from auth.registrations.workflow import Act, State
from core.errors import Reason
from core.work import Work


def entries(work: Work, dataset_id: str) -> list[Entry]:
    """The acts of a dataset, newest first."""
    wanted = select(RegistrationRow).where(RegistrationRow.dataset_id == dataset_id)
    return [entry(row) for row in work.db.exec(wanted.order_by(col(RegistrationRow.number).desc()))]


def entry(row: RegistrationRow) -> Entry:
    return Entry(Act(row.act), State(row.state), row.code, row.valid_from, row.valid_to)


def standing(work: Work, dataset_id: str) -> tuple[Standing, date | None]:
    """Where the dataset stands today, and until when it is valid."""
    return rules.standing(entries(work, dataset_id), today(work))


def objections(
    work: Work, profile: Profile, dataset_id: str, ends_on: date | None, *, in_scope: bool
) -> tuple[Reason, ...]:
    """What the register says against a grant on the dataset; whether it binds or advises is the profile's `registration`."""
    if profile.registration == "off" or not in_scope:
        return ()
    where, until = standing(work, dataset_id)
    return tuple(rules.grant_objections(dataset_id, where, until, ends_on or date.min, basis(profile)))


def of_policy(work: Work, profile: Profile, policy: GrantPolicy, *, in_scope: bool) -> tuple[Reason, ...]:
    """The same for a grant's policy, where it binds; its end is exclusive."""
    ends = policy.ends_at.astimezone(LOCAL)
    last = date.fromordinal(ends.date().toordinal() - (ends.hour == 0 and ends.minute == 0))
    if profile.registration != "required":
        return ()
    return objections(work, profile, policy.dataset_id, last, in_scope=in_scope)


def at_use(work: Work, profile: Profile, dataset_id: str) -> tuple[Reason, ...]:
    """Why a grant may not be used today, where registration binds. Computed, no sweep."""
    if profile.registration != "required":
        return ()
    return tuple(rules.use_objections(dataset_id, standing(work, dataset_id)[0], basis(profile)))


def basis(profile: Profile) -> str:
    """The rule with the profile's source and the day since which it counts."""
    return f"{rules.BASIS}; {profile.zh} {profile.effective_from}: {profile.source}"


def today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()
