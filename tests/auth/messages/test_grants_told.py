"""Whoever holds a grant hears at once what became of it: in force, stopped, given on, ended, frozen; and of each duty. On both databases."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import select

from api.house import House
from auth.casework.book import CaseStep
from auth.duties import service as duties
from auth.duties.tables import DutyRow
from auth.grants import service as grants
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.identity.tables import AccountRow
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.messages import service as messages
from auth.messages.models import Choices, TopicChoice
from auth.messages.tables import MessageRow
from core.outbox import OutboxRow
from tests.auth.duties.test_duties import ANSWER
from tests.auth.grants.following import follow, granted
from tests.conftest import TestClock
from tests.desk import (
    PARKS,
    Desk,
    a_desk,
    a_grant,
    agreed,
    decided,
    reviewed,
    screened,
    submitted,
)
from tests.people import browser_as, client_as

HOLDER = ["applicant", "officer"]
APPROVERS = ["approver", "approver2", "parks_approver"]
NOTE = GrantStep(note="核查中发现的内部疑点")


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def told(desk: Desk, kind: str) -> list[str]:
    """Who has messages of this kind, each as often as he has."""
    with desk.house.read() as work:
        wanted = select(AccountRow.username).join(MessageRow, MessageRow.account_id == AccountRow.id)  # type: ignore[arg-type]
        return sorted(work.db.exec(wanted.where(MessageRow.kind == kind)))


def freeze(desk: Desk, kind: str, target: str) -> str:
    body = IncidentCreate(target_kind=Target(kind), target_id=target, reason="疑似超范围使用")
    with desk.write("watch") as (work, actor):
        return incidents.freeze(work, actor, body, assets=desk.assets).id


def lift(desk: Desk, incident: str) -> None:
    with desk.write("watch2") as (work, actor):
        incidents.lift(work, actor, incident, CaseStep(note="核查完毕，未见异常"))


def take(desk: Desk, who: str, step: object, grant: GrantRead) -> None:
    with desk.write(who) as (work, actor):
        step(work, actor, grant.id, NOTE)  # type: ignore[operator]


def test_the_holder_hears_of_each_step_and_the_approvers_of_those_that_stop_it(desk: Desk) -> None:
    grant = a_grant(desk)
    assert told(desk, "grant.activated") == HOLDER
    take(desk, "watch", grants.suspend, grant)
    assert told(desk, "grant.suspended") == sorted(HOLDER + APPROVERS)
    take(desk, "watch2", grants.resume, grant)
    assert told(desk, "grant.resumed") == sorted(HOLDER + APPROVERS)
    take(desk, "watch", grants.revoke, grant)
    assert told(desk, "grant.revoked") == sorted(HOLDER + APPROVERS)
    assert told(desk, "duty.opened") == sorted(2 * HOLDER), "the report and the certificate"
    with desk.house.read() as work:
        for row in work.db.exec(select(MessageRow)):
            said = messages.read(row)
            assert NOTE.note not in said.zh + said.en + str(row.facts)
            assert "—" not in said.zh.replace("——", ""), said.zh


def test_an_amendment_that_waits_while_its_grant_is_revoked(desk: Desk) -> None:
    """Decided and signed while the grant is suspended: told at its end, not when it becomes void months later."""
    grant = a_grant(desk)
    asked = submitted(desk, follow(desk, grant.id))
    take(desk, "watch", grants.suspend, grant)
    agreed(desk, decided(desk, reviewed(desk, screened(desk, asked))))
    assert told(desk, "grant.cut_off") == []
    take(desk, "watch", grants.revoke, grant)
    assert told(desk, "grant.cut_off") == sorted(HOLDER + APPROVERS)
    with desk.house.read() as work:
        row = work.db.exec(select(MessageRow).where(MessageRow.kind == "grant.cut_off")).first()
        assert row is not None
        said = messages.read(row)
        assert grant.id[:13] in said.en
        assert "—" not in said.zh + said.en
        assert row.subject != grant.id


@pytest.mark.parametrize(("kind", "expected"), [("amend", HOLDER), ("renew", [])])
def test_a_renewal_follows_a_grant_that_ended_and_an_amendment_does_not(
    desk: Desk, clock: TestClock, kind: str, expected: list[str]
) -> None:
    grant = a_grant(desk, ends_on=date(2026, 4, 30))
    if kind == "renew":
        with desk.write("officer") as (work, actor):
            duties.report_early(work, actor, grant.id, ANSWER)
        granted(desk, follow(desk, grant.id, "renew"))
    else:
        granted(desk, follow(desk, grant.id))
    clock.now = grant.ends_at
    with desk.house.write() as work:
        grants.expire_due(work)
    assert told(desk, "grant.cut_off") == expected


def test_what_somebody_did_himself_is_no_news_to_him(desk: Desk) -> None:
    grant = a_grant(desk)
    take(desk, "officer", grants.relinquish, grant)
    assert told(desk, "grant.relinquished") == sorted(["applicant", *APPROVERS])


def test_the_end_is_told_once_whoever_notes_it(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    clock.now = grant.ends_at
    for _ in range(2):
        with desk.house.write() as work:
            grants.expire_due(work)
    assert told(desk, "grant.expired") == HOLDER


def test_a_grant_that_nobody_activated_is_told_to_be_void(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk, at="PENDING")
    assert told(desk, "grant.activated") == []
    clock.forward(days=91)
    with desk.house.write() as work:
        grants.expire_due(work)
        assert work.db.get_one(GrantRow, grant.id).state == "VOID"
    assert told(desk, "grant.voided") == HOLDER
    assert told(desk, "duty.opened") == [], "what never counted owes nothing"


@pytest.mark.parametrize("kind", ["grant", "organisation", "dataset", "department", "platform"])
def test_a_freeze_and_its_end_are_told_to_those_it_concerns(desk: Desk, kind: str) -> None:
    grant = a_grant(desk)
    at = {"grant": grant.id, "organisation": "insurer", "dataset": PARKS.dataset_id, "department": "parks", "platform": "all"}  # fmt: skip
    incident = freeze(desk, kind.replace("department", "organisation"), at[kind])
    assert told(desk, "grant.frozen") == sorted(HOLDER + APPROVERS)
    lift(desk, incident)
    assert told(desk, "grant.unfrozen") == sorted(HOLDER + APPROVERS)


def test_nothing_is_said_to_go_on_that_another_freeze_still_holds(desk: Desk) -> None:
    grant = a_grant(desk)
    both = [freeze(desk, "grant", grant.id), freeze(desk, "dataset", PARKS.dataset_id)]
    lift(desk, both[0])
    assert told(desk, "grant.unfrozen") == []
    lift(desk, both[1])
    assert told(desk, "grant.unfrozen") == sorted(HOLDER + APPROVERS)


def test_a_freeze_of_a_grant_is_told_to_whoever_holds_what_follows_on_it(desk: Desk) -> None:
    """The grant that was frozen has been superseded: its line goes on in another, which the freeze stops too."""
    old, new = a_grant(desk), a_grant(desk, scenario_id="weather")
    with desk.house.write() as work:
        before, after = work.db.get_one(GrantRow, old.id), work.db.get_one(GrantRow, new.id)
        before.state, before.ended_at, after.succeeds_id, after.succession = (
            "SUPERSEDED",
            work.now,
            old.id,
            "amendment",
        )
    incident = freeze(desk, "grant", old.id)
    assert told(desk, "grant.frozen") == sorted(HOLDER + APPROVERS)
    other = freeze(desk, "dataset", PARKS.dataset_id)
    lift(desk, other)
    assert told(desk, "grant.unfrozen") == [], "its line is frozen still"
    lift(desk, incident)
    assert told(desk, "grant.unfrozen") == sorted(HOLDER + APPROVERS)


def test_a_freeze_that_meets_no_grant_tells_nobody(desk: Desk) -> None:
    a_grant(desk)
    lift(desk, freeze(desk, "organisation", "mapper"))
    assert told(desk, "grant.frozen") == told(desk, "grant.unfrozen") == []


def test_a_duty_returned_or_waived_is_told(desk: Desk) -> None:
    grant = a_grant(desk)
    take(desk, "watch", grants.revoke, grant)
    with desk.house.read() as work:
        report, certificate = sorted(work.db.exec(select(DutyRow)), key=lambda row: row.kind, reverse=True)
    with desk.write("officer") as (work, actor):
        duties.fulfil(work, actor, report.id, ANSWER)
    with desk.write("approver") as (work, actor):
        duties.send_back(work, actor, report.id, CaseStep(note="未写明使用的范围"))
        duties.waive(work, actor, certificate.id, CaseStep(note="从未取用过任何文件"))
    assert told(desk, "duty.returned") == told(desk, "duty.waived") == HOLDER


def test_by_mail_and_on_the_page_and_as_each_has_chosen(desk: Desk) -> None:
    with desk.write("officer") as (work, actor):
        messages.choose(work, actor, Choices(email="office@example.org", lang="en"))
    with desk.write("applicant") as (work, actor):
        off = TopicChoice(topic="case", in_app=False, by_mail=False)
        messages.choose(work, actor, Choices(topics=[off]))
    grant = a_grant(desk)
    take(desk, "watch", grants.suspend, grant)
    assert told(desk, "grant.suspended") == sorted(["officer", *APPROVERS])
    with desk.house.read() as work:
        wanted = select(MessageRow.id).where(MessageRow.kind == "grant.suspended")
        mails = set(work.db.exec(select(OutboxRow.subject).where(OutboxRow.topic == "mail")))
        assert len(mails & set(work.db.exec(wanted))) == 1
    page = browser_as(desk.house, "officer", lang="en").get("/me/messages").text
    assert "is suspended: stop using it now" in page
    assert f"/grants/{grant.id}" in page
    (newest, *_) = client_as(desk.house, "officer").get("/api/v1/me/messages").json()["items"]
    assert (newest["kind"], newest["href"]) == ("grant.suspended", f"/grants/{grant.id}")
