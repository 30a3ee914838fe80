"""An agreement or plan whose words this version does not know: lists name it and show the others, it covers nothing, and the rest is refused in words."""

from __future__ import annotations

import pytest

from api.house import House
from auth.agreements import cover
from auth.agreements.tables import AgreementRow, PlanRow
from auth.applications.workflow import State
from tests.auth.agreements.scene import an_agreement, an_approved_plan, with_planner
from tests.desk import Desk, a_desk, an_application
from tests.people import browser_as, client_as

API = "/api/v1"


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return with_planner(a_desk(sqlite_house))


def _spoiled(house: House, table: type[AgreementRow] | type[PlanRow], id_: str) -> None:
    with house.write() as work:
        row = work.db.get_one(table, id_)
        row.body = row.body.replace('"meeting":', '"gathering":')
        assert "gathering" in row.body


def test_agreements_in_lists_and_by_themselves(desk: Desk) -> None:
    one, other = an_agreement(desk), an_agreement(desk, scenarios=("parking",), title="另一协议")
    waits = an_application(desk, at=State.DECIDING)
    with desk.read("approver") as (work, _):
        assert {each.id for each in cover.active(work, "insurer")} == {one.id, other.id}
    _spoiled(desk.house, AgreementRow, one.id)
    with desk.read("approver") as (work, _):
        assert [each.id for each in cover.active(work, "insurer")] == [other.id]
    api, page = client_as(desk.house, "planner"), browser_as(desk.house, "planner", "en")
    told = {each["id"]: each for each in api.get(f"{API}/agreements").json()["items"]}
    assert told[one.id]["body"] is None
    assert told[one.id]["is_in_force"] is False
    assert told[other.id]["body"]["scenarios"] == ["parking"]
    shown = page.get("/agreements")
    assert "Cannot be read by this version" in shown.text
    assert "另一协议" in shown.text
    for answer in (api.get(f"{API}/agreements/{one.id}?lang=en"), page.get(f"/agreements/{one.id}")):
        assert answer.status_code == 503
        assert f"({one.id}) holds what this version cannot read (gathering)" in answer.text
    odds = client_as(desk.house, "approver").get(f"{API}/agreements/at-odds").json()["items"]
    assert [(each["agreement_id"], each["reasons"][0]["code"]) for each in odds] == [
        (one.id, "policy-unenforceable")
    ]
    assert browser_as(desk.house, "approver", "en").get(f"/applications/{waits.id}").status_code == 200
    public = api.get(f"{API}/register/agreements").json()["items"]
    assert {each["agreement_id"]: each["mode"] for each in public} == {
        one.id: None, other.id: "by_scenario"
    }  # fmt: skip
    assert page.get("/register/agreements").status_code == 200


@pytest.mark.parametrize("title", ["停车协议{0}", "{places.__class__}", "{unknown}", "{", "协议{places}"])
def test_braces_in_a_title_are_words(desk: Desk, title: str) -> None:
    one = an_agreement(desk, title=title)
    _spoiled(desk.house, AgreementRow, one.id)
    answer = client_as(desk.house, "planner").get(f"{API}/agreements/{one.id}?lang=en")
    assert answer.status_code == 503
    assert (
        f"Agreement “{title}” ({one.id}) holds what this version cannot read (gathering)"
        in answer.json()["detail"]
    )


def test_another_agreement_is_not_approved_beside_one_that_cannot_be_read(desk: Desk) -> None:
    one = an_agreement(desk)
    made = client_as(desk.house, "planner").get(f"{API}/agreements/{one.id}").json()["body"]
    _spoiled(desk.house, AgreementRow, one.id)
    planner = client_as(desk.house, "planner")
    draft = planner.post(f"{API}/agreements", json=made | {"scenarios": ["parking"]})
    assert draft.status_code == 201, draft.text
    refused = planner.post(f"{API}/agreements/{draft.json()['id']}/submit?lang=en", json={})
    assert refused.status_code == 503
    assert one.id in refused.json()["detail"]


def test_plans_in_lists_and_by_themselves(desk: Desk) -> None:
    one, other = an_approved_plan(desk), an_approved_plan(desk, title="另一方案")
    _spoiled(desk.house, PlanRow, one.id)
    api = client_as(desk.house, "planner")
    told = {each["id"]: each["body"] for each in api.get(f"{API}/plans").json()["items"]}
    assert told[one.id] is None
    assert told[other.id]["title"] == "另一方案"
    answer = api.get(f"{API}/plans/{one.id}?lang=en")
    assert answer.status_code == 503
    assert "cannot read (gathering)" in answer.json()["detail"]
    page = browser_as(desk.house, "planner", "en")
    assert page.get("/plans").status_code == 200
    assert page.get(f"/plans/{one.id}").status_code == 503
