"""Shared data enter a grant only with the consent of whoever shared them; withdrawn or over, use stops at that instant."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.applications import service as applications
from auth.applications.workflow import State as ApplicationState
from auth.casework.book import CaseStep
from auth.consents import rules, service
from auth.consents.rules import Consent, Need
from auth.consents.service import ConsentCreate, ConsentRead
from auth.consents.workflow import MOVES, State, Step, advance
from auth.grants import reading
from auth.roles import Role
from core.errors import AccessRefused, InputRefused, NotFound, TransitionRefused
from tests.conftest import TestClock
from tests.desk import PARKS, RESCUES, Desk, a_desk, a_grant, activated, an_application, codes, decided, kinds
from tests.people import browser_as, client_as

DAY = date(2026, 3, 2)
SHARED = replace(PARKS, is_shared=True)
SHA = "c" * 64


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    desk.known[PARKS.dataset_id] = SHARED
    return desk


def test_only_the_table_moves_a_consent() -> None:
    for state, step, role in itertools.product(State, Step, Role):
        move = MOVES.get((state, step))
        if move is not None and role in move.by:
            assert advance(state, step, frozenset({role})) is move.to
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, frozenset({role}))


names = st.frozensets(st.sampled_from("abcd"))
moments = st.integers(0, 20).map(lambda n: DAY + timedelta(n))
consents = st.builds(
    Consent, st.uuids().map(str), st.just("x"), st.none() | names, st.none() | names, moments, moments
)
needs = st.builds(Need, st.just("D"), names, st.sampled_from("abcd"), moments, moments)


@given(needs, st.lists(consents, max_size=4))
def test_one_consent_alone_covers_or_none_does(need: Need, known: list[Consent]) -> None:
    def holds(each: Consent) -> bool:
        return (
            (each.columns is None or all(name in each.columns for name in need.columns))
            and (each.scenarios is None or need.scenario_id in each.scenarios)
            and each.starts_on <= need.starts_on
            and each.ends_on >= need.ends_on
        )

    found = rules.objections(need, known)
    assert (found == ()) is any(map(holds, known))
    assert not found or found[0].code == ("source-consent-outside" if known else "source-consent-missing")


def _entered(desk: Desk, who: str = "steward_a", **changes: Any) -> ConsentRead:
    body = {
        "dataset_id": PARKS.dataset_id, "provider": "市交通运输局", "signatory": "李处长", "consented_on": "2026-02-20",
        "starts_on": "2026-01-01", "ends_on": "2028-12-31", "evidence_name": "同意函.pdf", "evidence_sha256": SHA,
    }  # fmt: skip
    with desk.write(who) as (work, actor):
        return service.enter(work, actor, ConsentCreate.model_validate(body | changes), assets=desk.assets)


def _confirmed(desk: Desk, **changes: Any) -> ConsentRead:
    made = _entered(desk, **changes)
    with desk.write("screener") as (work, actor):
        return service.check(work, actor, made.id, Step.CONFIRM, CaseStep(version=1))


def _withdrawn(desk: Desk, consent_id: str) -> None:
    with desk.write("watch") as (work, actor):
        service.withdraw(work, actor, consent_id, CaseStep(note="提供单位来函撤回"))


def _why_not(desk: Desk, grant_id: str) -> list[str]:
    with desk.read("officer") as (work, actor):
        return [each["code"] for each in reading.grant(work, actor, grant_id).why_not]  # type: ignore[arg-type]


def test_the_precheck_names_it_and_submitting_waits_for_it(desk: Desk) -> None:
    draft = an_application(desk, at=ApplicationState.DRAFT)
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets).blocking
    assert [each.code for each in said] == ["source-consent-missing"]
    _entered(desk)  # entered and not checked does not count
    with pytest.raises(AccessRefused) as refused:
        an_application(desk)
    assert codes(refused) == ["source-consent-missing"]
    _confirmed(desk, columns=["venue_id"])
    with pytest.raises(AccessRefused) as refused:
        an_application(desk)
    assert refused.value.reasons[0].facts["lacks"] == ["columns"]
    _confirmed(desk)
    assert an_application(desk).state == ApplicationState.SUBMITTED


def test_withdrawing_names_the_grants_that_stop_and_stops_them_at_once(desk: Desk, clock: TestClock) -> None:
    narrow, wide = _confirmed(desk, scenarios=["safety"]), _confirmed(desk)
    grant = a_grant(desk)
    _withdrawn(desk, narrow.id)
    assert _why_not(desk, grant.id) == []
    with desk.read("auditor") as (work, actor):
        assert [each.grant_id for each in service.stops(work, actor, wide.id)] == [grant.id]
    waiting = an_application(desk, at=ApplicationState.DECIDING, columns=["venue_id"], scenario_id="weather")
    _withdrawn(desk, wide.id)
    assert _why_not(desk, grant.id) == ["source-consent-missing"]
    with pytest.raises(AccessRefused) as refused:
        decided(desk, waiting)
    assert codes(refused) == ["source-consent-missing"]
    _confirmed(desk, ends_on="2026-06-30")
    assert _why_not(desk, grant.id) == []
    clock.now = clock.now.replace(month=6, day=30, hour=16)  # midnight in China
    assert _why_not(desk, grant.id) == ["source-consent-outside"]
    assert kinds(desk).count("consent.withdrawn") == 2


def test_data_that_turn_out_to_be_shared_are_neither_activated_nor_used(desk: Desk) -> None:
    desk.known[PARKS.dataset_id] = PARKS
    pending, live = a_grant(desk, at="PENDING"), a_grant(desk, columns=["venue_name"])
    desk.known[PARKS.dataset_id] = SHARED
    with pytest.raises(AccessRefused) as refused:
        activated(desk, pending.id)
    assert "source-consent-missing" in codes(refused)
    from auth.grants import queries
    from auth.policy import rules as policy_rules
    from auth.policy.rules import Case

    with desk.house.read() as work:
        view = queries.view(work, live.id)
    case = Case(None, view, SHARED, None, None)  # type: ignore[arg-type]
    assert [each.code for each in policy_rules._dataset_is_grantable(case)] == ["source-consent-missing"]


def test_who_enters_does_not_check_and_strangers_see_nothing(desk: Desk) -> None:
    made = _entered(desk, "screener")
    with desk.write("screener") as (work, actor), pytest.raises(AccessRefused) as refused:
        service.check(work, actor, made.id, Step.CONFIRM, CaseStep())
    assert codes(refused) == ["enterer-does-not-check"]
    with desk.write("roads_screener") as (work, actor), pytest.raises(NotFound):
        service.check(work, actor, made.id, Step.CONFIRM, CaseStep())
    with pytest.raises(NotFound):
        _entered(desk, "roads_screener")
    for wrong in ({"columns": ["nothing"]}, {"scenarios": ["nothing"]}, {"ends_on": "2025-01-01"}):
        with pytest.raises(InputRefused):
            _entered(desk, **wrong)
    assert client_as(desk.house, "applicant").get(f"/api/v1/consents/{made.id}").status_code == 403


def test_pages_and_routes_say_what_stops(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    consent = _confirmed(desk)
    grant = a_grant(desk)
    place = f"/consents/{consent.id}"
    steward, checker = browser_as(desk.house, "steward_a"), client_as(desk.house, "auditor")
    assert "同意函.pdf" in steward.get(place).text
    assert grant.id[:13] in steward.get(place).text
    assert (
        checker.get(f"/api/v1{place}/grants").json()["items"][0]["reasons"][0]["code"]
        == "source-consent-missing"
    )
    assert steward.submit(f"{place}/withdraw", version="2", note="").status_code == 422
    assert steward.submit(f"{place}/withdraw", version="2", note="提供单位来函撤回").status_code == 303
    assert "已撤回" in steward.get("/consents?state=WITHDRAWN").text
    monkeypatch.setattr("api.pages.consents.assets", lambda _, which: desk.assets(which))
    kept = steward.submit(
        "/consents", dataset_id=RESCUES.dataset_id, provider="市应急局", signatory="王处长", columns="nothing"
    )
    assert (kept.status_code, "市应急局" in kept.text) == (422, True)
