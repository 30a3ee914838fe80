"""Every event says in the course of which request it was recorded, and, where it can be erased, from which network that came."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from api.house import House
from api.identity import local_token
from auth import audit
from auth.actor import SYSTEM
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.audit_guard import SQLITE_TRIGGERS
from auth.audit_personal import ASKED_FROM, PersonalRow
from auth.audit_request import ASKING, Asking, network_of
from auth.proof.offline import verify_pack
from auth.proof.openings import at_odds
from tests.auth.proof.packs import a_pack, lines_of, sealed
from tests.desk import Desk, a_desk, an_application
from tests.people import app_of, client_as

FAR = "203.0.113.77"
NETWORK = "203.0.113.0/24"


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def from_afar(house: House, who: str, host: str = FAR) -> TestClient:
    token = local_token(house, who)
    return TestClient(app_of(house), client=(host, 4711), headers={"authorization": f"Bearer {token}"})


def withdrawn(desk: Desk, host: str = FAR) -> tuple[AuditEventRow, Any]:
    found = an_application(desk)
    answer = from_afar(desk.house, "applicant", host).post(
        f"/api/v1/applications/{found.id}/withdraw", json={"version": found.version, "note": "不再需要"}
    )
    assert answer.status_code == 200, answer.text
    with desk.house.read() as work:
        wanted = select(AuditEventRow).where(AuditEventRow.kind == "application.withdrawn")
        return work.db.exec(wanted).one(), answer


def test_an_event_names_its_request_and_commits_to_its_network(desk: Desk) -> None:
    event, answer = withdrawn(desk)
    assert (event.form, event.request_id) == (3, answer.headers["x-request-id"])
    leaf = audit.entry(event).decode()
    assert NETWORK not in leaf
    assert FAR not in leaf
    assert json.loads(event.payload)[ASKED_FROM].keys() == {"commitment"}
    listed = (
        client_as(desk.house, "auditor").get("/api/v1/audit", params={"request_id": event.request_id}).json()
    )
    assert [each["id"] for each in listed["items"]] == [event.id]
    assert json.loads(listed["items"][0]["payload"])[ASKED_FROM] == NETWORK


def test_the_other_side_is_not_told_where_somebody_sat(desk: Desk) -> None:
    found = an_application(desk)
    answer = from_afar(desk.house, "screener").post(
        f"/api/v1/applications/{found.id}/screen",
        json={"version": found.version, "outcome": "return", "note": "请补充材料", "has_no_conflict": True},
    )
    assert answer.status_code == 200, answer.text
    sealed(desk.house)
    proved = client_as(desk.house, "applicant").get(f"/api/v1/audit/proof/{answer.headers['audit-event']}")
    history = client_as(desk.house, "applicant").get(f"/api/v1/applications/{found.id}/history")
    for said in (proved, history):
        assert said.status_code == 200
        assert "203.0.113" not in said.text
    assert ASKED_FROM not in history.text


def test_what_opens_the_network_is_the_persons_and_goes_with_his_name(desk: Desk) -> None:
    event, _ = withdrawn(desk)
    with desk.house.read() as work:
        wanted = select(PersonalRow).where(
            PersonalRow.seq == event.seq, PersonalRow.field == f"/{ASKED_FROM}"
        )
        opening = work.db.exec(wanted).one()
    assert (opening.about, opening.is_name, json.loads(opening.value)) == (event.actor_person, True, NETWORK)


def test_commands_of_this_machine_and_the_worker_come_from_no_network(desk: Desk) -> None:
    event, _ = withdrawn(desk, "testclient")
    assert event.request_id
    assert ASKED_FROM not in json.loads(event.payload)
    with desk.house.write() as work:
        by_itself = audit.record(work, SYSTEM, "thing.done", subject="x")
    assert by_itself.request_id is None
    asking = Asking("r-1", FAR)
    token = ASKING.set(asking)
    try:
        with desk.house.write() as work:
            of_the_system = audit.record(work, SYSTEM, "thing.done", subject="y")
    finally:
        ASKING.reset(token)
    assert (of_the_system.request_id, of_the_system.payload) == ("r-1", "{}")


def test_every_answer_has_an_id_of_our_own_refusals_too(sqlite_house: House) -> None:
    visitor = client_as(sqlite_house)
    ids = set()
    for path, status in (
        ("/api/v1/audit/key", 200),
        ("/api/v1/nowhere", 404),
        ("/api/v1/audit", 401),
        ("/", 200),
    ):
        answer = visitor.get(path, headers={"x-request-id": "mine"})
        assert answer.status_code == status
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 4
    assert "mine" not in ids


def test_events_of_every_form_are_proved_side_by_side_live_and_offline(desk: Desk, tmp_path: Path) -> None:
    with desk.house.write() as work:
        for form in (1, 2, 3):
            audit.record(work, SYSTEM, "thing.done", subject=f"of-{form}").form = form
    withdrawn(desk)
    sealed(desk.house)
    pack = a_pack(desk.house, tmp_path / "pack")
    assert verify_pack(pack).flaws == []
    events = {each["subject"]: each for each in map(json.loads, lines_of(pack))}
    assert ("form" in events["of-1"], "request_id" in events["of-1"]) == (False, False)
    assert (events["of-2"]["form"], "request_id" in events["of-2"]) == (2, False)
    assert (events["of-3"]["form"], events["of-3"]["request_id"]) == (3, None)
    with desk.house.read() as work:
        assert audit.verify(work)[1] is None
        assert at_odds(work) == []


def test_another_request_id_breaks_the_chain(desk: Desk) -> None:
    event, _ = withdrawn(desk)
    event.request_id = "somebody-elses"
    assert audit.digest(event) != event.hash
    event.form = 2
    assert audit.digest(event) != event.hash


def test_an_opened_network_that_was_altered_is_found(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    event, _ = withdrawn(desk)
    with sqlite_house.write() as work:
        connection = work.db.connection()
        for name in SQLITE_TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        opening = work.db.get(PersonalRow, (event.seq, f"/{ASKED_FROM}"))
        assert opening is not None
        opening.value = '"198.51.100.0/24"'
    with sqlite_house.read() as work:
        assert [ASKED_FROM in each.what.en for each in at_odds(work)] == [True]


@pytest.mark.parametrize(
    ("host", "network"),
    [
        (FAR, NETWORK), ("2001:db8:1:2::7", "2001:db8:1::/48"), ("", "local"), ("testclient", "local"),
        ("/run/x.sock", "local"),
    ],
)  # fmt: skip
def test_addresses_are_shortened_to_networks(host: str, network: str) -> None:
    assert network_of(host) == network


def test_two_requests_at_once_keep_their_events_apart(desk: Desk) -> None:
    first, second = an_application(desk), an_application(desk, scenario_id="weather", at=State.SUBMITTED)

    def withdraw(found: Any) -> tuple[str, str]:
        answer = from_afar(desk.house, "applicant").post(
            f"/api/v1/applications/{found.id}/withdraw", json={"version": found.version, "note": "x"}
        )
        assert answer.status_code == 200, answer.text
        return answer.headers["x-request-id"], answer.headers["audit-event"]

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(withdraw, (first, second)))
    with desk.house.read() as work:
        wanted = select(AuditEventRow).where(AuditEventRow.kind == "application.withdrawn")
        rows = work.db.exec(wanted.order_by(col(AuditEventRow.seq))).all()
        assert sorted((row.request_id or "", row.id) for row in rows) == sorted(told)
