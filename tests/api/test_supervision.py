"""Supervision over HTTP: pages, routes and files; refusals and reads of personal data that stand in the record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from auth import audit_reading
from core.ids import ExtractId
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def _events(scene: Scene, kind: str) -> list[dict[str, Any]]:
    with scene.house.read() as work:
        found, _ = audit_reading.events(work, kind=kind, limit=100)
        return [json.loads(event.payload) | {"who": event.actor_name} for event in found]


def _file(client: TestClient, made: ExtractId) -> Any:
    return client.get(f"/api/v1/extracts/{made}/file")


def test_who_took_what_stands_in_the_ledger_to_the_byte(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id", "rooms"])
    sent = _file(client_as(scene.house, "analyst"), made.id).content
    auditor = client_as(scene.house, "auditor")
    found = auditor.get("/api/v1/usage", params={"org_id": "insurer"}).json()
    by_kind = {line["kind"]: line for line in found["items"]}
    assert set(by_kind) == {"charge", "reserved", "delivery", "download"}, "held back, given back, delivered"
    assert by_kind["download"]["sent_bytes"] == len(sent) == by_kind["delivery"]["bytes"]
    assert by_kind["delivery"]["columns"] == ["venue_id", "rooms"]
    assert by_kind["delivery"]["release_number"] == 1
    assert by_kind["download"]["origin"] == "local", "a test client comes from no address"
    assert found["sums"]["bytes"] == auditor.get("/api/v1/supervision").json()["total"]["bytes"] == len(sent)


def test_refused_requests_and_downloads_are_recorded_though_they_roll_back(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id"])
    analyst = client_as(scene.house, "analyst")
    ask = {
        "grant_id": scene.grant_id,
        "purpose": "risk-pricing",
        "scenario_id": "safety",
        "columns": ["secret_note"],
    }
    assert analyst.post("/api/v1/extracts", json=ask).status_code == 403
    scene.suspends()
    assert _file(analyst, made.id).status_code == 403
    found = client_as(scene.house, "auditor").get("/api/v1/usage", params={"kind": "refused"}).json()
    assert [line["reasons"] for line in found["items"]] == [["grant-not-active"], ["column-not-granted"]]
    assert _events(scene, "extract.download_refused")[0]["reasons"] == ["grant-not-active"]
    assert _events(scene, "access.refused") == [], "what is written down once is not written down twice"


def test_a_refusal_at_the_door_is_recorded_once_and_bounded(scene: Scene) -> None:
    analyst = client_as(scene.house, "analyst")
    for _ in range(30):
        assert analyst.get("/api/v1/audit").status_code == 403
    found = _events(scene, "access.refused")
    assert len(found) == 20
    assert found[0] == {
        "method": "GET", "path": "/api/v1/audit", "reasons": ["role-lacks-permission"], "from": "local", "who": "analyst",
    }  # fmt: skip
    assert client_as(scene.house).get("/api/v1/audit").status_code == 401
    assert len(_events(scene, "access.refused")) == 20


def test_a_walk_through_ids_and_wrong_proofs_are_recorded_and_bounded(scene: Scene) -> None:
    stranger = client_as(scene.house, "officer2")
    for number in range(30):
        assert stranger.get(f"/api/v1/grants/{number}").status_code == 404
    assert stranger.get(f"/api/v1/grants/{scene.grant_id}").status_code == 404
    missed = _events(scene, "access.missed")
    assert len(missed) == 20
    assert missed[-1] == {
        "method": "GET", "path": "/api/v1/grants/0", "from": "local", "who": "officer2"
    }  # fmt: skip
    visitor = client_as(scene.house)
    for _ in range(30):
        wrong = visitor.get("/api/v1/me", headers={"authorization": "Bearer pda_0000000000000000_no"})
        assert wrong.status_code == 401
    assert [each["path"] for each in _events(scene, "access.unproven")] == ["/api/v1/me"] * 20
    assert visitor.get(f"/api/v1/grants/{scene.grant_id}").status_code == 401
    body = {"username": "no-such-person", "password": "wrong-password"}
    assert visitor.post("/api/v1/auth/token", json=body).status_code == 401
    assert _events(scene, "account.sign_in_failed")[0]["known"] is False


def test_reading_about_people_is_recorded(scene: Scene) -> None:
    auditor = client_as(scene.house, "auditor")
    for _ in range(3):
        assert auditor.get("/api/v1/users/analyst").status_code == 200
    page = browser_as(scene.house, "auditor")
    assert page.get("/usage").status_code == 200
    assert {(each["who"], each["path"]) for each in _events(scene, "personal.read")} == {
        ("auditor", "/api/v1/users/analyst"), ("auditor", "/usage"),
    }  # fmt: skip
    assert len(_events(scene, "personal.read")) == 2


def test_pages_show_the_figures_in_both_languages(scene: Scene) -> None:
    scene.delivered(columns=["venue_id"])
    for lang, words in (("zh", "监管总览"), ("en", "Supervision")):
        page = browser_as(scene.house, "auditor", lang)
        shown = page.get("/supervision").text
        assert words in shown
        assert "DP-BC-002" in shown
        listed = page.get(
            "/usage", params={"kind": "delivery", "dataset": "DP-BC-002", "since": "2026-03-02"}
        )
        assert "venue_id" in listed.text
        assert page.get("/usage", params={"dataset": "DP-XX-999", "since": "nonsense"}).status_code == 200
    assert browser_as(scene.house, "watch").get("/supervision").status_code == 200
    assert browser_as(scene.house, "analyst").get("/supervision").status_code == 403


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_the_ledger_comes_as_a_file_and_that_is_an_event(scene: Scene, form: str) -> None:
    scene.delivered(columns=["venue_id"])
    answer = client_as(scene.house, "auditor").get("/api/v1/usage/file", params={"form": form})
    assert answer.status_code == 200
    assert f"usage-ledger.{form}" in answer.headers["content-disposition"]
    if form == "json":
        kinds = [line["kind"] for line in answer.json()["items"]]
        assert kinds == ["charge", "reserved", "reserved", "delivery"], (
            "asked for, held back, given back, delivered"
        )
    elif form == "csv":
        assert answer.text.count("\r\n") == 5
    assert _events(scene, "usage.exported")[0]["lines"] == 4
    assert not list(scene.house.settings.scratch_dir.glob("usage-*"))
