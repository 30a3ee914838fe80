"""The decision letter: what it says, in which bytes, who may have it, and that it never changes once issued."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from importlib import resources
from pathlib import Path

import pytest
from sqlmodel import col, select

from api.cli.application import app as application_command
from api.house import House, open_house
from api.letters import pdf
from auth import audit
from auth.applications.letters import Letter, Said, outcome_of
from auth.identity.tables import OrganisationRow
from core import bases
from tests.api.test_applications import ASK, _granted, _offered, _post, _run, house
from tests.people import browser_as, client_as

__all__ = ["house"]  # the fixture


def _issued(house: House) -> list[dict[str, object]]:
    wanted = select(audit.AuditEventRow.payload).where(
        col(audit.AuditEventRow.kind) == "application.letter_issued"
    )
    with house.read() as work:
        return [json.loads(payload) for payload in work.db.exec(wanted)]


@pytest.mark.parametrize(
    ("decisions", "step", "outcome"),
    [
        (["approve", "approve"], "offer", "approved"), (["narrow"], "offer", "partial"), (["approve", "reject"], "offer", "partial"),
        (["reject", "reject"], "reject", "refused"), (["", ""], "screen_reject", "not-accepted"),
    ],
)  # fmt: skip
def test_outcome_of_a_decision(decisions: list[str], step: str, outcome: str) -> None:
    assert outcome_of(decisions, step) == outcome


def test_letter_is_issued_once_and_keeps_its_bytes_when_names_change(house: House) -> None:
    found = _granted(house)
    at = f"/api/v1/applications/{found['id']}/letter"
    applicant = client_as(house, "applicant")
    first = applicant.get(f"{at}.pdf")
    assert first.content.startswith(b"%PDF-")
    assert first.headers["x-sha256"] == hashlib.sha256(first.content).hexdigest()
    with house.write() as work:
        work.db.get_one(OrganisationRow, "insurer").name_zh = "更名之后"
    again = client_as(house, "approver").get(f"{at}.pdf")
    assert again.content == first.content
    said = applicant.get(at).json()
    assert (said["sha256"], said["letter"]["outcome"]) == (first.headers["x-sha256"], "partial")
    (line,) = said["letter"]["lines"]
    assert [name.split()[0] for name, _ in line["columns"]] == ["lot", "free"]
    assert all(each["source"] for each in said["letter"]["basis"] + said["letter"]["remedies"])
    assert [each["sha256"] for each in _issued(house)] == [said["sha256"]]


def test_same_letter_makes_the_same_bytes_and_nothing_typed_is_markup(house: House) -> None:
    found = _offered(house)
    said = client_as(house, "applicant").get(f"/api/v1/applications/{found['id']}/letter").json()["letter"]
    letter = Letter.model_validate(said)
    hostile = letter.model_copy(update={"applicant": Said(zh="<b>&<para>\x00甲", en="<font name=x>")})
    for each in (letter, hostile):
        assert pdf(each) == pdf(each)


def test_no_letter_before_a_decision_nor_outside_sight(house: House) -> None:
    draft = _post(client_as(house, "applicant"), "/applications", ASK)
    assert client_as(house, "applicant").get(f"/api/v1/applications/{draft['id']}/letter").status_code == 409
    found = _offered(house)
    assert (
        client_as(house, "applicant2").get(f"/api/v1/applications/{found['id']}/letter.pdf").status_code
        == 404
    )
    assert _issued(house) == []


def test_a_refusal_at_the_door_has_a_letter_with_its_reason(house: House) -> None:
    applicant = client_as(house, "applicant")
    found = _post(applicant, "/applications", ASK)
    at = f"/applications/{found['id']}"
    found = _post(applicant, f"{at}/submit", version=found["version"])
    body = {
        "has_no_conflict": True,
        "outcome": "reject",
        "reason_code": "purpose-unclear",
        "note": "用途与场景不符",
    }
    _post(client_as(house, "screener"), f"{at}/screen", body, found["version"])
    said = applicant.get(f"/api/v1{at}/letter").json()["letter"]
    assert said["outcome"] == "not-accepted"
    assert [each["zh"] for each in said["lines"][0]["reasons"]] == [
        "用途不明确或与场景不符",
        "用途与场景不符",
    ]
    assert said["conditions"] == []
    page = browser_as(house, "applicant", lang="en").get(f"{at}/letter")
    assert "Not accepted for review" in page.text
    assert "Administrative reconsideration" in page.text


def test_a_new_decision_after_a_counter_proposal_is_a_new_letter(house: House) -> None:
    found = _offered(house)
    at = f"/applications/{found['id']}"
    applicant = client_as(house, "applicant")
    first = applicant.get(f"/api/v1{at}/letter").json()
    back = _post(applicant, f"{at}/counter", {"note": "希望延长半年"}, found["version"])
    assert applicant.get(f"/api/v1{at}/letter").status_code == 409
    lines = [{"line_id": each["id"], "outcome": "approve", "note": "说明充分"} for each in back["lines"]]
    _post(
        client_as(house, "approver"),
        f"{at}/decide",
        {"lines": lines, "has_no_conflict": True},
        back["version"],
    )
    second = applicant.get(f"/api/v1{at}/letter").json()
    assert second["letter"]["outcome"] == "approved"
    assert second["letter"]["number"] != first["letter"]["number"]
    assert len(_issued(house)) == 2


def test_command_writes_the_pdf(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    found, out = _offered(house), tmp_path / "letter.pdf"
    said = _run(house, application_command, "letter", found["id"], "--out", str(out), user="applicant")
    assert said["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_every_source_is_said_in_the_readers_language() -> None:
    known = json.loads(resources.files("auth.applications").joinpath("letter.json").read_text("utf-8"))
    sources = {each["source"] for part in ("basis", "conditions", "remedies") for each in known[part]}
    assert len(sources) > 3
    assert [said for each in sources if re.search("[a-z]{3}", said := bases.said(each, "zh"))] == []
