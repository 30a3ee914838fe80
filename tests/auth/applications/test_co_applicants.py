"""A person of the organisation is named to fill an application in: he saves, and nothing else. On both databases."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.house import House
from auth import audit_reading
from auth.applications import co_applicants, listing, queries
from auth.applications import service as applications
from auth.applications.co_applicants import CoApplicantRead, Naming
from auth.applications.models import ApplicationRead, ApplicationSave, ScreenBody, StepBody
from auth.applications.workflow import State
from auth.identity.tables import AccountRow
from auth.messages import service as messages
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, TransitionRefused
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application, an_ask
from tests.people import a_person


def named(desk: Desk, found: ApplicationRead, who: str = "analyst", by: str = "applicant") -> list[CoApplicantRead]:  # fmt: skip
    with desk.write(by) as (work, actor):
        return co_applicants.name(work, actor, found.id, Naming(username=who))


def saved(desk: Desk, found: ApplicationRead, who: str = "analyst", **changes: object) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        body = ApplicationSave.model_validate(an_ask().model_dump() | changes | {"version": found.version})
        return applications.save(work, actor, found.id, body, assets=desk.assets)


def waits_for(desk: Desk, who: str) -> list[str]:
    with desk.read(who) as (work, actor):
        return [row.id for row in listing.listed(work, actor, waiting=True)[0]]


def test_who_is_named_saves_and_does_nothing_else(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DRAFT)
    with pytest.raises(TransitionRefused):
        saved(desk, found)
    assert waits_for(desk, "analyst") == []
    (made,) = named(desk, found)
    assert (made.username, made.added_by, made.is_able) == ("analyst", "applicant", True)
    assert waits_for(desk, "analyst") == [found.id]
    with desk.read("analyst") as (work, actor):
        assert [each.kind for each in messages.inbox(work, actor)[0]] == ["application.co_applicant"]
        open_now = applications.commands(work, actor, found.id, assets=desk.assets)
        assert [each["command"] for each in open_now] == ["save"]
    found = saved(desk, found, purpose_text="用于核验景区承保范围，按月更新")
    assert found.co_applicants == ["analyst"]
    now = StepBody(version=found.version)
    with pytest.raises(TransitionRefused), desk.write("analyst") as (work, actor):
        applications.submit(work, actor, found.id, now, assets=desk.assets)
    with pytest.raises(TransitionRefused), desk.write("analyst") as (work, actor):
        applications.withdraw(work, actor, found.id, now)
    with desk.write("applicant") as (work, actor):
        found = applications.submit(
            work, actor, found.id, StepBody(version=found.version), assets=desk.assets
        )
    with pytest.raises(TransitionRefused):
        saved(desk, found)
    assert waits_for(desk, "analyst") == []
    with desk.write("screener") as (work, actor):
        body = ScreenBody(
            version=found.version, outcome="return", note="请补充用途说明和列的理由", has_no_conflict=True
        )
        found = applications.screen(work, actor, found.id, body)
    assert saved(desk, found).state is State.RETURNED, "what came back is his to mend again"
    with desk.read("auditor") as (work, _):
        kinds = [each.kind for each in audit_reading.history(work, application_id=found.id, internal=True)]
        assert "application.co_applicant_named" in kinds
        said = [
            event.step
            for event in queries.events(work, found.id)
            if event.person_id == _person(work, "analyst")
        ]
        assert said == ["save", "save"]


def _person(work: object, username: str) -> str:
    found: str = work.db.exec(select(AccountRow.person_id).where(AccountRow.username == username)).one()  # type: ignore[attr-defined]
    return found


def test_applicants_take_him_off_and_he_himself_may(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DRAFT)
    with house.write() as work:
        a_person(work, "analyst9", "insurer", ["analyst"])
    (made,) = named(desk, found)
    with pytest.raises(AccessRefused), desk.write("analyst9") as (work, actor):
        co_applicants.take_off(work, actor, found.id, made.id)
    with desk.write("analyst") as (work, actor):
        assert co_applicants.take_off(work, actor, found.id, made.id) == []
    with pytest.raises(TransitionRefused):
        saved(desk, found)
    with pytest.raises(NotFound), desk.write("applicant") as (work, actor):
        co_applicants.take_off(work, actor, found.id, made.id)
    (again,) = named(desk, found)
    with desk.write("applicant") as (work, actor):
        assert co_applicants.take_off(work, actor, found.id, again.id) == []


@pytest.mark.parametrize(
    ("who", "by", "fault"),
    [
        ("analyst", "analyst", AccessRefused), ("analyst", "officer", AccessRefused), ("analyst", "applicant2", NotFound),
        ("applicant2", "applicant", InputRefused), ("screener", "applicant", InputRefused), ("nobody", "applicant", InputRefused),
        ("bare", "applicant", InputRefused), ("applicant", "applicant", Conflict), ("analyst", "clerk", NotFound),
    ],
)  # fmt: skip
def test_who_names_whom(sqlite_house: House, who: str, by: str, fault: type[AppError]) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DRAFT)
    with sqlite_house.write() as work:
        a_person(work, "bare", "insurer", [])
    with pytest.raises(fault):
        named(desk, found, who, by)


def test_naming_ends_with_belonging_and_with_the_application(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DRAFT)
    named(desk, found)
    with pytest.raises(Conflict):
        named(desk, found)
    with house.write() as work:
        account = work.db.exec(select(AccountRow).where(AccountRow.username == "analyst")).one()
        account.org_id = "mapper"
        work.db.add(account)
    with pytest.raises(AppError):
        saved(desk, found)
    with desk.read("applicant") as (work, actor):
        assert [each.is_able for each in co_applicants.co_applicants(work, actor, found.id)] == [False]
        assert applications.application(work, actor, found.id).co_applicants == []
    with desk.write("applicant") as (work, actor):
        applications.withdraw(work, actor, found.id, StepBody(version=found.version))
    with pytest.raises(TransitionRefused):
        named(desk, found, "officer")


def test_there_are_no_more_than_twenty(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DRAFT)
    with sqlite_house.write() as work:
        for n in range(co_applicants.MOST + 1):
            a_person(work, f"helper{n:02}", "insurer", ["analyst"])
    for n in range(co_applicants.MOST):
        named(desk, found, f"helper{n:02}")
    with pytest.raises(Conflict):
        named(desk, found, f"helper{co_applicants.MOST:02}")
