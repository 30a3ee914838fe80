"""Networks and a pinned release, agreed as terms of a grant, hold at every way out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api.house import House
from auth.grants.tables import GrantRow
from datasets.sharing import service as sharing
from tests.datasets.extracts.scene import VENUES, Scene, a_scene, a_table
from tests.datasets.queries.scene import a_query_scene
from tests.datasets.sharing.reading import makes, works
from tests.people import client_as

OFFICE, HOME = ("203.0.113.7", 50_000), ("198.51.100.9", 50_000)
NETWORKS = ["203.0.113.0/24"]


def _client(house: House, place: tuple[str, int], who: str | None = "analyst") -> TestClient:
    return client_as(house, who, client=place)


def _codes(answer: Any) -> list[str]:
    said = answer.json()
    return [each if isinstance(each, str) else each["code"] for each in said.get("reasons", [])]


@pytest.mark.slow
def test_files_and_views_leave_to_the_agreed_networks_alone(house: House) -> None:
    scene = a_scene(house, networks=NETWORKS)
    inside, outside = _client(house, OFFICE), _client(house, HOME)
    assert inside.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).status_code == 429
    works(scene)
    body = {"grant_id": scene.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
    root = f"/delta-sharing/shares/safety/schemas/PK/tables/{VENUES}"
    asked = outside.post("/api/v1/extracts", json=body)
    assert (asked.status_code, _codes(asked)) == (403, ["network-not-granted"])
    made = inside.post("/api/v1/extracts", json=body)
    assert made.status_code in (200, 201, 202), made.text
    scene.works()
    file = f"/api/v1/extracts/{made.json()['id']}/file"
    link = inside.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
    path = link.removeprefix("http://127.0.0.1:8000")
    for method, where, more in (
        ("GET", file, {}),
        ("POST", f"/api/v1/grants/{scene.grant_id}/links", {"json": {}}),
        ("GET", f"/api/v1/grants/{scene.grant_id}/rows", {}),
        ("POST", f"{root}/query", {"json": {}}),
        ("GET", f"{root}/changes?startingVersion=1", {}),
        ("GET", f"/api/3/action/datastore_search?resource_id={scene.grant_id}", {}),
        ("GET", f"/datastore/dump/{scene.grant_id}", {}),
    ):
        refused = outside.request(method, where, **more)
        assert refused.status_code == 403, (where, refused.text)
        taken = inside.request(method, where, **more)
        assert taken.status_code in (200, 201), (where, taken.text)
    assert _client(house, HOME, None).get(path).status_code == 403, "the link is bound as well"
    assert _client(house, OFFICE, None).get(path).status_code == 200
    ticket = inside.post(f"/api/v1/extracts/{made.json()['id']}/tickets", json={}).json()
    away = ticket["url"].removeprefix("http://127.0.0.1:8000")
    assert _client(house, HOME, None).get(away).status_code == 403
    refusals = [payload["reasons"] for _, payload in scene.events("view.refused")]
    assert ["network-not-granted"] in refusals


def test_questions_are_answered_in_the_agreed_networks_alone(sqlite_house: House) -> None:
    forms = ["query_agg", "query_dp", "verify", "enclave"]
    scene = a_query_scene(sqlite_house, networks=NETWORKS, forms=forms)
    body = scene.body()
    outside, inside = _client(sqlite_house, HOME), _client(sqlite_house, OFFICE)
    private = {name: value for name, value in body.items() if name != "select"}
    for where, given in (
        ("/api/v1/queries", body),
        ("/api/v1/queries/plan", body),
        ("/api/v1/queries/private", private | {"measure": {"kind": "count"}, "epsilon_micro": 500_000}),
        ("/api/v1/enclave", {"spec": body, "because": "区域风险评估"}),
    ):
        refused = outside.post(where, json=given)
        if where.endswith("/plan") and refused.status_code == 200:
            found = [each["code"] for each in refused.json()["reasons"]]
        else:
            assert refused.status_code == 403, (where, refused.text)
            found = _codes(refused)
        assert "network-not-granted" in found, where
        assert "network-not-granted" not in inside.post(where, json=given).text, where


def _pinned(scene: Scene, release_id: str) -> None:
    """The grant as if it had been agreed so; the way there has a test of its own."""
    with scene.house.write() as work:
        row = work.db.exec(select(GrantRow).where(GrantRow.id == scene.grant_id)).one()
        policy = scene.view().policy.model_copy(update={"pinned_release": release_id})
        policy = type(policy).model_validate(policy.model_dump())
        row.policy, row.policy_hash = policy.canonical().decode(), policy.hash
        work.db.add(row)


def test_a_pinned_release_stays_when_a_newer_one_is_there(house: House) -> None:
    scene = a_scene(house)
    _pinned(scene, scene.release_id)
    newer = scene.releases(a_table(), 2)
    makes(scene)
    analyst = _client(house, OFFICE)
    body = {"grant_id": scene.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
    refused = analyst.post("/api/v1/extracts", json=body | {"release_id": newer})
    assert (refused.status_code, _codes(refused)) == (403, ["release-not-granted"])
    assert analyst.post("/api/v1/extracts", json=body).json()["release_number"] == 1
    rows = f"/api/v1/grants/{scene.grant_id}/rows"
    assert analyst.get(rows).json()["release"] == 1
    assert _codes(analyst.get(rows, params={"release": newer})) == ["release-not-granted"]
    root = f"/delta-sharing/shares/safety/schemas/PK/tables/{VENUES}"
    assert analyst.get(f"{root}/version").headers["delta-table-version"] == "1"
    assert analyst.post(f"{root}/query", json={"version": 2}).status_code == 400
    found = analyst.get("/api/3/action/datastore_search", params={"resource_id": scene.grant_id})
    assert found.json()["result"]["total"] == 5
    page = client_as(house, "analyst").get(f"/grants/{scene.grant_id}/read").text
    assert newer not in page
    scene.withdraws()
    gone = analyst.post("/api/v1/extracts", json=body)
    assert gone.status_code == 403, "nothing else takes its place"
    with house.read() as work:
        assert sharing.versions(work, VENUES, scene.release_id) == []


def test_places_and_release_are_asked_narrowed_agreed_and_taken_over(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, networks=["203.0.113.0/24", "198.51.100.0/24"], quotas={"per_month": 9})
    officer = client_as(sqlite_house, "officer")
    grant = officer.get(f"/api/v1/grants/{scene.grant_id}").json()
    assert grant["policy"]["networks"] == ["203.0.113.0/24", "198.51.100.0/24"]
    assert (grant["quota_per_month"], grant["policy"]["quotas"]["per_month"]) == (9, 9)
    odrl = officer.get(f"/api/v1/grants/{scene.grant_id}/odrl").text
    assert "dg:network" in odrl
    assert "dg:perMonth" in odrl
    for lang, words in (("zh", "每月次数上限"), ("en", "Uses a month at most")):
        page = officer.get(f"/grants/{scene.grant_id}?lang={lang}", headers={"accept": "text/html"}).text
        assert words in page
        assert "198.51.100.0/24" in page
    copied = client_as(sqlite_house, "applicant").post(f"/api/v1/applications/{grant['application_id']}/copy")
    assert copied.status_code in (200, 201), copied.text
    (line,) = copied.json()["lines"]
    assert json.dumps(line["networks"]) == json.dumps(["203.0.113.0/24", "198.51.100.0/24"])
