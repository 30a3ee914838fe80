"""Papers are shown to the malware scanner that is configured, before anything of them is kept. Against a process that speaks its protocol."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.papers.tables import PaperFileRow
from core.settings import Settings
from tests.api.test_applications import house
from tests.api.test_papers import at
from tests.clamd import EICAR, SIGNATURE, a_clamd
from tests.desk import A_PDF
from tests.people import browser_as, client_as

__all__ = ["at", "house"]  # the fixtures

BAD = A_PDF + b" " + EICAR


@pytest.fixture(scope="module")
def clamd() -> Iterator[str]:
    with a_clamd() as address:
        yield address


def _with(house: House, address: str) -> House:
    return replace(house, settings=house.settings.model_copy(update={"clamd": address, "clamd_seconds": 1}))


def _supply(house: House, at: str, content: bytes, version: int | None = None) -> Any:
    body = {"name": "方案.pdf", "content_base64": base64.b64encode(content).decode(), "version": version}
    return client_as(house, "applicant").post(f"/api/v1/applications/{at}/papers/plan/supply", json=body)


def _files(house: House) -> list[PaperFileRow]:
    with house.read() as work:
        return list(work.db.exec(select(PaperFileRow)))


def _kinds(house: House) -> list[str]:
    with house.read() as work:
        return list(work.db.exec(select(audit.AuditEventRow.kind)))


def test_clean_papers_are_taken_and_infected_ones_kept_nowhere(house: House, at: str, clamd: str) -> None:
    there = _with(house, clamd)
    refused = _supply(there, at, BAD)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "paper-infected")
    assert SIGNATURE in refused.text
    assert _files(house) == []
    assert "paper.infected" in _kinds(house)
    taken = _supply(there, at, A_PDF).json()
    assert (taken["state"], taken["scan"]) == ("SUPPLIED", "clean")
    page = browser_as(there, "applicant", "en").get(f"/applications/{at}/papers").text
    assert "scanned: clean" in page
    strange = client_as(there, "elsewhere").post(
        f"/api/v1/applications/{at}/papers/plan/supply",
        json={"name": "x", "content_base64": base64.b64encode(A_PDF).decode()},
    )
    assert strange.status_code == 404


@pytest.mark.parametrize("way", ["silent", "closes", "limit"])
def test_without_the_scanners_word_nothing_is_taken_and_it_can_be_tried_again(
    house: House, at: str, way: str
) -> None:
    with a_clamd(way) as address:
        refused = _supply(_with(house, address), at, A_PDF)
    assert (refused.status_code, _files(house)) == (503, [])
    assert "try again" in refused.text or "重试" in refused.text
    with a_clamd() as address:
        assert _supply(_with(house, address), at, A_PDF).json()["scan"] == "clean"


def test_where_none_is_configured_it_says_so(house: House, at: str) -> None:
    assert _supply(house, at, BAD).json()["scan"] == "not_scanned"
    page = browser_as(house, "applicant", "en").get(f"/applications/{at}/papers").text
    assert "not scanned: no scanner configured" in page


def test_what_came_before_the_scanner_is_scanned_when_the_application_is_submitted(
    house: House, at: str, clamd: str
) -> None:
    assert _supply(house, at, BAD).status_code == 200
    applicant = client_as(house, "applicant")
    seen = applicant.get(f"/api/v1/applications/{at}").json()["version"]
    confirmed = applicant.post(f"/api/v1/applications/{at}/confirm", json={"version": seen}).json()["version"]
    body = {"version": confirmed}
    with a_clamd("closes") as address:
        none = client_as(_with(house, address), "applicant").post(
            f"/api/v1/applications/{at}/submit", json=body
        )
    assert none.status_code == 503
    there = _with(house, clamd)
    page = browser_as(there, "applicant", "en")
    assert "handed in before there was a scanner" in page.get(f"/applications/{at}/papers").text
    shown = page.submit(f"/applications/{at}/submit", version=confirmed)
    assert (shown.status_code, "paper-infected" in shown.text) == (422, True)
    refused = client_as(there, "applicant").post(f"/api/v1/applications/{at}/submit", json=body)
    assert [each["code"] for each in refused.json()["reasons"]] == ["paper-infected"]
    file = client_as(there, "applicant").get(f"/api/v1/applications/{at}/papers/plan/file")
    assert file.status_code == 403, "nobody is handed what is infected"
    assert "paper.scanned" in _kinds(house)
    version = next(
        each["version"]
        for each in applicant.get(f"/api/v1/applications/{at}/papers").json()["items"]
        if each["key"] == "plan"
    )
    assert _supply(there, at, A_PDF, version).json()["scan"] == "clean"
    done = client_as(there, "applicant").post(f"/api/v1/applications/{at}/submit", json=body)
    assert done.json()["state"] == "SUBMITTED", done.text


def test_an_address_that_is_none_is_refused_when_the_service_starts() -> None:
    with pytest.raises(ValueError, match="host:port"):
        Settings(clamd="http://clamd")
