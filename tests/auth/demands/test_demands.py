"""A need is accepted, passed on, answered in time; the public sees what was accepted, never what was dismissed or is private."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.demands import rules, service
from auth.demands.rules import Days
from auth.demands.workflow import FINAL, MOVES, NEEDS_DATASET, Outcome, State, Step, advance
from auth.policy.limits import limits
from auth.roles import Role
from core.errors import TransitionRefused
from tests.conftest import TestClock
from tests.desk import Desk, a_desk
from tests.people import a_person, browser_as, client_as, new_browser

NEED = {"title": "充电桩分布", "need": "全区公共充电桩的位置与功率，每月更新"}
DAY = date(2026, 3, 2)


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "receiver", "bureau", ["reviewer_business"])
        a_person(work, "citizen")
    return desk


@pytest.mark.parametrize(("state", "step", "role"), list(itertools.product(State, Step, Role)))
def test_only_the_table_moves_a_need(state: State, step: Step, role: Role) -> None:
    move = MOVES.get((state, step))
    if move is not None and role in move.by:
        assert advance(state, step, frozenset({role})) is move.to
    else:
        with pytest.raises(TransitionRefused):
            advance(state, step, frozenset({role}))


days = st.builds(
    lambda a, b, c: Days(DAY + timedelta(a), None if b is None else DAY + timedelta(b), DAY + timedelta(c)),
    st.integers(0, 30),
    st.none() | st.integers(0, 30),
    st.integers(0, 30),
)


@given(st.sampled_from(State), days, st.integers(-5, 40))
def test_overdue_is_the_day_of_whoever_has_the_next_word(state: State, known: Days, later: int) -> None:
    last, today = rules.due(state, known), DAY + timedelta(later)
    assert (last is None) is (state in FINAL)
    assert last is None or last <= known.answer
    assert rules.is_overdue(state, known, today) is (last is not None and today > last)


@pytest.mark.parametrize(("public", "own", "bureau"), list(itertools.product([True, False], repeat=3)))
def test_a_private_answer_is_told_to_its_asker_and_the_bureau(
    *, public: bool, own: bool, bureau: bool
) -> None:
    assert rules.is_told(is_public=public, is_own=own, is_bureau=bureau) is any((public, own, bureau))


def test_an_answer_that_points_to_data_names_them_and_no_other_must() -> None:
    assert {Outcome.AVAILABLE, Outcome.APPLY} == NEEDS_DATASET


def _post(client: Any, place: str, **body: Any) -> Any:
    return client.post(place, json=body)


def test_a_need_goes_its_way_through_bureau_and_department(desk: Desk, clock: TestClock) -> None:
    visitor, citizen, clerk, steward = (
        client_as(desk.house, who) for who in ("", "citizen", "receiver", "steward_a")
    )
    assert _post(visitor, "/api/v1/demands", **NEED).status_code == 401
    made = _post(citizen, "/api/v1/demands", **NEED)
    assert (made.status_code, made.json()["due_on"], made.json()["next_due_on"]) == (
        201,
        "2026-03-16",
        "2026-03-04",
    )
    place = f"/api/v1/demands/{made.json()['id']}"
    assert visitor.get(place).status_code == 404
    assert visitor.get("/api/v1/demands").json()["total"] == 0
    assert citizen.get("/api/v1/demands", params={"mine": True}).json()["total"] == 1
    assert (
        _post(client_as(desk.house, "screener"), f"{place}/accept").status_code == 404
    )  # a department's reviewer
    assert _post(clerk, f"{place}/accept", version=1).json()["state"] == "ACCEPTED"
    assert _post(clerk, f"{place}/accept", version=1).status_code == 412
    assert _post(clerk, f"{place}/assign", department_id="insurer").status_code == 422
    passed = _post(clerk, f"{place}/assign", department_id="parks").json()
    assert (passed["state"], passed["next_due_on"]) == ("ASSIGNED", "2026-03-09")
    assert _post(client_as(desk.house, "approver"), f"{place}/handle", reply="不归我管").status_code == 403
    assert _post(steward, f"{place}/return", note="").status_code == 422
    assert _post(steward, f"{place}/return", note="由城管负责").json()["state"] == "ACCEPTED"
    assert _post(steward, f"{place}/handle", reply="已不在本部门").status_code == 409
    _post(clerk, f"{place}/assign", department_id="parks")
    clock.forward(days=8)
    clerk, steward = client_as(desk.house, "receiver"), client_as(desk.house, "steward_a")
    citizen = client_as(desk.house, "citizen")
    assert visitor.get(place).json()["is_overdue"] is True
    assert (
        _post(steward, f"{place}/handle", reply="仅有点位，功率由电网掌握")
        .json()["reply"]
        .startswith("仅有点位")
    )
    assert visitor.get(place).json()["reply"] == citizen.get(place).json()["reply"] == ""
    bad = {"outcome": "apply", "answer": "见目录中的对应数据集"}
    assert _post(clerk, f"{place}/answer", **bad).status_code == 422
    assert _post(clerk, f"{place}/answer", **bad, dataset_ids=["DP-NO-001"]).status_code == 422
    done = _post(
        clerk, f"{place}/answer", outcome="not_held", answer="功率由电网企业掌握，已转办", is_public=False
    )
    assert (done.status_code, done.json()["is_overdue"]) == (200, False)
    hidden, told = visitor.get(place).json(), citizen.get(place).json()
    assert (hidden["state"], hidden["outcome"], hidden["answer"]) == ("ANSWERED", "not_held", "")
    assert told["answer"].startswith("功率由电网")
    kinds = [each["kind"] for each in citizen.get("/api/v1/me/messages").json()["items"]]
    assert kinds.count("demand.moved") == 2


def test_others_need_it_too_each_once(desk: Desk) -> None:
    citizen, clerk, other = (client_as(desk.house, who) for who in ("citizen", "receiver", "applicant"))
    place = f"/api/v1/demands/{_post(citizen, '/api/v1/demands', **NEED).json()['id']}"
    assert other.put(f"{place}/vote").status_code == 404
    _post(clerk, f"{place}/accept")
    assert client_as(desk.house, "").put(f"{place}/vote").status_code == 401
    assert citizen.put(f"{place}/vote").json()["reasons"][0]["code"] == "own-need"
    assert [other.put(f"{place}/vote").json()["votes"] for _ in range(2)] == [1, 1]
    assert clerk.put(f"{place}/vote").json()["votes"] == 2
    assert [other.delete(f"{place}/vote").json()["votes"] for _ in range(2)] == [1, 1]
    _post(clerk, f"{place}/answer", outcome="planned", answer="列入下半年计划")
    assert other.put(f"{place}/vote").json()["reasons"][0]["code"] == "no-votes-now"


def test_what_is_dismissed_is_never_shown_and_needs_a_reason(desk: Desk) -> None:
    made = _post(client_as(desk.house, "applicant"), "/api/v1/demands", **NEED).json()
    clerk, place = client_as(desk.house, "receiver"), f"/api/v1/demands/{made['id']}"
    assert _post(clerk, f"{place}/dismiss").status_code == 422
    assert _post(clerk, f"{place}/dismiss", note="与公共数据无关").json()["state"] == "DISMISSED"
    for who, status in (("", 404), ("applicant2", 404), ("applicant", 200), ("officer", 200)):
        assert client_as(desk.house, who).get(place).status_code == status


def test_nobody_floods_the_register(desk: Desk, clock: TestClock) -> None:
    with desk.write("citizen") as (work, actor):
        for _ in range(limits()["demands_per_day"]):
            service.state_need(work, actor, service.DemandCreate(**NEED))
    refused = _post(client_as(desk.house, "citizen"), "/api/v1/demands", **NEED)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "too-many-today")
    assert _post(client_as(desk.house, "applicant"), "/api/v1/demands", **NEED).status_code == 201
    clock.forward(days=1)
    assert _post(client_as(desk.house, "citizen"), "/api/v1/demands", **NEED).status_code == 201


def test_pages_keep_what_was_typed_and_show_the_answer(desk: Desk) -> None:
    visitor, citizen, clerk = (
        new_browser(desk.house, "zh"),
        browser_as(desk.house, "citizen"),
        browser_as(desk.house, "receiver"),
    )
    kept = citizen.submit("/demands", title="充电桩", need="每月更新的公共充电桩位置", purpose="")
    assert (kept.status_code, "每月更新的公共充电桩位置" in kept.text) == (422, True)
    assert citizen.submit("/demands", **NEED, purpose="").status_code == 303
    with desk.read("receiver") as (work, actor):
        place = f"/demands/{service.demands(work, actor)[0][0].id}"
    assert "受理并公示" in clerk.get(place).text
    assert clerk.submit(f"{place}/accept", version="1").status_code == 303
    assert NEED["title"] in visitor.get("/demands?sort=-votes").text
    assert clerk.submit(f"{place}/vote").status_code == 303
    assert "取消附议" in clerk.get(place).text
    refused = clerk.submit(
        f"{place}/answer",
        version="2",
        outcome="apply",
        answer="留住我的答复",
        dataset_ids="",
        is_public="yes",
    )
    assert (refused.status_code, "留住我的答复" in refused.text) == (422, True)
    sent = {"outcome": "planned", "answer": "列入下半年计划", "dataset_ids": "", "is_public": "yes"}
    assert clerk.submit(f"{place}/answer", version="2", **sent).status_code == 303
    shown = visitor.get(place).text
    assert "列入下半年计划" in shown
    assert "receiver" not in shown
    assert "Citizen" not in shown


def test_refusals_of_needs_and_votes_say_what_to_do() -> None:
    assert [each.code for each in (rules.too_many(5), rules.own_need(), rules.not_shown())] == [
        "too-many-today",
        "own-need",
        "no-votes-now",
    ]
    assert "5" in rules.too_many(5).text.zh
    assert "5" in rules.too_many(5).text.en
