"""The plan of a year is public once published; a task is done only when everybody finds its dataset."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.openplan.workflow import MOVES, State, Step, advance, progress
from auth.roles import Role
from core.errors import TransitionRefused
from tests.conftest import TestClock
from tests.desk import Desk, a_desk
from tests.people import a_person, browser_as, client_as, new_browser

TASK = {
    "year": 2026,
    "title": "开放停车场数据",
    "department_id": "parks",
    "due_on": "2026-06-30",
    "dataset_id": "DP-PK-001",
}


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "cataloguer", "bureau", ["catalog_admin"])
    return desk


def test_only_the_table_moves_a_task() -> None:
    for state, step, role in itertools.product(State, Step, Role):
        move = MOVES.get((state, step))
        if move is not None and role in move.by:
            assert advance(state, step, frozenset({role})) is move.to
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, frozenset({role}))


@given(st.lists(st.sampled_from(State)))
def test_drafts_and_dropped_tasks_do_not_count(states: list[State]) -> None:
    done, of = progress(states)
    assert done == sum(state is State.DONE for state in states) <= of
    assert of == sum(state in (State.DONE, State.PUBLISHED) for state in states)


def test_a_task_is_published_and_done_when_everybody_finds_it(
    desk: Desk, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, visitor, steward = (client_as(desk.house, who) for who in ("cataloguer", "", "steward_a"))
    assert steward.post("/api/v1/open-plan", json=TASK).status_code == 403
    for wrong in ({"department_id": "insurer"}, {"due_on": "2027-01-01"}):
        assert admin.post("/api/v1/open-plan", json=TASK | wrong).status_code == 422
    place = f"/api/v1/open-plan/{admin.post('/api/v1/open-plan', json=TASK).json()['id']}"
    assert visitor.get(place).status_code == 404
    assert steward.post(f"{place}/publish", json={}).status_code == 403
    assert admin.post(f"{place}/publish", json={"version": 1}).json()["state"] == "PUBLISHED"
    assert visitor.get("/api/v1/open-plan", params={"year": 2026}).json() | {"items": []} == {
        "year": 2026, "done": 0, "of": 1, "items": [], "total": 1, "next": None,
    }  # fmt: skip
    assert steward.post(f"{place}/finish", json={}).status_code == 422
    monkeypatch.setattr("api.routes.openplan.public_title", lambda _, __: "停车场")
    assert client_as(desk.house, "roads_screener").post(f"{place}/finish", json={}).status_code == 403
    clock.forward(days=150)
    assert visitor.get(place).json()["is_late"] is True
    assert client_as(desk.house, "steward_a").post(f"{place}/finish", json={}).json()["state"] == "DONE"
    assert visitor.get("/api/v1/open-plan", params={"year": 2026}).json()["done"] == 1
    admin = client_as(desk.house, "cataloguer")
    assert admin.post(f"{place}/reopen", json={}).status_code == 422
    assert admin.post(f"{place}/reopen", json={"note": "数据已下线"}).json()["state"] == "PUBLISHED"
    assert admin.post(f"{place}/drop", json={"note": "依法不予开放"}).json()["state"] == "DROPPED"
    assert visitor.get(place).status_code == 404


def test_pages_show_the_plan_and_keep_what_was_typed(desk: Desk) -> None:
    admin = browser_as(desk.house, "cataloguer")
    kept = admin.submit("/open-plan", **TASK | {"due_on": "2027-01-01"}, what="留住的内容")
    assert (kept.status_code, "留住的内容" in kept.text) == (422, True)
    assert admin.submit("/open-plan", **TASK, what="位置与泊位").status_code == 303
    with desk.read("cataloguer") as (work, actor):
        from auth.openplan import service

        place = f"/open-plan/{service.tasks(work, actor)[0][0].id}"
    assert admin.submit(f"{place}/publish", version="1").status_code == 303
    shown = new_browser(desk.house, "zh").get("/open-plan").text
    assert "开放停车场数据" in shown
    assert "<progress" in shown
    assert admin.submit(f"{place}/finish", version="2", dataset_id="DP-NO-001").status_code == 422
