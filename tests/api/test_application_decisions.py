"""Around a decision, over HTTP, by forms and by commands: two approvers of sensitive data, answers to an offer."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from api.cli.application import app as application_command
from api.house import House, open_house
from tests.api.test_applications import ASK, PEOPLE, _post, _run
from tests.catalog.records import COMPLETE
from tests.datasets.parking import a_parking_dataset
from tests.people import a_person, an_org, browser_as, client_as

SENSITIVE = {"open_type": "C", "open_condition": "须授权", "auth_op_scope": "yes", "data_level": 3}


@pytest.fixture
def house(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work, **(COMPLETE | SENSITIVE))
        for org in ("insurer", "mapper"):
            an_org(work, org)
        for username, org, roles in (
            *PEOPLE,
            ("security", "bureau", ["reviewer_security"]),
            ("traffic_approver", "traffic", ["approver"]),
        ):
            a_person(work, username, org, roles)
    return sqlite_house


def deciding(house: House, ask: dict[str, Any] = ASK) -> dict[str, Any]:
    """An application on level 3 that both stages have passed."""
    applicant = client_as(house, "applicant")
    found = _post(applicant, "/applications", ask)
    at = f"/applications/{found['id']}"
    found = _post(applicant, f"{at}/submit", version=found["version"])
    found = _post(
        client_as(house, "screener"),
        f"{at}/screen",
        {"outcome": "ok", "has_no_conflict": True},
        found["version"],
    )
    for who in ("screener", "security"):
        votes = [{"line_id": line["id"], "vote": "approve"} for line in found["lines"]]
        body = {"has_no_conflict": True, "lines": votes}
        found = _post(client_as(house, who), f"{at}/review", body, found["version"])
    assert found["state"] == "DECIDING"
    return dict(found)


def test_two_approvers_sign_by_forms_and_the_applicant_sees_no_proposal(house: House) -> None:
    found = deciding(house)
    at, line = f"/applications/{found['id']}", found["lines"][0]["id"]
    narrowing = {
        "quotas": {"extracts": 2},
        "extra_filter": {"op": "le", "column": "free", "value": 7},
        "safeguards": {"min_group": 30},
        "columns": [{"name": "free", "use": "masked", "mask": {"kind": "round", "step": 5}}],
    }
    decided = {"line_id": line, "outcome": "narrow", "narrowing": narrowing}
    body = {"lines": [decided], "note": "同意", "has_no_conflict": True}
    made = _post(client_as(house, "approver"), f"{at}/decide", body, found["version"])
    assert (made["state"], made["proposal"]["signed_by"]) == ("DECIDING", ["approver"])
    assert client_as(house, "applicant").get(f"/api/v1{at}").json()["proposal"] is None
    assert "拟定的决定" not in browser_as(house, "applicant").get(at).text
    second = browser_as(house, "traffic_approver")
    shown = second.get(at).text
    assert "拟定的决定，待其他审批人签字或决定" in shown
    assert "该决定将允许的内容" in shown
    refused = second.submit(f"{at}/concur", version=made["version"])
    assert refused.status_code == 422
    assert "利益冲突" in refused.text
    assert second.submit(f"{at}/dissent", version=made["version"]).status_code == 422
    done = second.submit(f"{at}/concur", version=made["version"], has_no_conflict="yes")
    assert done.status_code == 303
    offered = client_as(house, "officer").get(f"/api/v1{at}").json()
    assert (offered["state"], offered["proposal"]) == ("OFFERED", None)
    applicant = browser_as(house, "applicant")
    assert "还可提出 2 次" in applicant.get(at).text
    countered = applicant.submit(f"{at}/counter", version=offered["version"], note="希望延长半年")
    assert countered.status_code == 303
    form = second.get(f"{at}/decide").text
    assert "希望延长半年" in form
    for name, value in (("extracts", "2"), ("fval", "7"), ("min_group", "30")):
        assert re.search(rf'name="{name}-{line}(-0)?"[^>]* value="{value}"', form), name
    assert '<option value="round:5" selected' in form
    assert re.search(rf'name="use-{line}-lot".*?<option value="denied" selected', form, re.S)
    assert client_as(house, "officer").get(f"/api/v1{at}").json()["state"] == "DECIDING"


def test_commands_sign_and_object(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGRANT_DEMO", "true")  # where nobody needs a second factor
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    found = deciding(house)
    for words, user, state in (
        (["decide", found["id"], "approve"], "approver", "DECIDING"),
        (["dissent", found["id"], "--note", "列仍过多"], "traffic_approver", "DECIDING"),
        (["decide", found["id"], "approve"], "approver", "DECIDING"),
        (["concur", found["id"]], "traffic_approver", "OFFERED"),
    ):
        assert _run(house, application_command, *words, user=user)["state"] == state
