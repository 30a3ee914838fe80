"""Webhooks of what stops grants: each organisation hears of its own licence, agreements, consents, reviews; of an anomaly the bureau alone. On both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import deadlines
from auth.agreements import service as agreements
from auth.agreements.workflow import Step as AgreementStep
from auth.anomalies import service as anomalies
from auth.anomalies.config import shipped
from auth.anomalies.rules import Action, Found, Rule
from auth.anomalies.workflow import Step as AnomalyStep
from auth.casework.book import CaseStep
from auth.grants.tables import GrantRow
from auth.identity import accounts, licence
from auth.identity.licence import LicenceStep
from auth.identity.licence import Step as LicenceAct
from auth.reviews import service as reviews
from auth.reviews.found import granted
from auth.reviews.workflow import Step as ReviewStep
from auth.webhooks import routing
from auth.webhooks.tables import EndpointRow
from core.text import Text
from tests.api.test_webhooks import an_endpoint, listening, rows
from tests.auth.agreements.scene import an_agreement, with_planner
from tests.auth.consents.test_consents import _confirmed, _withdrawn
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_grant
from tests.people import a_person


def _heard(desk: Desk, who: str) -> list[tuple[str, dict[str, Any]]]:
    """What is queued for the endpoint of this person's organisation."""
    with desk.house.read() as work:
        (endpoint,) = work.db.exec(
            select(EndpointRow.id).where(EndpointRow.account_id == accounts.account_row(work, who).id)
        ).all()
        found = [row for row in rows(desk) if row.endpoint_id == endpoint]
    return [(row.kind, json.loads(row.body)["data"]) for row in found]


LISTENERS = ("officer", "officer2", "watch", "steward_a", "steward_c")


@pytest.fixture
def listened(house: House, clock: TestClock) -> Desk:
    """The holder, another enterprise, the bureau, the department and another one listen; the insurer holds a grant on shared data."""
    desk = listening(house)
    desk.known[PARKS.dataset_id] = replace(PARKS, is_shared=True)
    with_planner(desk)
    with desk.house.write() as work:
        a_person(work, "steward_c", "roads", ["steward"])
    clock.forward(minutes=1)
    for name in LISTENERS:
        an_endpoint(desk, name, "http://127.0.0.1:9/hook")
    clock.forward(minutes=1)
    return desk


def _whole(desk: Desk, wanted: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    with desk.house.write() as work:
        routing.route(work, lambda *_: None, tell=lambda *_: None)
    found = {}
    for name in LISTENERS:
        if heard := [each for each in _heard(desk, name) if each[0].startswith(wanted)]:
            found[name] = heard
    return found


def test_a_licence_is_told_to_its_organisation_and_the_bureau(listened: Desk, clock: TestClock) -> None:
    secret = "经核查暂停资格的内部理由"
    with listened.write("watch") as (work, actor):
        licence.take(work, actor, "insurer", LicenceStep(step=LicenceAct.SUSPEND, note=secret))
    with listened.write("approver") as (work, actor):
        licence.take(work, actor, "insurer", LicenceStep(step=LicenceAct.RESUME, note=secret))
    clock.now = clock.now.replace(year=2028, month=1, day=5)
    with listened.house.write() as work:
        deadlines.note_due(work)
    said = [
        ("licence.suspended", {"org_id": "insurer", "state": "SUSPENDED", "valid_to": "2027-12-31"}),
        ("licence.resumed", {"org_id": "insurer", "state": "QUALIFIED", "valid_to": "2027-12-31"}),
        ("licence.lapsed", {"org_id": "insurer", "state": "LAPSED", "valid_to": "2027-12-31"}),
    ]
    other = [("licence.lapsed", {"org_id": "mapper", "state": "LAPSED", "valid_to": "2027-12-31"})]
    heard = _whole(listened, "licence.")
    assert heard["officer"] == said
    assert heard["officer2"] == other
    assert sorted(map(str, heard["watch"])) == sorted(map(str, said + other))
    assert set(heard) == {"officer", "officer2", "watch"}


def test_an_agreement_is_told_to_its_operator_and_the_bureau(listened: Desk) -> None:
    made = an_agreement(listened)
    with listened.write("approver") as (work, actor):
        agreements.step(work, actor, made.id, AgreementStep.TERMINATE, CaseStep(note="经协商提前终止"))
    says = {"agreement_id": made.id, "operator_id": "insurer"}
    said = [
        ("agreement.activated", says | {"state": "ACTIVE"}),
        ("agreement.terminated", says | {"state": "TERMINATED"}),
    ]
    assert _whole(listened, "agreement.") == {"officer": said, "watch": said}


@pytest.mark.parametrize("is_covered", [False, True])
def test_a_consent_is_told_to_those_whose_grants_stop_and_the_bureau(
    listened: Desk, *, is_covered: bool
) -> None:
    given = _confirmed(listened)
    a_grant(listened)
    if is_covered:
        _confirmed(listened)
    _withdrawn(listened, given.id)
    said = [("consent.withdrawn", {"consent_id": given.id, "dataset_id": PARKS.dataset_id, "state": "WITHDRAWN"})]  # fmt: skip
    stopped = {} if is_covered else {"officer": said}
    assert _whole(listened, "consent.") == {"watch": said, "steward_a": said} | stopped


def test_an_anomaly_is_the_bureaus_and_the_holder_hears_that_it_slows_him_down(listened: Desk) -> None:
    _confirmed(listened)
    grant = a_grant(listened)
    with listened.house.write() as work:
        row = work.db.get_one(GrantRow, grant.id)
        setting = replace(shipped()[Rule.DENIED_BURST], action=Action.THROTTLE)
        anomalies._enter(work, row, setting, Found(Rule.DENIED_BURST, 9, 5, Text("九次", "nine")))
    with listened.read("watch") as (work, actor):
        (found,), _ = anomalies.anomalies(work, actor)
    with listened.write("watch") as (work, actor):
        body = CaseStep(note="已与持有方核实", version=found.version)
        anomalies.close(work, actor, found.id, AnomalyStep.DISMISS, body)
    says = {"anomaly_id": found.id, "grant_id": grant.id, "rule": "denied_burst", "action": "throttle"}
    assert _whole(listened, "anomaly.") == {
        "watch": [("anomaly.found", says | {"state": "OPEN"}), ("anomaly.dismissed", says | {"state": "FALSE_ALARM"})]
    }  # fmt: skip
    slow = [("grant.throttled", {"grant_id": grant.id, "state": "ACTIVE"}), ("grant.unthrottled", {"grant_id": grant.id, "state": "ACTIVE"})]  # fmt: skip
    heard = {name: [each for each in said if "throttled" in each[0]] for name, said in _whole(listened, "grant.").items()}  # fmt: skip
    assert heard == {"officer": slow, "watch": slow, "steward_a": slow}


def test_of_a_certification_the_holder_hears_what_he_must_amend(listened: Desk) -> None:
    _confirmed(listened)
    grant = a_grant(listened)
    with listened.write("watch") as (work, actor):
        campaign = reviews.open_campaign(work, actor, reviews.CampaignOpen())
    with listened.write("steward_a") as (work, actor):
        (found,), _ = reviews.reviews(work, actor)
        gone = sorted(granted(work.db.get_one(GrantRow, grant.id)))[:1]
        answer = {
            "outcome": "narrow",
            "columns": gone,
            "note": "这一列用途已经消失",
            "version": found.version,
        }
        reviews.answer(work, actor, found.id, reviews.ReviewAnswer.model_validate(answer))
    with listened.write("approver") as (work, actor):
        reviews.decide(work, actor, found.id, ReviewStep.CONFIRM, CaseStep())
    heard = _whole(listened, "review.")
    assert {name: [kind for kind, _ in said] for name, said in heard.items()} == {
        "officer": ["review.narrowed"],
        "watch": ["review.opened", "review.narrowed"],
        "steward_a": ["review.opened", "review.narrowed"],
    }
    ((_, said),) = heard["officer"]
    assert said | {"due_on": ""} == {"review_id": found.id, "grant_id": grant.id, "kind": "certification", "state": "NARROWING", "due_on": ""}  # fmt: skip
    opened = [("campaign.opened", {"campaign_id": campaign.id, "period": campaign.period, "state": "OPEN", "due_on": str(campaign.due_on)})]  # fmt: skip
    assert _whole(listened, "campaign.") == {"watch": opened, "steward_a": opened}
