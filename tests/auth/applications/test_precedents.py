"""Earlier decisions shown to the decider: only those that count, only those in sight, the most alike first."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.precedents import Precedent, precedents
from auth.applications.workflow import State
from core.errors import NotFound
from tests.desk import RESCUES, Desk, a_desk, an_application, an_ask, decided, proposed
from tests.people import client_as


def shown(desk: Desk, application_id: str, line_id: str, who: str = "approver") -> list[Precedent]:
    with desk.read(who) as (work, actor):
        return precedents(work, actor, application_id, line_id)  # type: ignore[arg-type]


def test_earlier_decisions_stand_with_outcome_narrowing_and_reasons(house: House) -> None:
    desk = a_desk(house)
    refused = decided(desk, an_application(desk, at=State.DECIDING), outcome="reject", reason_code="not-minimal", note="与用途无关的列过多")  # fmt: skip
    narrowing = {"columns": [{"name": "venue_id", "use": "plain"}], "retention_days": 30}
    other = an_application(desk, at=State.DECIDING, scenario_id="parking")
    narrowed = decided(desk, other, outcome="narrow", narrowing=narrowing, note="只保留编号列")
    pending = proposed(desk, an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES)))
    assert pending.proposal, "stands proposed, and is nobody's precedent"
    now = an_application(desk, at=State.DECIDING)
    found = shown(desk, now.id, now.lines[0].id)
    assert [each.application_id for each in found] == [refused.id, narrowed.id], "same scenario first"
    assert (found[0].outcome, found[0].reason_code, found[0].same_scenario) == (
        "reject",
        "not-minimal",
        True,
    )
    assert found[0].note == "与用途无关的列过多"
    assert {"column:rooms", "retention_days"} <= {each.part for each in found[1].narrowed}
    assert found[1].same_dataset
    assert not found[1].same_scenario
    with pytest.raises(NotFound):
        shown(desk, now.id, now.lines[0].id, "roads_screener")
    with pytest.raises(NotFound):
        shown(desk, now.id, "nothing")

    api = client_as(house, "approver")
    said = api.get(f"/api/v1/applications/{now.id}/precedents?line_id={now.lines[0].id}").json()
    assert [each["outcome"] for each in said["items"]] == ["reject", "narrow"]


def test_what_is_beyond_the_readers_sight_is_no_precedent_for_him(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    first = decided(desk, an_application(desk, at=State.DECIDING))
    now = an_application(desk, at=State.DECIDING, scenario_id="parking")
    assert [each.application_id for each in shown(desk, now.id, now.lines[0].id)] == [first.id]
    with pytest.raises(NotFound):
        shown(desk, now.id, now.lines[0].id, "applicant2")
