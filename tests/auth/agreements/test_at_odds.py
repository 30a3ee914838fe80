"""Who controls whom changes: agreements that are at odds with it are listed, with what hangs on them, and those who decide are told."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.agreement import app
from api.house import House
from auth.agreements import at_odds
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from tests.auth.agreements.scene import agreement_body, an_agreement, with_planner
from tests.desk import PARKS, Desk, a_desk, a_grant, an_application, an_ask
from tests.people import a_person, an_org, browser_as, client_as

CONTROL = {"controlled_by": "insurer", "note": "工商登记持股 80%"}


@pytest.fixture
def desk(house: House) -> Desk:
    return _desk(house)


def _desk(house: House) -> Desk:
    """The insurer operates in one agreement and holds a grant; the mapper develops in another of the same scope."""
    desk = with_planner(a_desk(house))
    with house.write() as work:
        an_org(work, "third")
        a_person(work, "root", "bureau", ["sysadmin"])
    an_agreement(desk)
    parties = [
        {"role": "implementing_body", "org_id": "bureau"}, {"role": "operator", "org_id": "third"}, {"role": "developer", "org_id": "mapper"},
    ]  # fmt: skip
    an_agreement(desk, operator_id="third", parties=parties, title="另一协议")
    return desk


def _enters(house: House, **says: str) -> int:
    return (
        client_as(house, "root").post("/api/v1/organisations/mapper/control", json=CONTROL | says).status_code
    )


def test_an_entry_on_control_lists_what_is_thereby_at_odds_and_tells(desk: Desk) -> None:
    house = desk.house
    scenario = agreement_body().scenarios[0]
    grant = a_grant(desk, ask=an_ask(PARKS, scenario_id=scenario))
    route = client_as(house, "approver")
    assert route.get("/api/v1/agreements/at-odds").json() == {"items": [], "total": 0, "next": None}
    assert _enters(house) == 200
    found = {each["operator_id"]: each for each in route.get("/api/v1/agreements/at-odds").json()["items"]}
    assert set(found) == {"insurer", "third"}
    assert {each["code"] for each in found["insurer"]["reasons"]} == {"operator-affiliate-develops"}
    assert [each["id"] for each in found["insurer"]["grants"]] == [grant.id]
    assert found["third"]["grants"] == []
    for who in ("approver", "steward_b"):
        told = [
            each
            for each in client_as(house, who).get("/api/v1/me/messages").json()["items"]
            if each["kind"] == "agreement.at_odds"
        ]
        assert told, who
    with house.read() as work:
        payload = work.db.exec(
            select(AuditEventRow.payload).where(AuditEventRow.kind == "organisation.control_entered")
        ).one()
    assert json.loads(payload)["at_odds"] == 2
    assert _enters(house, controlled_by="", note="登记有误，予以更正") == 200
    assert route.get("/api/v1/agreements/at-odds").json()["total"] == 0


def test_each_sees_what_is_his(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    scenario = agreement_body().scenarios[0]
    a_grant(desk, ask=an_ask(PARKS, scenario_id=scenario))
    _enters(sqlite_house)

    def sees(who: str) -> list[str]:
        return [
            each["operator_id"]
            for each in client_as(sqlite_house, who).get("/api/v1/agreements/at-odds").json()["items"]
        ]

    assert sorted(sees("auditor")) == ["insurer", "third"]
    assert sees("officer") == ["insurer"], "an operator its own"
    assert sees("steward_b") == ["insurer"], "a department where its data are touched"
    assert sees("roads_screener") == []
    with desk.read("approver") as (work, actor):
        assert len(at_odds.of_application(work, actor, "insurer", scenario)) == 1
        assert at_odds.of_application(work, actor, "insurer", "no-such-scenario") == []


def test_the_page_shows_each_what_is_his_and_strangers_nothing(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "unplaced", "insurer")
    scenario = agreement_body().scenarios[0]
    grant = a_grant(desk, ask=an_ask(PARKS, scenario_id=scenario))
    _enters(sqlite_house)

    def shows(who: str) -> tuple[bool, bool]:
        page = browser_as(sqlite_house, who, "en").get("/agreements/at-odds")
        assert page.status_code == 200, who
        return grant.id in page.text, "另一协议" in page.text

    told = {who: shows(who) for who in ("auditor", "officer", "steward_b", "officer2", "roads_screener")}
    assert told == {
        "auditor": (True, True), "officer": (True, False), "steward_b": (True, False),
        "officer2": (False, False), "roads_screener": (False, False),
    }  # fmt: skip
    assert browser_as(sqlite_house, "unplaced").get("/agreements/at-odds").status_code == 403
    visitor = client_as(sqlite_house, follow_redirects=False).get("/agreements/at-odds")
    assert (visitor.status_code, grant.id in visitor.text) == (401, False)
    listed = client_as(sqlite_house, "officer").get("/api/v1/agreements/at-odds").text
    (own,) = client_as(sqlite_house, "officer").get("/api/v1/agreements").json()["items"]
    pages = browser_as(sqlite_house, "officer").get(f"/agreements/{own['id']}").text
    assert "另一协议" not in listed + pages, "another operator's agreement is not named by its title"
    assert "另一协议" in client_as(sqlite_house, "auditor").get("/api/v1/agreements/at-odds").text


def test_page_command_and_the_applications_page_say_so(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    scenario = agreement_body().scenarios[0]
    waits = an_application(desk, at=State.SUBMITTED, ask=an_ask(PARKS, scenario_id=scenario))
    page = browser_as(sqlite_house, "approver", "en")
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "approver"]
    assert "There are none" in page.get("/agreements/at-odds").text
    assert CliRunner().invoke(app, ["at-odds", *where]).exit_code == 0
    _enters(sqlite_house)
    shown = page.get("/agreements/at-odds").text
    assert waits.id in shown
    assert "under the same control" in shown
    assert "At odds with who controls whom: 2" in page.get("/agreements").text
    assert "is at odds with who controls whom" in page.get(f"/applications/{waits.id}").text
    run = CliRunner().invoke(app, ["at-odds", "--json", *where])
    assert run.exit_code == 1
    assert [held["id"] for each in json.loads(run.stdout)["items"] for held in each["applications"]] == [
        waits.id
    ]
