"""A form that cannot be had of the dataset is told of before anything is sent, granted only knowingly, and kept from coming into force."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import ApplicationRead
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State
from auth.policy.serving import Holding
from auth.policy.wording import forms_named
from core.errors import AccessRefused
from tests.api.test_application_pages import _Form
from tests.datasets.extracts.scene import VENUES, Scene, a_scene
from tests.desk import (
    RESCUES,
    a_desk,
    agreed,
    an_application,
    an_ask,
    concurred,
    proposed,
    reviewed,
    screened,
    submitted,
)
from tests.people import browser_as, client_as

API = "/api/v1"
PRIVATE = ["extract_csv", "query_agg", "query_dp"]
TERMS = {"contributor": "venue_id", "lists": {}, "bounds": {}, "reason": "每个场所为一个贡献者"}
CAPS = {
    "dataset_micro": 4_000_000, "org_micro": 3_000_000, "grant_micro": 2_000_000, "user_micro": 1_500_000, "reason": "年度预算",
}  # fmt: skip


@pytest.fixture
def scene(house: House) -> Scene:
    return a_scene(house)


def _ask(**changes: Any) -> dict[str, Any]:
    given = {
        "forms": PRIVATE,
        "scenario_id": "parking",
        "columns": ["venue_id", "rooms", "area_m2"],
    } | changes
    return an_ask(**given).model_dump(mode="json")


def _codes(answer: Any) -> list[str]:
    assert answer.status_code == 403, answer.text
    return [reason["code"] for reason in answer.json()["reasons"]]


def _deciding(scene: Scene, **changes: Any) -> ApplicationRead:
    given = {
        "forms": PRIVATE,
        "scenario_id": "parking",
        "columns": ["venue_id", "rooms", "area_m2"],
    } | changes
    return an_application(scene.desk, at=State.DECIDING, ask=an_ask(**given))


def _decide(scene: Scene, found: ApplicationRead, **decision: Any) -> Any:
    line = {"line_id": found.lines[0].id, "outcome": "approve"} | decision
    body = {
        "lines": [line],
        "has_no_conflict": True,
        "public_interest": "游客更安全",
        "fairness": "同类申请同等对待",
    }
    path = f"{API}/applications/{found.id}/decide"
    return client_as(scene.house, "approver").post(f"{path}?lang=en", json=body)


def _pending(scene: Scene, awaits: list[str], **changes: Any) -> str:
    """A grant that is agreed and not in force."""
    found = _deciding(scene, **changes)
    made = ApplicationRead.model_validate(_decide(scene, found, awaits=awaits).json())
    return agreed(scene.desk, made).grants[0]


def _activate(scene: Scene, grant_id: str) -> Any:
    return client_as(scene.house, "steward_b").post(f"{API}/grants/{grant_id}/activate", json={})


def _set(scene: Scene, who: str, path: str, body: dict[str, Any]) -> None:
    answer = client_as(scene.house, who).put(f"{API}{path}/{VENUES}", json=body)
    assert answer.status_code < 300, answer.text


def test_the_check_tells_the_applicant_and_lets_him_submit(scene: Scene) -> None:
    applicant = client_as(scene.house, "applicant")
    made = applicant.post(f"{API}/applications", json=_ask()).json()
    said = applicant.get(f"{API}/applications/{made['id']}/precheck?lang=en").json()
    assert [each["code"] for each in said["advice"]] == ["query-terms-missing", "budget-not-set"]
    assert said["advice"][0]["forms"] == ["query_agg", "query_dp"]
    assert "You may submit; no grant comes into force before that." in said["advice"][0]["text"]
    assert "query-terms-missing" not in [each["code"] for each in said["blocking"]]
    _set(scene, "steward_a", "/queries/terms", TERMS)
    said = applicant.get(f"{API}/applications/{made['id']}/precheck").json()
    assert [each["code"] for each in said["advice"]] == ["contribution-bound-missing", "budget-not-set"]


def test_what_the_applicant_can_mend_blocks_and_submitting_says_the_same(scene: Scene) -> None:
    applicant = client_as(scene.house, "applicant")
    made = applicant.post(f"{API}/applications", json=_ask(forms=["verify", "extract_geojson"])).json()
    said = applicant.get(f"{API}/applications/{made['id']}/precheck").json()
    wanting = ["no-geometry-for-form", "verify-key"]
    assert [each["code"] for each in said["blocking"] if each["code"] in wanting] == wanting
    refused = _codes(applicant.post(f"{API}/applications/{made['id']}/submit", json={}))
    assert [code for code in refused if code in wanting] == wanting


def test_a_decision_is_refused_until_it_says_what_has_to_wait_and_that_is_on_record(scene: Scene) -> None:
    found = _deciding(scene)
    both = ["query-terms-missing", "budget-not-set"]
    assert _codes(_decide(scene, found)) == both
    assert _codes(_decide(scene, found, awaits=["query_agg"])) == both, "the private ones lack the terms too"
    assert _codes(_decide(scene, found, awaits=["query_dp"])) == ["query-terms-missing"]
    less = {"outcome": "narrow", "narrowing": {"delivery_forms": ["extract_csv", "query_dp"]}}
    assert _codes(_decide(scene, found, **less)) == both
    made = _decide(scene, found, awaits=["query_agg", "query_dp", "extract_csv"]).json()
    assert made["state"] == "OFFERED"
    with scene.house.read() as work:
        wanted = select(audit.AuditEventRow.payload).where(audit.AuditEventRow.kind == "application.offered")
        (_, payload) = work.db.exec(wanted.order_by(col(audit.AuditEventRow.seq))).all()
    said = json.loads(payload) if isinstance(payload, str) else payload
    assert said["awaits"] == {found.lines[0].id: ["query_agg", "query_dp"]}, "what can be had is not awaited"
    letter = client_as(scene.house, "applicant").get(f"{API}/applications/{found.id}/letter").json()["letter"]
    facts = {name["en"]: value["en"] for name, value in letter["lines"][0]["facts"]}
    assert "extract" in facts["Delivery forms"].lower()
    told = facts["Delivery forms that cannot be had yet"]
    assert told.startswith(forms_named(["query_agg", "query_dp"]).en)
    assert "comes into force no sooner" in told


def test_the_last_signature_asks_anew(house: House) -> None:
    desk = a_desk(house)
    ask = an_ask(RESCUES, columns=["event_id", "event_type"], forms=["query_agg"])
    found = an_application(desk, at=State.DECIDING, ask=ask)
    desk.lacking = Holding()
    with pytest.raises(AccessRefused):
        proposed(desk, found)
    desk.lacking = None
    made = proposed(desk, found)
    assert made.proposal is not None
    desk.lacking = Holding()
    with pytest.raises(AccessRefused) as refused:
        concurred(desk, made)
    assert [reason.code for reason in refused.value.reasons] == ["query-terms-missing"]
    desk.lacking = None
    assert concurred(desk, made).state == State.OFFERED


def test_what_two_decide_keeps_the_word_of_the_first(house: House) -> None:
    desk = a_desk(house)
    desk.lacking = Holding()
    ask = an_ask(RESCUES, columns=["event_id", "event_type"], forms=["query_agg"])
    found = an_application(desk, at=State.DECIDING, ask=ask)
    done = concurred(desk, proposed(desk, found, awaits=["query_agg"]))
    assert done.state == State.OFFERED
    with house.read() as work:
        kinds = ["application.decision-proposed", "application.offered"]
        kept = work.db.exec(
            select(audit.AuditEventRow.payload).where(col(audit.AuditEventRow.kind).in_(kinds))
        )
        said = [json.loads(each) if isinstance(each, str) else each for each in kept]
    assert [each["awaits"] for each in said] == [{found.lines[0].id: ["query_agg"]}] * 2


def test_a_decision_without_the_form_needs_no_word(scene: Scene) -> None:
    less = {"outcome": "narrow", "narrowing": {"delivery_forms": ["extract_csv"]}}
    assert _decide(scene, _deciding(scene), **less).json()["state"] == "OFFERED"


def test_marks_that_a_decision_asks_for_must_be_possible(scene: Scene) -> None:
    found = _deciding(scene, forms=["extract_csv"])
    marked = {"outcome": "narrow", "narrowing": {"safeguards": {"watermark": True}}}
    assert _codes(_decide(scene, found, **marked)) == ["watermark-impossible"]
    assert _decide(scene, found, **marked, awaits=["extract_csv"]).json()["state"] == "OFFERED"


def test_a_grant_comes_into_force_only_once_every_form_can_be_had(scene: Scene) -> None:
    grant_id = _pending(scene, ["query_agg", "query_dp"])
    steward = client_as(scene.house, "steward_b")

    def open_reasons() -> list[str]:
        (command,) = [
            each
            for each in steward.get(f"{API}/grants/{grant_id}/commands").json()["items"]
            if each["command"] == "activate"
        ]
        return [reason["code"] for reason in command["reasons"]]

    for wanting, who, path, body in (
        (["query-terms-missing", "budget-not-set"], "steward_a", "/queries/terms", TERMS),
        (["contribution-bound-missing", "budget-not-set"], "steward_a", "/queries/terms", TERMS | {"per_contributor": 1}),
        (["budget-not-set"], "approver", "/queries/budget", CAPS),
    ):  # fmt: skip
        assert open_reasons() == wanting
        assert _codes(_activate(scene, grant_id)) == wanting
        _set(scene, who, path, body)
    assert open_reasons() == []
    assert _activate(scene, grant_id).json()["is_effective"] is True


def test_an_amendment_waits_likewise_and_the_grant_before_goes_on(scene: Scene) -> None:
    applicant = client_as(scene.house, "applicant")
    made = applicant.post(f"{API}/grants/{scene.grant_id}/amend", json={}).json()
    body = {
        key: made[key] for key in ("scenario_id", "purposes", "purpose_text", "ends_on", "retention_days")
    }
    kept = ("dataset_id", "columns", "row_filter", "quotas", "networks", "members")
    line = {key: made["lines"][0][key] for key in kept} | {"delivery_forms": ["extract_csv", "query_agg"]}
    body |= {"lines": [line], "starts_on": scene.house.clock().date().isoformat()}
    assert applicant.put(f"{API}/applications/{made['id']}", json=body).status_code == 200
    said = applicant.get(f"{API}/applications/{made['id']}/precheck").json()
    assert "query-terms-missing" in [each["code"] for each in said["advice"]]
    with scene.desk.read("applicant") as (work, actor):
        found = applications.application(work, actor, made["id"])
    found = reviewed(scene.desk, screened(scene.desk, submitted(scene.desk, found)))
    assert _codes(_decide(scene, found)) == ["query-terms-missing"]
    offered = ApplicationRead.model_validate(_decide(scene, found, awaits=["query_agg"]).json())
    (grant_id,) = agreed(scene.desk, offered).grants
    assert _codes(_activate(scene, grant_id)) == ["query-terms-missing"]
    officer = client_as(scene.house, "officer")
    assert officer.get(f"{API}/grants/{scene.grant_id}").json()["is_effective"] is True
    _set(scene, "steward_a", "/queries/terms", TERMS)
    assert _activate(scene, grant_id).json()["is_effective"] is True
    assert officer.get(f"{API}/grants/{scene.grant_id}").json()["state"] == "SUPERSEDED"


def test_explaining_names_terms_and_budget_row_by_row(scene: Scene) -> None:
    found = _deciding(scene)
    approver = client_as(scene.house, "approver")

    def rules(form: str) -> dict[str, list[str]]:
        body = {"line_id": found.lines[0].id, "form": form}
        said = approver.post(f"{API}/applications/{found.id}/explain", json=body).json()["rules"]
        return {each["rule"]: [reason["code"] for reason in each["reasons"]] for each in said}

    assert rules("query_dp").items() >= {
        "terms-of-statistics-are-set": ["query-terms-missing"], "contributions-are-bounded": [], "privacy-budget-is-set": ["budget-not-set"]
    }.items()  # fmt: skip
    assert rules("query_agg")["terms-of-statistics-are-set"] == ["query-terms-missing"]
    assert "terms-of-statistics-are-set" not in rules("extract_csv")
    _set(scene, "steward_a", "/queries/terms", TERMS)
    assert rules("query_agg")["terms-of-statistics-are-set"] == []
    tried = approver.post(
        f"{API}/applications/{found.id}/simulate", json={"line_id": found.lines[0].id}
    ).json()
    assert [each["code"] for each in tried["against"]] == ["contribution-bound-missing", "budget-not-set"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_tell_applicant_decider_and_holder(scene: Scene, lang: str) -> None:
    found = _deciding(scene)
    approver = browser_as(scene.house, "approver", lang)
    path = f"/applications/{found.id}/decide"
    line_id = found.lines[0].id
    shown = approver.get(path).text
    word = {"zh": "有交付方式目前不能提供", "en": "Some delivery forms cannot be had as things stand"}[lang]
    assert word in shown
    assert f'name="awaits-{line_id}"' in shown
    fields = {name: value for name, value in _Form(shown).fields.items() if name != "csrf"}
    typed = fields | {f"outcome-{line_id}": ["approve"], "has_no_conflict": ["yes"], "public_interest": ["游客更安全"], "fairness": ["同类申请同等对待"]}  # fmt: skip
    refused = approver.submit(path, **typed)
    assert refused.status_code == 422
    assert {"zh": "待具备后生效", "en": "granted to wait"}[lang] in refused.text
    done = approver.submit(path, **typed, **{f"awaits-{line_id}": ["query_agg", "query_dp"]})
    assert done.status_code == 303, done.text
    officer = client_as(scene.house, "officer")
    offer = officer.get(f"{API}/applications/{found.id}/terms").json()
    assert [each["code"] for each in offer["wanting"]] == ["query-terms-missing", "budget-not-set"]
    wanting = {"zh": "生效之前尚缺", "en": "Wanting before it can come into force"}[lang]
    assert wanting in browser_as(scene.house, "officer", lang).get(f"/applications/{found.id}/terms").text
    made = officer.get(f"{API}/applications/{found.id}").json()
    grant_id = agreed(scene.desk, ApplicationRead.model_validate(made)).grants[0]
    assert officer.get(f"{API}/applications/{found.id}/terms").json()["wanting"] == []
    assert wanting not in browser_as(scene.house, "officer", lang).get(f"/applications/{found.id}/terms").text
    page = browser_as(scene.house, "officer", lang).get(f"/grants/{grant_id}").text
    assert wanting in page


def test_terms_that_this_version_cannot_read_are_shown_as_stored_and_not_accepted(scene: Scene) -> None:
    found = _deciding(scene)
    assert _decide(scene, found, awaits=["query_agg", "query_dp"]).status_code == 200
    with scene.house.write() as work:
        row = work.db.exec(select(ApplicationRow).where(col(ApplicationRow.id) == found.id)).one()
        line = work.db.exec(
            select(ApplicationLineRow).where(col(ApplicationLineRow.application_id) == found.id)
        ).one()
        row.agreement, line.offered = (
            text.replace('"use":"plain"', '"use":"whispered"') for text in (row.agreement, line.offered or "")
        )
        row.agreement_hash = hashlib.sha256(row.agreement.encode()).hexdigest()
        work.db.add(row)
        work.db.add(line)
    officer = client_as(scene.house, "officer")
    path = f"{API}/applications/{found.id}"
    told = officer.get(f"{path}/terms?lang=en").json()
    assert "whispered" in str(told["document"])
    assert [each["code"] for each in told["wanting"]] == ["policy-unenforceable"]
    assert browser_as(scene.house, "officer", "en").get(f"/applications/{found.id}/terms").status_code == 503
    refused = officer.post(f"{path}/accept", json={"version": told["version"], "hash": told["hash"]})
    assert refused.status_code == 503
    assert [each["code"] for each in refused.json()["reasons"]] == ["policy-unenforceable"]
