"""What else ends or is due, beside grants: duties, agreements, consents, vouchings, keys, and applications that wait for their applicant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Final

from sqlmodel import col, select

from auth.agreements.tables import AgreementRow
from auth.agreements.workflow import State as AgreementState
from auth.applications.rules import period
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import ANSWERED
from auth.clocks.counting import day_of
from auth.consents.tables import ConsentRow
from auth.consents.workflow import State as ConsentState
from auth.duties import overdue
from auth.duties.tables import DutyRow
from auth.duties.workflow import KIND_NAMES, Kind
from auth.duties.workflow import State as DutyState
from auth.identity.tables import AccountRow, ApiKeyRow
from auth.messages import audience
from auth.messages.announcing import short
from auth.policy.limits import Reminded
from auth.profile.now import limits_now
from auth.roles import Role
from auth.vouching.tables import VouchRow
from auth.vouching.workflow import State as VouchState
from core.work import Work

HOLDER: Final = (Role.ORG_OFFICER, Role.APPLICANT)


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends: `ends_on` is its last day; `people` finds the accounts that should act."""

    kind: str
    subject: str
    ends_on: date
    href: str
    people: Callable[[Work], list[str]]
    facts: dict[str, str] = field(default_factory=dict)
    which: Reminded = Reminded.GENERAL  # whose days of reminding apply
    since: date | None = None  # what was told then needs no reminder whose day had come by then

    def is_news(self, before: int) -> bool:
        """Whether the reminder of so many days falls after the day on which people heard of it."""
        return self.since is None or self.ends_on - timedelta(days=before) > self.since


def _of_roles(work: Work, roles: tuple[Role, ...], org: str) -> list[str]:
    return audience.holders(work, roles, [org])


def duties(work: Work, until: date) -> Iterator[Ending]:
    """Reports and certificates that have not been handed in."""
    wanted = select(DutyRow).where(
        DutyRow.state == DutyState.OPEN,
        overdue.WAS_DUE,
        DutyRow.due_on >= day_of(work.now),
        DutyRow.due_on <= until,
    )
    for row in work.db.exec(wanted.order_by(col(DutyRow.id))):
        name = KIND_NAMES[Kind(row.kind)]
        facts = {
            "id": row.grant_id[:13], "title_zh": row.title_zh, "title_en": row.title_en, "kind_zh": name.zh,
            "kind_en": name.en.lower(),
        }  # fmt: skip
        people = partial(_of_roles, roles=HOLDER, org=row.org_id)
        yield Ending(
            "duty", row.id, row.due_on, f"/duties/{row.id}", people, facts, since=day_of(row.created_at)
        )


def agreements(work: Work, until: date) -> Iterator[Ending]:
    """Agreements in force: with their end every grant of the operator stops. The bureau that renews them hears of it, too."""
    wanted = select(AgreementRow).where(
        AgreementRow.state == AgreementState.ACTIVE,
        AgreementRow.ends_on >= day_of(work.now),
        AgreementRow.ends_on <= until,
    )

    def people(work: Work, operator: str, drafted_by: str) -> list[str]:
        return [*_of_roles(work, HOLDER, operator), *audience.holders(work, [Role.APPROVER], []), drafted_by]

    for row in work.db.exec(wanted.order_by(col(AgreementRow.id))):
        told = partial(people, operator=row.operator_id, drafted_by=row.created_by)
        yield Ending(
            "agreement", row.id, row.ends_on, f"/agreements/{row.id}", told, {"title": row.title},
            since=day_of(row.created_at),
        )  # fmt: skip


def consents(work: Work, until: date) -> Iterator[Ending]:
    """Consents of whoever shared a dataset: with their end its grants stop."""
    wanted = select(ConsentRow).where(
        ConsentRow.state == ConsentState.CONFIRMED,
        ConsentRow.ends_on >= day_of(work.now),
        ConsentRow.ends_on <= until,
    )
    for row in work.db.exec(wanted.order_by(col(ConsentRow.id))):
        facts = {"title_zh": row.title_zh, "title_en": row.title_en, "dataset": row.dataset_id}
        people = partial(_of_roles, roles=(Role.STEWARD,), org=row.department_id)
        yield Ending(
            "consent", row.id, row.ends_on, f"/consents/{row.id}", people, facts, since=day_of(row.created_at)
        )


def vouchings(work: Work, until: date) -> Iterator[Ending]:
    """Words that an organisation gave for its people."""
    wanted = select(VouchRow).where(
        VouchRow.state == VouchState.VOUCHED, VouchRow.until >= day_of(work.now), VouchRow.until <= until
    )

    def people(work: Work, org: str, own: str) -> list[str]:
        return [own, *_of_roles(work, (Role.ORG_OFFICER,), org)]

    for row in work.db.exec(wanted.order_by(col(VouchRow.id))):
        told = partial(people, org=row.org_id, own=row.account_id)
        yield Ending(
            "vouching", row.id, row.until, f"/vouches/{row.id}", told, {"account": row.username},
            since=day_of(row.created_at),
        )  # fmt: skip


def api_keys(work: Work, until: date) -> Iterator[Ending]:
    """Keys of programs, told to their owners."""
    wanted = (
        select(ApiKeyRow)
        .join(AccountRow, col(AccountRow.id) == col(ApiKeyRow.account_id))
        .where(
            col(AccountRow.disabled).is_(False),
            col(ApiKeyRow.revoked_at).is_(None),
            ApiKeyRow.expires_at > work.now,
            ApiKeyRow.expires_at <= period(until, until)[1],
        )
    )
    for row in work.db.exec(wanted.order_by(col(ApiKeyRow.id))):
        last = day_of(row.expires_at - timedelta(seconds=1))
        own = row.account_id
        href = f"/grants/{row.grant_id}" if row.grant_id else "/me"
        yield Ending(
            "api_key", row.id, last, href, partial(_themselves, accounts=[own]), {"id": row.id[:13], "name": row.name},
            since=day_of(row.created_at),
        )  # fmt: skip


def _themselves(_: Work, accounts: list[str]) -> list[str]:
    return accounts


def applications(work: Work, until: date) -> Iterator[Ending]:
    """Applications that wait for their applicant, returned or with terms on offer, and lapse without an answer."""
    wanted = select(ApplicationRow).where(
        col(ApplicationRow.state).in_(sorted(ANSWERED)),
        col(ApplicationRow.due_on) >= day_of(work.now),
        col(ApplicationRow.due_on) <= until,
    )
    answer = timedelta(days=limits_now(work)["answer_days"])

    def people(work: Work, row: ApplicationRow) -> list[str]:
        return [*audience.next_for(work, row), row.created_by]

    for row in work.db.exec(wanted.order_by(col(ApplicationRow.id))):
        if row.due_on is not None:
            yield Ending(
                "application", row.id, row.due_on, f"/applications/{row.id}", partial(people, row=row), short(row),
                since=row.due_on - answer,
            )  # fmt: skip


SOURCES: Final[tuple[Callable[[Work, date], Iterator[Ending]], ...]] = (
    duties,
    agreements,
    consents,
    vouchings,
    api_keys,
    applications,
)
