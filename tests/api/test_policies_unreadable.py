"""What an earlier or later version stored and this one cannot read is refused in words; lists name it and show the others."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from api.house import House
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State
from auth.grants.tables import GrantRow
from tests.datasets.extracts.scene import Scene, a_scene
from tests.desk import RESCUES, a_desk, an_application, an_ask, decided, proposed
from tests.people import browser_as, client_as

API = "/api/v1"
PARKING = {"scenario_id": "parking", "columns": ["venue_id", "rooms", "area_m2"]}


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def _unknown(house: House, application_id: str, *names: str) -> None:
    """Put a term that nobody knows into these columns of the application's line."""
    with house.write() as work:
        wanted = select(ApplicationLineRow).where(col(ApplicationLineRow.application_id) == application_id)
        line = work.db.exec(wanted).one()
        for name in names:
            setattr(line, name, getattr(line, name).replace('"plain"', '"whispered"'))
            assert "whispered" in getattr(line, name)
        work.db.add(line)


def _codes(answer: object) -> list[str]:
    assert answer.status_code == 503, answer.text  # type: ignore[attr-defined]
    return [each["code"] for each in answer.json()["reasons"]]  # type: ignore[attr-defined]


def _asks(house: House, application_id: str, line_id: str) -> list[object]:
    """Explaining and trying the line, by the routes."""
    approver, path = client_as(house, "approver"), f"{API}/applications/{application_id}"
    return [
        approver.post(f"{path}/{what}", json={"line_id": line_id, "form": "extract_csv"} if what == "explain" else {"line_id": line_id})
        for what in ("explain", "simulate")
    ]  # fmt: skip


def test_an_offer_has_no_letter_and_no_trial_and_its_page_says_so(scene: Scene) -> None:
    found = an_application(scene.desk, at=State.OFFERED, ask=an_ask(**PARKING))
    _unknown(scene.house, found.id, "offered")
    officer = client_as(scene.house, "officer")
    for path in ("letter", "letter.pdf"):
        assert _codes(officer.get(f"{API}/applications/{found.id}/{path}")) == ["policy-unenforceable"]
    for answer in _asks(scene.house, found.id, found.lines[0].id):
        assert _codes(answer) == ["policy-unenforceable"]
    approver = browser_as(scene.house, "approver", "en")
    assert approver.get(f"/applications/{found.id}/letter").status_code == 503
    assert approver.get(f"/applications/{found.id}/explain?line={found.lines[0].id}").status_code == 503
    shown = approver.get(f"/applications/{found.id}")
    assert shown.status_code == 200
    assert "cannot enforce" in shown.text, shown.text


def test_a_request_is_refused_in_words_wherever_it_is_read(scene: Scene) -> None:
    found = an_application(scene.desk, at=State.DECIDING, ask=an_ask(**PARKING))
    _unknown(scene.house, found.id, "columns")
    for answer in _asks(scene.house, found.id, found.lines[0].id):
        assert _codes(answer) == ["policy-unenforceable"]
    approver = browser_as(scene.house, "approver", "en")
    for path in ("", "/decide"):
        answer = approver.get(f"/applications/{found.id}{path}")
        assert answer.status_code == 503
        assert "holds what this version cannot read" in answer.text


def test_a_decision_that_stands_proposed_is_refused_in_words(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES))
    name = found.lines[0].columns[0]["name"]
    found = proposed(
        desk, found, outcome="narrow", narrowing={"columns": [{"name": name, "use": "plain"}]}, note="少些"
    )
    assert found.proposal
    with sqlite_house.write() as work:
        row = work.db.get_one(ApplicationRow, found.id)
        row.proposal = row.proposal.replace('"plain"', '"whispered"')
        assert "whispered" in row.proposal
    for answer in _asks(sqlite_house, found.id, found.lines[0].id):
        assert _codes(answer) == ["policy-unenforceable"]
    answer = browser_as(sqlite_house, "approver", "en").get(f"/applications/{found.id}")
    assert answer.status_code == 503, answer.text
    assert "holds what this version cannot read" in answer.text


@pytest.mark.parametrize("names", [("offered",), ("columns",), ("columns", "offered")])
def test_precedents_name_the_one_and_show_the_others(scene: Scene, names: tuple[str, ...]) -> None:
    narrowing = {"columns": [{"name": "venue_id", "use": "plain"}], "retention_days": 30}
    one, other = (
        decided(
            scene.desk,
            an_application(scene.desk, at=State.DECIDING, ask=an_ask(**PARKING | {"scenario_id": scenario})),
            outcome="narrow",
            narrowing=narrowing,
            note="少些",
        )
        for scenario in ("weather", "benefits")
    )
    _unknown(scene.house, one.id, *names)
    now = an_application(scene.desk, at=State.DECIDING, ask=an_ask(**PARKING))
    path = f"{API}/applications/{now.id}/precedents?line_id={now.lines[0].id}&lang=en"
    said = client_as(scene.house, "approver").get(path)
    assert said.status_code == 200, said.text
    told = {each["application_id"]: each for each in said.json()["items"]}
    assert told[other.id]["narrowed"]
    assert told[other.id]["unreadable"] == []
    assert told[one.id]["narrowed"] == []
    assert [each["code"] for each in told[one.id]["unreadable"]] == ["policy-unenforceable"]
    page = browser_as(scene.house, "approver", "en").get(f"/applications/{now.id}/decide")
    assert page.status_code == 200
    assert "this version cannot" in page.text


def test_a_grant_in_force_that_cannot_be_read_is_no_hindrance_to_another(scene: Scene) -> None:
    with scene.house.write() as work:
        held = work.db.get_one(GrantRow, scene.grant_id)
        held.policy = held.policy.replace('"plain"', '"whispered"')
        assert "whispered" in held.policy
    approver = client_as(scene.house, "approver")
    for what in ("explain", "simulate"):
        answer = approver.post(
            f"{API}/grants/{scene.grant_id}/{what}", json={"form": "extract_csv"} if what == "explain" else {}
        )
        assert answer.status_code == 503, answer.text
    found = an_application(scene.desk, at=State.DECIDING, ask=an_ask(**PARKING))
    for answer in _asks(scene.house, found.id, found.lines[0].id):
        assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
