"""Reminding people before something ends: as many days before as the profile in force says, each once, whoever should act.

A look that comes late sends the nearest reminder alone: twenty days before the end nobody needs the one of sixty. A profile that
asks for another day changes nothing that went out: whoever has been told is not told again of a day that had passed before it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from typing import Final

from sqlmodel import col, select

from auth.applications.rules import period
from auth.clocks.counting import day_of
from auth.grants import dormancy
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.identity.tables import AccountRow, LicenceState, OrganisationRow, RoleAssignmentRow
from auth.messages import audience, endings
from auth.messages.endings import Ending
from auth.messages.service import tell
from auth.messages.tables import ReminderRow
from auth.papers.tables import PaperRow
from auth.papers.workflow import State as PaperState
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Reminded
from auth.profile.now import limits_now, limits_of, profiles_by_moment
from auth.registrations.tables import RegistrationRow
from auth.registrations.workflow import Act
from auth.registrations.workflow import State as RegistrationState
from auth.reviews.tables import ReviewRow
from auth.reviews.workflow import State as ReviewState
from auth.roles import ROLE_NAMES, Role
from core.work import Work, hold


def offset(
    left: int, days: Iterable[int], told: int | None = None, was_asked: Callable[[int], bool] = lambda _: True
) -> int | None:
    """The reminder that is due with so many days left; None before the first, after the end, and where none is due.

    It is the smallest that has been reached and that nobody was told since. `told`: with how many days left the last one went
    out (None: none did); `was_asked`: whether a day before the end was one of reminding when it came, asked once something went out.
    """
    reached = [each for each in days if left <= each]
    if told is not None:
        reached = [each for each in reached if each < told and (each == left or was_asked(each))]
    return min(reached) if reached and left >= 0 else None


def _grants(work: Work, until: date) -> Iterator[Ending]:
    wanted = select(GrantRow).where(
        col(GrantRow.state).in_([GrantState.ACTIVE, GrantState.SUSPENDED]),
        GrantRow.ends_at > work.now,
        GrantRow.ends_at <= period(until, until)[1],
    )
    for row in work.db.exec(wanted):
        last = day_of(row.ends_at - timedelta(seconds=1))  # the end itself is exclusive
        org = row.org_id

        def people(work: Work, org: str = org) -> list[str]:
            return audience.holders(work, [Role.ORG_OFFICER, Role.APPLICANT], [org])

        yield Ending("grant", row.id, last, f"/grants/{row.id}", people, {"id": row.id[:13]})


def _pending(work: Work, until: date) -> Iterator[Ending]:
    """Grants that become void unless somebody activates them: their holders are warned, and the stewards who can."""
    wait = timedelta(days=limits_now(work)["pending_days"])
    wanted = select(GrantRow).where(
        GrantRow.state == GrantState.PENDING,
        GrantRow.created_at > work.now - wait,
        GrantRow.ends_at > work.now,
    )
    for row in work.db.exec(wanted):
        last = day_of(min(row.created_at + wait, row.ends_at) - timedelta(seconds=1))
        org, department = row.org_id, row.department_id

        def people(work: Work, org: str = org, department: str = department) -> list[str]:
            holders = audience.holders(work, [Role.ORG_OFFICER, Role.APPLICANT], [org])
            return [*holders, *audience.holders(work, [Role.STEWARD], [department])]

        if last <= until:
            facts = {"id": row.id[:13], "title_zh": row.title_zh, "title_en": row.title_en}
            yield Ending("pending", row.id, last, f"/grants/{row.id}", people, facts, Reminded.PENDING)


def _dormant(work: Work, until: date) -> Iterator[Ending]:
    """Grants that will be suspended for want of use; each date of that is warned of anew."""
    limits = limits_now(work)
    days = limits[dormancy.KEY]
    ahead = (until - day_of(work.now)).days
    if not days:
        return
    for row in work.db.exec(select(GrantRow).where(dormancy.candidates(work.now, max(1, days - ahead)))):
        since = dormancy.last_use(work, row)
        org = row.org_id

        def people(work: Work, org: str = org) -> list[str]:
            return audience.holders(work, [Role.ORG_OFFICER, Role.APPLICANT], [org])

        if since is not None and work.now < (at := since + timedelta(days=days)):
            facts = {"id": row.id[:13], "title_zh": row.title_zh, "title_en": row.title_en}
            yield Ending("dormant", row.id, day_of(at), f"/grants/{row.id}", people, facts, Reminded.DORMANT)


def _licences(work: Work, until: date) -> Iterator[Ending]:
    wanted = select(OrganisationRow).where(
        OrganisationRow.licence_state == LicenceState.QUALIFIED,
        col(OrganisationRow.licence_valid_to) >= day_of(work.now),
        col(OrganisationRow.licence_valid_to) <= until,
    )
    for row in work.db.exec(wanted):
        org = row.id

        def people(work: Work, org: str = org) -> list[str]:
            return audience.holders(work, [Role.ORG_OFFICER], [org])

        if row.licence_valid_to is not None:
            yield Ending("licence", row.id, row.licence_valid_to, "/me", people)


def _roles(work: Work, until: date) -> Iterator[Ending]:
    wanted = (
        select(RoleAssignmentRow, AccountRow)
        .join(AccountRow, col(AccountRow.id) == col(RoleAssignmentRow.account_id))
        .where(
            col(AccountRow.disabled).is_(False),
            RoleAssignmentRow.valid_from <= work.now,
            col(RoleAssignmentRow.valid_to) > work.now,
            col(RoleAssignmentRow.valid_to) <= period(until, until)[1],
        )
    )
    for row, account in work.db.exec(wanted):
        if row.valid_to is None:
            continue
        own = account.id

        def people(work: Work, own: str = own) -> list[str]:
            return [own, *audience.holders(work, [Role.SYSADMIN], [])]

        last = day_of(row.valid_to - timedelta(seconds=1))
        called = ROLE_NAMES[Role(row.role)]
        facts = {"account": account.username, "role_zh": called.zh, "role_en": called.en}
        yield Ending("role", row.id, last, "/me", people, facts)


def _registrations(work: Work, until: date) -> Iterator[Ending]:
    wanted = select(RegistrationRow).where(
        RegistrationRow.state == RegistrationState.REGISTERED, RegistrationRow.act != Act.CANCELLATION,
        col(RegistrationRow.valid_to) >= day_of(work.now), col(RegistrationRow.valid_to) <= until,
    )  # fmt: skip
    for row in work.db.exec(wanted):
        department = row.department_id

        def people(work: Work, department: str = department) -> list[str]:
            return audience.holders(work, [Role.STEWARD], [department])

        if row.valid_to is not None:
            facts = {"title_zh": row.title_zh, "title_en": row.title_en, "code": row.code}
            yield Ending(
                "registration", row.id, row.valid_to, f"/registrations/{row.id}", people, facts, Reminded.REGISTRATIONS
            )  # fmt: skip


def _reviews(work: Work, until: date) -> Iterator[Ending]:
    """Looks at grants that a steward has not answered."""
    wanted = select(ReviewRow).where(
        ReviewRow.state == ReviewState.OPEN,
        col(ReviewRow.due_on) >= day_of(work.now),
        col(ReviewRow.due_on) <= until,
    )
    for row in work.db.exec(wanted):
        department = row.department_id

        def people(work: Work, department: str = department) -> list[str]:
            return audience.holders(work, [Role.STEWARD], [department])

        facts = {"title_zh": row.title_zh, "title_en": row.title_en}
        yield Ending("review", row.id, row.due_on, f"/reviews/{row.id}", people, facts)


def _papers(work: Work, until: date) -> Iterator[Ending]:
    """Papers that are to follow."""
    wanted = select(PaperRow).where(
        PaperRow.state == PaperState.OWED, col(PaperRow.is_required).is_(True),
        col(PaperRow.due_on) >= day_of(work.now), col(PaperRow.due_on) <= until,
    )  # fmt: skip
    for row in work.db.exec(wanted):
        org = row.org_id

        def people(work: Work, org: str = org) -> list[str]:
            return audience.holders(work, [Role.APPLICANT, Role.ORG_OFFICER], [org])

        if row.due_on is not None:
            facts = {"id": row.application_id[:13], "title_zh": row.title_zh, "title_en": row.title_en}
            href = f"/applications/{row.application_id}/papers"
            yield Ending("paper", row.id, row.due_on, href, people, facts, Reminded.PAPERS)


SOURCES: Final[tuple[Callable[[Work, date], Iterator[Ending]], ...]] = (
    _grants,
    _pending,
    _dormant,
    _licences,
    _roles,
    _registrations,
    _reviews,
    _papers,
    *endings.SOURCES,
)


def due(work: Work) -> list[tuple[Ending, int]]:
    """Endings with the reminder that is due now and has not gone out."""
    today, lists = day_of(work.now), limits_now(work).reminders
    until = today + timedelta(days=max(day for each in lists.values() for day in each.days))
    wanted = select(ReminderRow).where(ReminderRow.ends_on >= today, ReminderRow.ends_on <= until)
    told: dict[tuple[str, str, date], int] = {}
    for row in work.db.exec(wanted):
        key, left = (row.kind, row.subject, row.ends_on), (row.ends_on - day_of(row.at)).days
        told[key] = min(left, told.get(key, left))
    was_day, found = _days_of_old(work), []
    for source in SOURCES:
        for ending in source(work, until):
            last = told.get((ending.kind, ending.subject, ending.ends_on))
            asked = partial(was_day, ending)
            before = offset((ending.ends_on - today).days, lists[ending.which].days, last, asked)
            if before is not None and ending.is_news(before):
                found.append((ending, before))
    return found


def _days_of_old(work: Work) -> Callable[[Ending, int], bool]:
    """Whether so many days before an end was a day of reminding under the profile that was in force at the end of that day."""
    history = cache(lambda: profiles_by_moment(work))

    def was_day(ending: Ending, before: int) -> bool:
        night = ending.ends_on - timedelta(days=before - 1)
        at = history()(datetime.combine(night, time(), LOCAL) - timedelta(microseconds=1))
        return before in limits_of(at).reminders[ending.which].days

    return was_day


def is_anything_due(work: Work) -> bool:
    return bool(due(work))


def remind_due(work: Work) -> int:
    """Send every reminder that is due; returns how many. Safe at any time and in several processes."""
    hold(work, "reminders")
    found, today = due(work), day_of(work.now)
    for ending, before in found:
        left = (ending.ends_on - today).days
        told = tell(
            work, ending.people(work), f"reminder.{ending.kind}", subject=ending.subject, href=ending.href,
            once=f"{ending.subject}|{ending.ends_on}|{before}",
            facts={**ending.facts, "ends_on": ending.ends_on.isoformat(), "days": left},
        )  # fmt: skip
        work.db.add(
            ReminderRow(
                kind=ending.kind, subject=ending.subject, ends_on=ending.ends_on, days_before=before, at=work.now, told=told
            )
        )  # fmt: skip
        work.db.flush()
    return len(found)
