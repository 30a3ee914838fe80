"""What a decision says of public interest and fairness, and where an application stands among those that wait."""

from __future__ import annotations

import json
from itertools import product

import pytest
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.models import DecideBody
from auth.applications.rules import principles_objections
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.papers import reading
from auth.profile.model import shipped
from core.errors import AccessRefused
from tests.auth.agreements.scene import in_force
from tests.desk import PARKS, RESCUES, Desk, a_desk, an_application, an_ask, codes, concurred
from tests.people import browser_as, client_as

GENERIC = shipped()["generic-open-data"]
SAID = {"public_interest": "便于公众避开拥堵", "fairness": "同类申请均按此办理"}


@pytest.mark.parametrize(
    ("required", "outcomes", "public", "fair"),
    list(product((True, False), (("reject", "reject"), ("approve", "reject"), ("narrow",)), ("", "有利公众"), ("  公平 ", "一视同仁"))),
)  # fmt: skip
def test_whoever_grants_says_something_of_both(
    outcomes: tuple[str, ...], public: str, fair: str, *, required: bool
) -> None:
    found = principles_objections(
        outcomes, {"public_interest": public, "fairness": fair}, least=4, required=required
    )  # type: ignore[arg-type]
    wanted = []
    if required and outcomes != ("reject", "reject"):
        wanted = [
            name for name, text in (("public_interest", public), ("fairness", fair)) if len(text.strip()) < 4
        ]
    assert [each.facts["principle"] for each in found] == wanted


def decide(desk: Desk, found: applications.ApplicationRead, **said: str) -> applications.ApplicationRead:
    with desk.write("approver") as (work, actor):
        lines = [{"line_id": line.id, "outcome": "approve"} for line in found.lines]
        body = {"version": found.version, "has_no_conflict": True, "lines": lines} | said
        return applications.decide(work, actor, found.id, DecideBody.model_validate(body), assets=desk.assets)


def test_the_profile_asks_and_the_record_the_page_and_the_letter_keep_what_was_said(
    sqlite_house: House,
) -> None:
    desk = a_desk(sqlite_house)
    assert shipped()["district-authorised-operation"].principles
    in_force(desk, GENERIC.model_copy(update={"principles": True}))
    found = an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES))
    with pytest.raises(AccessRefused) as refusal:
        decide(desk, found)
    assert codes(refusal) == ["principle-not-stated"] * 2
    waiting = decide(desk, found, **SAID)
    assert waiting.proposal
    assert waiting.public_interest == "", "it counts with the decision"
    done = concurred(desk, waiting)
    assert (done.public_interest, done.fairness) == (SAID["public_interest"], SAID["fairness"])
    with sqlite_house.read() as work:
        wanted = select(AuditEventRow.payload).where(AuditEventRow.kind == "application.offered")
        assert json.loads(work.db.exec(wanted).one())["principles"] == SAID
    assert SAID["fairness"] in browser_as(sqlite_house, "applicant").get(f"/applications/{found.id}").text
    letter = (
        client_as(sqlite_house, "officer").get(f"/api/v1/applications/{found.id}/letter").json()["letter"]
    )
    assert [words["zh"] for _, words in letter["principles"]] == list(SAID.values())
    shown = browser_as(sqlite_house, "officer", "en")
    assert SAID["public_interest"] in shown.get(f"/applications/{found.id}/letter").text
    assert shown.get(f"/applications/{found.id}/letter.pdf").content.startswith(b"%PDF")


@pytest.mark.parametrize(
    "said", [{"public_interest": "便于公众避开拥堵"}, {"fairness": "同类申请均按此办理"}, {}]
)
def test_the_record_keeps_the_one_thing_that_was_said(sqlite_house: House, said: dict[str, str]) -> None:
    desk = a_desk(sqlite_house)
    in_force(desk, GENERIC)
    decide(desk, an_application(desk, at=State.DECIDING), **said)
    with sqlite_house.read() as work:
        wanted = select(AuditEventRow.payload).where(AuditEventRow.kind == "application.offered")
        kept = json.loads(work.db.exec(wanted).one()).get("principles")
    assert kept == ({"public_interest": "", "fairness": ""} | said if said else None)


def test_an_applicant_sees_his_place_and_nothing_of_the_others(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    first = an_application(desk, at=State.SUBMITTED)
    second = an_application(
        desk, at=State.SUBMITTED, ask=an_ask(PARKS, scenario_id="parking", purposes=["service-operation"])
    )
    assert an_application(desk, at=State.DRAFT, ask=an_ask(scenario_id="weather")).queue is None
    with desk.read("applicant") as (work, actor):
        assert applications.application(work, actor, first.id).queue == [1, 2]
        assert applications.application(work, actor, second.id).queue == [2, 2]
    assert (
        "number 2 of 2" in browser_as(sqlite_house, "applicant", "en").get(f"/applications/{second.id}").text
    )
    third = an_application(desk, at=State.OFFERED, ask=an_ask(scenario_id="weather"))
    assert third.queue is None
    assert (
        "排在第 1 位，共 2 件" in browser_as(sqlite_house, "applicant").get(f"/applications/{first.id}").text
    )


def test_columns_about_persons_want_an_impact_assessment_before_they_are_asked_for(
    sqlite_house: House,
) -> None:
    desk = a_desk(sqlite_house)
    district = shipped()["district-authorised-operation"]
    in_force(desk, GENERIC.model_copy(update={"papers": district.papers}))
    plain = an_application(desk, at=State.DRAFT)
    personal = an_application(desk, at=State.DRAFT, ask=an_ask(RESCUES, scenario_id="weather"))
    with desk.read("applicant") as (work, actor):
        assert "impact-assessment" not in {each.key for each in reading.papers(work, actor, plain.id)}
        asked = {each.key: each for each in reading.papers(work, actor, personal.id)}
        assert asked["impact-assessment"].state == "MISSING"
        checked = applications.precheck(work, actor, personal.id, assets=desk.assets)
        assert any(each.facts.get("paper") == "impact-assessment" for each in checked.blocking)
