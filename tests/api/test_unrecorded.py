"""What cannot be written down is not done: with a full disk, or a record that takes no event, no act, no bytes, no look."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from auth.applications.workflow import State
from tests.datasets.extracts.scene import a_scene
from tests.desk import Desk, a_desk, an_application, submitted
from tests.people import app_of

FULL = "CREATE TRIGGER full BEFORE INSERT ON auth_audit_event BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"


def _full(house: House) -> None:
    with house.engine.begin() as raw:
        raw.exec_driver_sql(FULL)


def _client(house: House, who: str) -> TestClient:
    return TestClient(
        app_of(house), headers={"authorization": f"Bearer {local_token(house, who)}"}, raise_server_exceptions=False
    )  # fmt: skip


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_a_step_that_cannot_be_recorded_is_not_taken(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)
    draft = an_application(desk, at=State.DRAFT, scenario_id="parking")
    _full(desk.house)
    back = {"version": found.version, "note": "请补充说明", "has_no_conflict": True}
    answers = [
        _client(desk.house, "approver").post(f"/api/v1/applications/{found.id}/return", json=back),
        _client(desk.house, "applicant").post(f"/api/v1/applications/{draft.id}/withdraw", json={"version": draft.version}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [500, 500]
    with desk.house.engine.begin() as raw:
        raw.exec_driver_sql("DROP TRIGGER full")
    auditor = _client(desk.house, "auditor")
    assert auditor.get(f"/api/v1/applications/{found.id}").json()["state"] == State.DECIDING
    assert submitted(desk, draft).state == State.SUBMITTED, "the draft was not withdrawn"


def test_no_byte_of_a_file_leaves_unrecorded(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    analyst, path = (
        _client(sqlite_house, "analyst"),
        f"/api/v1/extracts/{scene.delivered(columns=['venue_id']).id}/file",
    )
    whole = analyst.get(path).content
    assert len(whole) > 100
    _full(sqlite_house)
    answer = analyst.get(path)
    assert answer.status_code == 500
    assert whole[:50] not in answer.content
    with sqlite_house.engine.begin() as raw:
        raw.exec_driver_sql("DROP TRIGGER full")
    assert analyst.get(path).content == whole


def test_nobody_looks_at_people_unrecorded(desk: Desk) -> None:
    _full(desk.house)
    auditor = _client(desk.house, "auditor")
    for _ in range(2):
        refused = auditor.get("/api/v1/users/analyst")
        assert refused.status_code == 503
        assert "analyst" not in refused.text.replace("/users/analyst", "")
    with desk.house.engine.begin() as raw:
        raw.exec_driver_sql("DROP TRIGGER full")
    assert auditor.get("/api/v1/users/analyst").status_code == 200


def test_a_refusal_that_cannot_be_recorded_stays_one_and_writes_no_line_of_its_own(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    _full(desk.house)
    with caplog.at_level(logging.DEBUG):
        answer = _client(desk.house, "analyst").get("/api/v1/audit?x=%0d%0aFORGED")
        hostile = _client(desk.house, "analyst").get("/api/v1/users/%0d%0aFORGED%20line")
    assert answer.status_code == 403
    assert hostile.status_code in (403, 404)
    said: list[Any] = [record for record in caplog.records if record.name == "datagrant.audit"]
    assert said, "that it is not on record is loud"
    assert not [record for record in caplog.records if "\nFORGED" in record.getMessage()]
