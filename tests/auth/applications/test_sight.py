"""Who sees which application, and which votes."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications import service as applications
from auth.applications.workflow import State
from auth.audit_reading import history
from core.errors import NotFound
from tests.auth.profile.test_opinions import GENERIC
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    agreed,
    an_application,
    an_ask,
    decided,
    screened,
    submitted,
    voted,
)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_other_organisations_and_departments_see_nothing(desk: Desk) -> None:
    found = an_application(desk)
    for who in ("applicant2", "officer2", "roads_screener"):
        with desk.read(who) as (work, actor):
            assert applications.applications(work, actor) == ([], 0)
            with pytest.raises(NotFound):
                applications.application(work, actor, found.id)
    for who in ("applicant", "officer", "analyst", "screener", "steward_a", "approver", "auditor", "watch"):
        with desk.read(who) as (work, actor):
            assert applications.application(work, actor, found.id).id == found.id


def test_drafts_are_seen_by_their_organisation_alone(desk: Desk) -> None:
    draft = an_application(desk, at=State.DRAFT)
    for who in ("screener", "approver", "auditor"):
        with desk.read(who) as (work, actor), pytest.raises(NotFound):
            applications.application(work, actor, draft.id)
    with desk.read("officer") as (work, actor):
        assert applications.application(work, actor, draft.id).state == State.DRAFT


def test_votes_are_blind_until_all_are_in_and_never_shown_to_the_applicant(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES, columns=["event_type"]))
    opinion = next(each for each in GENERIC.opinions if each.stage == "review")
    found = voted(
        desk, found, "screener", "business:parks", vote="narrow", note=opinion.text_zh, opinion=opinion.key
    )
    with desk.read("approver") as (work, _):  # nor does the history tell which way it went
        told = history(work, application_id=found.id, internal=True)
    assert [set(each.facts) for each in told if each.kind == "application.reviewed"] == [
        {"stage", "has_no_conflict", "from", "to", "version"}
    ]

    def seen(who: str) -> int:
        with desk.read(who) as (work, actor):
            return len(applications.application(work, actor, found.id).reviews)

    assert {who: seen(who) for who in ("screener", "security", "approver", "auditor", "applicant")} == {
        "screener": 1, "security": 0, "approver": 0, "auditor": 1, "applicant": 0,
    }  # fmt: skip
    found = voted(desk, found, "security", "security")
    assert {who: seen(who) for who in ("screener", "approver", "applicant")} == {
        "screener": 2,
        "approver": 2,
        "applicant": 0,
    }


def test_waiting_list_shows_each_person_their_own_turn(desk: Desk) -> None:
    people = ("applicant", "officer", "screener", "roads_screener", "security", "approver", "applicant2")

    def waiting() -> set[str]:
        found = set()
        for who in people:
            with desk.read(who) as (work, actor):
                if applications.applications(work, actor, waiting=True)[1]:
                    found.add(who)
        return found

    found = an_application(desk, at=State.DRAFT, ask=an_ask(RESCUES, columns=["event_type"]))
    assert waiting() == {"applicant"}
    found = submitted(desk, found)
    assert waiting() == {"screener"}
    found = screened(desk, found)
    assert waiting() == {"screener", "security"}
    found = voted(desk, found, "screener", "business:parks")
    assert waiting() == {"security"}
    found = voted(desk, found, "security", "security")
    assert waiting() == {"approver"}
    found = decided(desk, found)
    assert waiting() == {"officer"}
    agreed(desk, found)
    assert waiting() == set()
