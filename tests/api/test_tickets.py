"""Tickets and waivers over HTTP: JSON for programs, pages for people, both ways in both languages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from api.agenda import agenda
from api.cli import fix as cli_fix
from api.cli import ticket as cli_ticket
from api.cli import waiver as cli_waiver
from api.house import House
from core.work import system_clock
from tests.conftest import TestClock
from tests.datasets.parking import DATASET, the_batch
from tests.datasets.tickets.stories import PHONES, a_stage, a_waiver, judged, the_ticket
from tests.people import actor_of, browser_as, client_as


@pytest.fixture
def stage(sqlite_house: House) -> House:
    a_stage(sqlite_house)
    return sqlite_house


def test_the_cycle_over_json(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    lin, zhou = client_as(stage, "lin"), client_as(stage, "zhou")
    listed = lin.get("/api/v1/tickets", params={"mine": True}).json()
    assert (listed["total"], listed["items"][0]["rule_key"]) == (1, "K2")
    path = f"/api/v1/tickets/{listed['items'][0]['id']}"
    assert lin.post(f"{path}/accept", json={}).json()["state"] == "accepted"
    assert lin.post(f"{path}/assign", json={"username": "lin"}).json()["assignee"]["username"] == "lin"
    assert lin.post(f"{path}/start", json={}).json()["state"] == "in_work"
    assert lin.post(f"{path}/comment", json={"note": "正在核对源系统"}).status_code == 200
    answered = lin.post(f"{path}/answer", json={"answer": "data_right", "note": "同名两场，确为两处"})
    assert answered.json()["state"] == "answered"
    refused = lin.post(f"{path}/confirm", json={})
    assert refused.status_code == 403
    assert {each["code"] for each in refused.json()["reasons"]} == {"answerer-may-not-confirm", "not-settled"}
    asked = {
        "dataset_id": DATASET,
        "rule_key": "K2",
        "reason": "同名停车场确为两处",
        "valid_to": "2026-04-01",
    }
    waiver = zhou.post("/api/v1/waivers", json=asked).json()
    assert waiver["standing"] == "proposed"
    chief = client_as(stage, "chief")
    seconded = chief.post(f"/api/v1/waivers/{waiver['id']}/second", json={})
    assert seconded.json()["standing"] == "effective"
    batch = zhou.get(f"/api/v1/batches/{failed.id}").json()
    assert (batch["state"], batch["verdict"], batch["waivers"][0]["waiver_id"]) == (
        "passed_with_waivers", "failed", waiver["id"],
    )  # fmt: skip
    assert zhou.post(f"{path}/confirm", json={}).json()["state"] == "closed"
    assert [each["step"] for each in zhou.get(path).json()["history"]][-2:] == ["mend", "confirm"]


def test_nobody_outside_sees_tickets_or_waivers(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    waiver, ticket = a_waiver(stage, second=None), the_ticket(stage)
    other = client_as(stage, "other")
    assert other.get(f"/api/v1/tickets/{ticket.id}").status_code == 404
    assert other.get(f"/api/v1/waivers/{waiver.id}").status_code == 404
    assert other.get("/api/v1/tickets").json()["total"] == 0
    assert other.get("/api/v1/waivers").json()["total"] == 0
    assert other.get("/api/v1/fixes").json()["total"] == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_shows(stage: House, lang: str) -> None:
    for _ in range(3):
        failed = judged(stage, fails={"K2": 7, "W1": 1})
    waiver, ticket = a_waiver(stage, ticket_id=the_ticket(stage).id), the_ticket(stage)
    zhou = browser_as(stage, "zhou", lang)
    for path in (
        "/tickets", "/tickets?which=mine", "/tickets?which=overdue&state=open&org=traffic&sort=-rows", "/tickets/fixes",
        f"/tickets?batch={failed.id}", f"/tickets/{ticket.id}", "/waivers", "/waivers?standing=effective", "/waivers/new",
        f"/waivers/new?dataset={DATASET}&rule=K2", f"/waivers/{waiver.id}", f"/batches/{failed.id}", "/",
    ):  # fmt: skip
        answer = zhou.get(path)
        assert answer.status_code == 200, (path, answer.text[:1000])
    assert the_batch(stage, failed.id).state == "needs_confirmation"
    assert waiver.reason in zhou.get(f"/batches/{failed.id}").text


def test_forms_take_a_ticket_from_hand_to_hand(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    lin, path = browser_as(stage, "lin"), f"/tickets/{ticket.id}"
    for step, fields in (
        ("accept", {}), ("assign", {"username": "lin", "org_id": ""}), ("start", {}), ("comment", {"note": "正在核对"}),
        ("answer", {"answer": "cannot", "note": "源系统已停用"}),
    ):  # fmt: skip
        assert lin.submit(f"{path}/{step}", **fields).status_code == 303, step
    kept = browser_as(stage, "zhou").submit(f"{path}/reopen", note="短")
    assert kept.status_code == 403
    assert browser_as(stage, "zhou").submit(f"{path}/reopen", note="请提供停用证明").status_code == 303
    assert the_ticket(stage).state == "reopened"


def test_a_form_that_fails_keeps_what_was_typed(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    zhou = browser_as(stage, "zhou")
    failed = zhou.submit(
        "/waivers", dataset_id=DATASET, rule_key="K2", reason="说来话长的理由", valid_to="明天"
    )
    assert failed.status_code == 422
    assert "说来话长的理由" in failed.text
    done = zhou.submit(
        "/waivers", dataset_id=DATASET, rule_key="K2", reason="说来话长的理由", valid_to="2026-04-01"
    )
    assert done.status_code == 303
    assert browser_as(stage, "chief").submit(f"{done.headers['location']}/second", note="").status_code == 303


def test_a_personal_data_rule_is_not_offered(stage: House) -> None:
    from tests.datasets.parking import SUITE, save_suite

    with stage.write() as work:
        save_suite(work, expectations=[*SUITE["expectations"], PHONES])
    rules = client_as(stage, "zhou").get("/api/v1/waivers/rules", params={"dataset_id": DATASET}).json()
    assert {each["rule_key"]: each["may_be_waived"] for each in rules["items"]} == {
        "K1": True, "K2": True, "W1": True, "P1": False,
    }  # fmt: skip


def test_the_home_page_says_whose_turn_it_is(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7, "W1": 1})
    a_waiver(stage, second=None)
    piles = {}
    for who in ("lin", "chief"):
        with stage.read() as work:
            piles[who] = {pile.label.en: pile.total for pile in agenda(work, actor_of(work, who))}
    assert piles["lin"]["Tickets that wait for me"] == 2
    assert piles["chief"] == {"Waivers that wait for a second signature": 1}
    judged(stage, "zhou", corrects=failed.id)
    for who, total in (("lin", 2), ("zhou", None)):
        with stage.read() as work:
            found = {pile.label.en: pile.total for pile in agenda(work, actor_of(work, who))}
        assert found.get("Tickets to confirm") == total


def test_commands_say_the_same_as_the_routes(stage: House, clock: TestClock) -> None:
    clock.now = system_clock()  # commands read the clock of the machine
    for _ in range(3):
        judged(stage, fails={"K2": 7})
    ticket, waiver = the_ticket(stage), a_waiver(stage, second=None)
    where = ["--data-dir", str(stage.settings.data_dir), "--json", "--as"]

    def said(group: Any, *words: str, who: str = "lin") -> Any:
        done = CliRunner().invoke(group.app, [*words, *where, who])
        assert done.exit_code == 0, (words, done.output)
        return json.loads(done.stdout)

    assert said(cli_ticket, "list", "--mine")["total"] == 1
    told = ("answer", ticket.id, "--answer", "data_right", "--note", "确为两处")
    assert said(cli_ticket, *told)["state"] == "answered"
    assert said(cli_waiver, "second", waiver.id, who="chief")["standing"] == "effective"
    fix = said(cli_fix, "list")["items"][0]["id"]
    assert said(cli_fix, "reject", fix, "--note", "规则不适用")["state"] == "rejected"
