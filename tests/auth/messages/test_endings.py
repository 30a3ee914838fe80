"""What else ends is reminded of: duties, agreements, consents, vouchings, keys, and applications that lapse. On both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import col, select

from api.house import House
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.consents import service as consents
from auth.consents.service import ConsentCreate
from auth.consents.workflow import Step as ConsentStep
from auth.grants import keys
from auth.grants import service as grants
from auth.grants.keys import GrantKeyCreate
from auth.grants.steps import GrantStep
from auth.identity.tables import AccountRow
from auth.messages import reminders
from auth.messages import service as messages
from auth.messages.tables import MessageRow
from auth.vouching import service as vouching
from auth.vouching.service import VouchGive
from tests.auth.agreements.scene import an_agreement, with_planner
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant, an_application, screened

HOLDER = ["applicant", "officer"]
END = date(2026, 8, 31)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def reminded(desk: Desk, kind: str) -> list[str]:
    """Who has been reminded of such an end by now, each as often as he was; nobody is reminded twice on a day."""
    for _ in range(2):
        with desk.house.write() as work:
            reminders.remind_due(work)
    with desk.house.read() as work:
        assert not reminders.is_anything_due(work)
        wanted = select(AccountRow.username).join(
            MessageRow, col(MessageRow.account_id) == col(AccountRow.id)
        )
        said = [
            messages.read(row) for row in work.db.exec(select(MessageRow)) if row.kind.startswith("reminder.")
        ]
        assert not [each.zh for each in said if "—" in each.zh]
        return sorted(work.db.exec(wanted.where(MessageRow.kind == f"reminder.{kind}")))


def on(clock: TestClock, last: date, days: int) -> None:
    """Noon in China, so many days before."""
    left = (last - clock.now.date()).days - days
    clock.forward(days=left)


def test_an_agreement_is_reminded_of_for_its_operator_and_the_bureau(desk: Desk, clock: TestClock) -> None:
    an_agreement(with_planner(desk), ends_on=END)
    people = ["applicant", "approver", "approver2", "officer", "planner"]
    for days, times in ((61, 0), (60, 1), (30, 2), (7, 3), (1, 4)):
        on(clock, END, days)
        assert reminded(desk, "agreement") == sorted(people * times), days
    on(clock, END, -1)
    assert reminded(desk, "agreement") == sorted(people * 4)


def test_consents_and_vouchings_are_reminded_of(desk: Desk, clock: TestClock) -> None:
    body = ConsentCreate(
        dataset_id=PARKS.dataset_id, provider="市交通运输局", signatory="李处长", consented_on=date(2026, 2, 20),
        starts_on=date(2026, 1, 1), ends_on=END, evidence_name="同意函.pdf", evidence_sha256="c" * 64,
    )  # fmt: skip
    with desk.write("steward_a") as (work, actor):
        made = consents.enter(work, actor, body, assets=desk.assets)
    with desk.write("screener") as (work, actor):
        consents.check(work, actor, made.id, ConsentStep.CONFIRM, CaseStep(version=1))
    with desk.write("officer") as (work, actor):
        vouching.give(work, actor, VouchGive(username="analyst", until=END))
    on(clock, END, 61)
    assert reminded(desk, "consent") == reminded(desk, "vouching") == []
    on(clock, END, 30)
    assert reminded(desk, "consent") == ["steward_a", "steward_b"]
    assert reminded(desk, "vouching") == ["analyst", "officer"]


def test_a_key_is_reminded_of_to_its_owner_until_it_is_revoked(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    with desk.write("analyst") as (work, actor):
        made = keys.create(work, actor, grant.id, GrantKeyCreate(name="nightly", days=90))
    last = (made.expires_at - timedelta(seconds=1)).date()
    assert reminded(desk, "api_key") == []
    on(clock, last, 60)
    assert reminded(desk, "api_key") == ["analyst"]
    with desk.write("officer") as (work, actor):
        keys.revoke(work, actor, grant.id, made.id)
    on(clock, last, 7)
    assert reminded(desk, "api_key") == ["analyst"]


def test_a_duty_is_reminded_of_until_it_is_handed_in(desk: Desk, clock: TestClock) -> None:
    from auth.duties import service as duties
    from auth.duties.tables import DutyRow
    from tests.auth.duties.test_duties import ANSWER

    grant = a_grant(desk)
    with desk.write("officer") as (work, actor):
        grants.relinquish(work, actor, grant.id, GrantStep(note="不再需要"))
    with desk.house.read() as work:
        rows = list(work.db.exec(select(DutyRow)))
    assert reminded(desk, "duty") == [], "they were told today that it is due"
    first = min(rows, key=lambda row: row.due_on)
    for days in (7, 1):
        on(clock, first.due_on, days)
        told = reminded(desk, "duty")
        assert told.count("officer") == told.count("applicant") >= 1
        if days == 7:
            with desk.write("officer") as (work, actor):
                for row in rows:
                    duties.fulfil(work, actor, row.id, ANSWER.model_copy(update={"deleted": ()}))
            before = told
    assert told == before, "what was handed in is not asked for again"


def test_an_application_that_waits_for_its_applicant_is_reminded_of(desk: Desk, clock: TestClock) -> None:
    returned = screened(desk, an_application(desk, at=State.SUBMITTED, scenario_id="weather"), outcome="return", note="请补充用途说明")  # fmt: skip
    offered = an_application(desk, at=State.OFFERED)
    assert returned.due_on
    assert returned.due_on == offered.due_on
    assert reminded(desk, "application") == []
    on(clock, returned.due_on, 7)
    assert reminded(desk, "application") == ["applicant", "applicant", "officer"]
    on(clock, returned.due_on, 1)
    assert reminded(desk, "application") == sorted(["applicant", "applicant", "officer"] * 2)
