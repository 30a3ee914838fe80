"""Clocks on real applications: signing for, extensions by two people, what is overdue, rates, the calendar."""

from __future__ import annotations

from datetime import date

import pytest

from api.house import House
from auth.applications.workflow import State
from auth.clocks import counting, days, queries, service
from auth.clocks.models import CalendarDaySet, ExtensionAsk, ExtensionDecision
from auth.clocks.rules import Stage
from auth.clocks.tables import ExtensionRow
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application, screened, submitted
from tests.people import a_person, client_as

ASK = ExtensionAsk(working_days=5, reason="数源部门须会签")


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def lite(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_signing_for_counts_once_and_only_by_the_department(desk: Desk, clock: TestClock) -> None:
    found = an_application(desk)
    for who, refused in (("approver", AccessRefused), ("applicant2", NotFound), ("roads_screener", NotFound)):
        with desk.write(who) as (work, actor), pytest.raises(refused):
            service.sign_for(work, actor, found.id)
    with desk.write("screener") as (work, actor):
        assert service.sign_for(work, actor, found.id).signed_by == "screener"
    clock.forward(days=3)
    with desk.write("screener2") as (work, actor):
        again = service.sign_for(work, actor, found.id)
        assert (again.signed_by, again.present and again.present.left_working_days) == ("screener", -1)
        sign = next(each for each in again.clocks if each.stage is Stage.SIGN)
        assert sign.ended_on == date(2026, 3, 2)
    draft = an_application(desk, at=State.DRAFT, scenario_id="weather")
    with desk.write("screener") as (work, actor), pytest.raises(NotFound):
        service.sign_for(work, actor, draft.id)


def test_an_extension_needs_two_people_and_moves_the_day(desk: Desk, clock: TestClock) -> None:
    found = an_application(desk, at=State.DECIDING)
    with desk.write("approver") as (work, actor):
        wish = service.ask_extension(work, actor, found.id, ASK)
        with pytest.raises(AccessRefused):  # one wish at a time
            service.ask_extension(work, actor, found.id, ASK)
        with pytest.raises(AccessRefused, match="another person"):
            service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))
    with desk.write("screener") as (work, actor), pytest.raises(AccessRefused):
        service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))
    with desk.write("applicant2") as (work, actor), pytest.raises(NotFound):
        service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))
    with desk.read("approver2") as (work, actor):
        assert [each.id for each in queries.open_extensions(work, actor)] == [wish.id]
        before = queries.case(work, actor, found.id).present
    with desk.write("approver2") as (work, actor):
        service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))
        after = queries.case(work, actor, found.id).present
        assert before is not None
        assert after is not None
        assert before.left_working_days is not None
        assert after.left_working_days == before.left_working_days + 5
        assert queries.waiting(work, actor, overdue=False)[0][0].due_on == after.due_on
        with pytest.raises(Conflict):
            service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="refuse", note="已批准"))
        with pytest.raises(AccessRefused) as refused:
            service.ask_extension(work, actor, found.id, ExtensionAsk(working_days=11, reason="再延一次"))
        assert [reason.code for reason in refused.value.reasons] == ["extension-too-long"]


def test_a_second_account_of_the_same_person_is_no_second_person(lite: Desk) -> None:
    found = an_application(lite, at=State.DECIDING)
    with lite.write("approver") as (work, actor):
        wish = service.ask_extension(work, actor, found.id, ASK)
        a_person(work, "approver-b", "bureau", ["approver"], person_id=actor.person_id)
    with lite.write("approver-b") as (work, actor), pytest.raises(AccessRefused, match="another person"):
        service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))


def test_a_refused_extension_says_why_and_moves_nothing(lite: Desk) -> None:
    found = an_application(lite, at=State.IN_REVIEW)
    with lite.write("screener") as (work, actor):
        wish = service.ask_extension(work, actor, found.id, ASK)
        due = queries.case(work, actor, found.id).present
    with lite.write("approver") as (work, actor):
        with pytest.raises(InputRefused):
            service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="refuse"))
        said = service.decide_extension(
            work, actor, wish.id, ExtensionDecision(outcome="refuse", note="材料已齐")
        )
        assert said.state == "refused"
        assert queries.case(work, actor, found.id).present == due


def test_what_is_overdue_is_not_extended_and_a_closed_month_stays(desk: Desk, clock: TestClock) -> None:
    found = an_application(desk, at=State.DECIDING)
    with desk.write("approver") as (work, actor):
        wish = service.ask_extension(work, actor, found.id, ASK)
    clock.forward(days=40)
    march = (date(2026, 3, 1), date(2026, 3, 31))
    with desk.read("auditor") as (work, actor):
        before = queries.kpis(work, actor, *march)
    with desk.write("approver2") as (work, actor):
        with pytest.raises(AccessRefused) as late:  # asked in time, and left until it was too late
            service.decide_extension(work, actor, wish.id, ExtensionDecision(outcome="approve"))
        assert [reason.code for reason in late.value.reasons] == ["extension-too-late"]
        refusal = ExtensionDecision(outcome="refuse", note="已逾期，请尽快办结")
        assert service.decide_extension(work, actor, wish.id, refusal).state == "refused"
    with desk.write("approver") as (work, actor):
        with pytest.raises(AccessRefused) as late:
            service.ask_extension(work, actor, found.id, ASK)
        assert [reason.code for reason in late.value.reasons] == ["extension-too-late"]
    with desk.write("approver") as (work, actor):  # as it may stand from before the rule
        work.db.add(
            ExtensionRow(
                id=work.new_id(), application_id=found.id, turn=1, stage=Stage.DECIDE, reason="补", working_days=30, asked_by="approver",
                asked_by_person="a", asked_at=work.now, state="approved", decided_at=work.now,
            )
        )  # fmt: skip
    with desk.read("auditor") as (work, actor):
        assert queries.kpis(work, actor, *march) == before
        assert counting.clocks_of(work, found.id)[-1].is_overdue(counting.day_of(work.now))


def test_returning_pauses_the_review_and_it_goes_on(desk: Desk, clock: TestClock) -> None:
    from auth.applications import service as applications
    from auth.applications.models import DeclaredStep

    found = an_application(desk, at=State.IN_REVIEW, starts_on=date(2026, 6, 1))
    clock.forward(days=2)
    with desk.write("screener") as (work, actor):
        found = applications.send_back(
            work,
            actor,
            found.id,
            DeclaredStep(has_no_conflict=True, version=found.version, note="补充用途说明"),
        )
        assert found.due_on == date(2026, 4, 3)  # the applicant's thirty days
    clock.forward(days=14)
    found = screened(desk, submitted(desk, found))
    with desk.read("auditor") as (work, actor):
        told = queries.case(work, actor, found.id)
        review = next(each for each in told.clocks if each.stage is Stage.REVIEW)
        assert (review.used_days, review.paused_days, review.left_working_days) == (2, 10, 3)
        assert [each.turn for each in told.clocks if each.stage is Stage.SCREEN] == [1, 2]


def test_overdue_is_listed_within_sight_and_exported(desk: Desk, clock: TestClock) -> None:
    an_application(desk)
    an_application(desk, at=State.DECIDING, scenario_id="weather")
    clock.forward(days=4)
    for who, seen in (("screener", 1), ("roads_screener", 0), ("approver", 1), ("auditor", 1)):
        with desk.read(who) as (work, actor):
            found, total = queries.waiting(work, actor)
            assert (len(found), total) == (seen, seen)
            assert queries.waiting(work, actor, overdue=False)[1] == 2 * seen
    with desk.read("auditor") as (work, actor):
        assert queries.waiting(work, actor, stage=Stage.DECIDE)[1] == 0
        assert queries.waiting(work, actor, department="roads")[1] == 0
        running, _ = queries.waiting(work, actor, overdue=False, sort="-due")
        assert [each.stage for each in running] == [Stage.DECIDE, Stage.SCREEN]
    client = client_as(desk.house, "auditor")
    answer = client.get("/api/v1/clocks.csv?lang=zh")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert len(answer.text.strip().splitlines()) == 2
    assert client.get("/api/v1/clocks?overdue=true").json()["total"] == 1
    elsewhere = client_as(desk.house, "roads_screener").get("/api/v1/clocks.csv?lang=zh")
    assert (elsewhere.status_code, len(elsewhere.text.strip().splitlines())) == (200, 1)


def test_rates_of_real_applications(desk: Desk, clock: TestClock) -> None:
    an_application(desk, at=State.OFFERED)
    late = an_application(desk, scenario_id="weather")
    clock.forward(days=9)
    screened(desk, late)
    with desk.read("auditor") as (work, actor):
        found = queries.kpis(work, actor, date(2026, 1, 1), date(2026, 12, 31))
        said = {(r.measure, r.department_id): (r.kept, r.counted) for r in found if not r.period}
        assert said[("signed_on_time", None)] == said[("signed_on_time", "parks")] == (1, 2)
        assert said[("told_on_time", None)] == (1, 2)
        assert said[("handled_on_time", None)] == (1, 1)
        assert {r.department_id for r in queries.kpis(work, actor, date(2026, 1, 1), date(2026, 12, 31), "parks")} == {"parks"}  # fmt: skip
    with desk.read("roads_screener") as (work, actor):
        assert all(rate.counted == 0 for rate in queries.kpis(work, actor, date(2026, 1, 1), date(2026, 12, 31)))  # fmt: skip


def test_the_calendar_is_set_by_hand_and_clocks_follow(desk: Desk, clock: TestClock) -> None:
    found = an_application(desk)
    with desk.house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    with desk.write("root") as (work, actor):
        days.set_day(work, actor, date(2026, 3, 3), CalendarDaySet(is_working=False, note="停电"))
        assert [each.day for each in days.year(work, 2026).own] == [date(2026, 3, 3)]
        assert counting.clocks_of(work, found.id)[0].due_on == date(2026, 3, 4)
        days.remove_day(work, actor, date(2026, 3, 3))
        with pytest.raises(NotFound):
            days.remove_day(work, actor, date(2026, 3, 3))
        assert not days.year(work, 2099).is_known
        with pytest.raises(InputRefused):
            days.year(work, 1999)


def test_pages_routes_and_csv_answer(lite: Desk, clock: TestClock) -> None:
    from tests.people import browser_as

    found = an_application(lite)
    with lite.house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    desk = browser_as(lite.house, "screener")
    assert "签收" in desk.get(f"/applications/{found.id}").text
    assert desk.submit(f"/applications/{found.id}/sign-for").status_code == 303
    asked = desk.submit(f"/applications/{found.id}/extensions", working_days="x", reason="")
    assert asked.status_code == 422
    assert desk.submit(f"/applications/{found.id}/extensions", working_days="3", reason="须会签部门意见").status_code == 303  # fmt: skip
    boss = browser_as(lite.house, "approver", lang="en")
    wish = boss.get("/api/v1/clocks/extensions").json()["items"][0]["id"]
    assert boss.submit(f"/clocks/extensions/{wish}/decide", outcome="refuse").status_code == 422
    assert boss.submit(f"/clocks/extensions/{wish}/decide", outcome="approve").status_code == 303
    clock.forward(days=9)  # whoever was signed in is not any more
    boss = browser_as(lite.house, "approver", lang="en")
    assert "2 working days overdue" in boss.get("/clocks").text
    assert boss.get("/clocks?show=running&stage=screen&sort=-due").status_code == 200
    rates = boss.get("/clocks/kpi?since=2026-01-01").text
    assert "Numerator" in rates
    assert boss.get("/clocks/kpi?since=nonsense").status_code == 422
    assert boss.get("/api/v1/clocks/kpi?since=2026-05-01&until=2026-04-01").status_code == 422
    assert boss.get("/api/v1/clocks/kpi.csv").headers["content-type"].startswith("text/csv")
    assert boss.get("/api/v1/clocks/profile").json()["stages"][1]["working_days"] == 2
    root = browser_as(lite.house, "root")
    assert "尚无国家节假日安排" in root.get("/calendar?year=2099").text
    assert root.submit("/calendar", day="2099-10-01", kind="off", note="国庆").status_code == 303
    assert root.submit("/calendar", day="1.10.2099", kind="off").status_code == 422
    assert root.submit("/calendar", day="2099-10-01", kind="seed").status_code == 303
    assert boss.submit("/calendar", day="2099-10-01", kind="off").status_code == 403


def test_rates_are_of_what_one_sees_as_a_page_a_file_and_over_http(lite: Desk, clock: TestClock) -> None:
    from tests.people import browser_as

    an_application(lite, at=State.OFFERED)
    an_application(lite, scenario_id="weather")
    clock.forward(days=9)
    with lite.house.write() as work:
        a_person(work, "unplaced", "parks")
    at = {"json": "/api/v1/clocks/kpi", "csv": "/api/v1/clocks/kpi.csv", "page": "/clocks/kpi"}
    asked = {"since": "2026-01-01", "until": "2026-12-31", "lang": "en"}
    for who, seen in (("auditor", True), ("screener", True), ("roads_screener", False)):
        client = client_as(lite.house, who)
        rates = client.get(at["json"], params=asked).json()
        assert (sum(each["counted"] for each in rates["items"]) > 0) is seen, who
        told = {key: (client if key == "csv" else browser_as(lite.house, who, "en")).get(path, params=asked) for key, path in at.items()}  # fmt: skip
        assert {key: answer.status_code for key, answer in told.items()} == dict.fromkeys(at, 200)
        assert {key: "parks" in answer.text for key, answer in told.items()} == dict.fromkeys(at, seen), who
    for path in at.values():
        assert [client_as(lite.house, who).get(path).status_code for who in ("officer", "applicant2", "unplaced", None)] == [403, 403, 403, 401]  # fmt: skip
