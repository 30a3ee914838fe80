"""Delta Sharing's routes and the signed links over HTTP, without the client: shapes, refusals, pages of lists."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from datasets.sharing.tables import ShareKeyRow
from tests.conftest import TestClock
from tests.datasets.extracts.scene import VENUES, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes
from tests.people import a_person, client_as

ROOT = "/delta-sharing"
TABLE = f"{ROOT}/shares/safety/schemas/PK/tables/{VENUES}"
DELTA = {"delta-sharing-capabilities": "responseformat=delta,parquet;readerfeatures=deletionvectors"}


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.fixture
def analyst(scene: Scene) -> TestClient:
    return client_as(scene.house, "analyst")


def _lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    return [json.loads(line) for line in answer.text.splitlines()]


def _path(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:8000")


def test_shares_schemas_and_tables_follow_the_grant(analyst: TestClient, scene: Scene) -> None:
    assert analyst.get(f"{ROOT}/shares").json() == {"items": [{"name": "safety", "id": "safety"}]}
    assert analyst.get(f"{ROOT}/shares/SAFETY").json() == {"share": {"name": "safety", "id": "safety"}}
    table = {"name": VENUES, "schema": "PK", "share": "safety", "id": scene.grant_id}
    assert analyst.get(f"{ROOT}/shares/safety/schemas").json() == {
        "items": [{"name": "PK", "share": "safety"}]
    }
    assert analyst.get(f"{ROOT}/shares/safety/schemas/pk/tables").json() == {"items": [table]}
    assert analyst.get(f"{ROOT}/shares/旅游安全/all-tables?maxResults=1").json() == {"items": [table]}
    scene.suspends()
    assert analyst.get(f"{ROOT}/shares").json() == {"items": []}


def test_building_is_429_and_then_both_forms_answer(analyst: TestClient, scene: Scene) -> None:
    early = analyst.get(f"{TABLE}/metadata")
    assert (early.status_code, early.json()["errorCode"]) == (429, "RESOURCE_EXHAUSTED")
    view = makes(scene)
    plain = analyst.post(f"{TABLE}/query", json={"limitHint": 2})
    assert plain.headers["delta-table-version"] == "1"
    protocol, meta, file = _lines(plain)
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    assert {field["name"] for field in json.loads(meta["metaData"]["schemaString"])["fields"]} >= {"venue_id"}
    assert (file["file"]["id"], file["file"]["size"]) == (view.id, view.size_bytes)
    kernel = _lines(analyst.post(f"{TABLE}/query", json={}, headers=DELTA))
    assert kernel[0]["protocol"]["deltaProtocol"]["minWriterVersion"] == 4
    assert "sp=r" in kernel[2]["file"]["deltaSingleAction"]["add"]["path"]
    assert scene.view().used.rows == 0  # nothing left yet


def test_versions_and_changes_are_releases(analyst: TestClient, scene: Scene, clock: TestClock) -> None:
    makes(scene)
    first = clock.now
    clock.now += timedelta(hours=2)
    makes(scene, scene.releases(a_table(), 2))
    assert analyst.head(TABLE).headers["delta-table-version"] == "2"
    after = (first + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    asked = {"startingTimestamp": first.isoformat().replace("+00:00", "Z")}
    assert analyst.get(f"{TABLE}/version", params=asked).headers["delta-table-version"] == "1"
    assert (
        analyst.get(f"{TABLE}/version", params={"startingTimestamp": after}).headers["delta-table-version"]
        == "2"
    )
    at = _lines(analyst.get(f"{TABLE}/metadata", params={"timestamp": after}))
    assert at[1]["metaData"]["version"] == 1
    kinds = [next(iter(line)) for line in _lines(analyst.get(f"{TABLE}/changes?startingVersion=1"))]
    assert kinds == ["protocol", "metaData", "add", "remove", "add"]
    kinds = [
        next(iter(line)) for line in _lines(analyst.get(f"{TABLE}/changes?startingVersion=2&endingVersion=2"))
    ]
    assert kinds == ["protocol", "metaData", "remove", "add"]


def test_bad_questions_are_400_and_never_500(analyst: TestClient, scene: Scene) -> None:
    makes(scene)
    for path in (
        "metadata?version=9", "metadata?version=-1", "metadata?version=x", "metadata?version=1&timestamp=2026-01-01T00:00:00Z",
        "metadata?timestamp=2001-01-01T00:00:00Z", "metadata?timestamp=yesterday", "changes", "changes?startingVersion=7",
        "changes?startingVersion=1&startingTimestamp=2026-01-01T00:00:00Z", "version?startingTimestamp=2999-01-01T00:00:00Z",
        "changes?startingVersion=1&endingVersion=0", "changes?startingVersion=1&pageToken=x",
    ):  # fmt: skip
        answer = analyst.get(f"{TABLE}/{path}")
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_PARAMETER_VALUE"), path
    for body in (
        {"version": -1},
        {"pageToken": "x"},
        {"refreshToken": "x"},
        {"refreshToken": "v9"},
        {"refreshToken": "v1", "version": 1},
        {"limitHint": -1},
        {"startingVersion": 1, "version": 1},
        [],
    ):
        assert analyst.post(f"{TABLE}/query", json=body).status_code == 400, body
    for path in (
        "shares/none",
        "shares/none/schemas",
        "shares/safety/schemas/XX/tables",
        "shares/safety/schemas/PK/tables/NO/metadata",
    ):
        assert analyst.get(f"{ROOT}/{path}").json()["errorCode"] == "RESOURCE_DOES_NOT_EXIST", path
    assert client_as(scene.house).get(f"{ROOT}/shares").status_code == 401
    assert client_as(scene.house, "auditor").get(f"{ROOT}/shares").status_code == 403


def test_a_profiles_key_reads_its_grant_and_nothing_else(
    analyst: TestClient, scene: Scene, clock: TestClock
) -> None:
    makes(scene)
    made = analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={"days": 30})
    profile = made.json()
    assert (profile["shareCredentialsVersion"], profile["endpoint"]) == (
        1,
        "http://127.0.0.1:8000/delta-sharing",
    )
    assert analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={"days": 181}).status_code == 422
    key = TestClient(analyst.app, headers={"Authorization": f"Bearer {profile['bearerToken']}"})
    assert len(key.get(f"{ROOT}/shares/safety/all-tables").json()["items"]) == 1
    assert key.get("/api/v1/extracts").status_code == 403
    once = {"idempotency-key": "a"}  # what is kept for a repetition would keep the key
    assert analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={}, headers=once).status_code == 422
    again = key.post(f"/api/v1/grants/{scene.grant_id}/profile", json={"days": 180})
    assert again.json() == profile, "a key's profile holds that key, and its end stays"
    other = key.post(f"/api/v1/grants/{scene.grant_id}/profile", json={"purpose": "research"})
    assert [each["code"] for each in other.json()["reasons"]] == ["purpose-of-key"]
    with scene.house.write() as work:
        row = work.db.exec(service_select()).one()
        row.grant_id = "another"
        work.db.add(row)
    assert key.get(f"{ROOT}/shares").json() == {"items": []}
    assert key.get(f"/api/v1/grants/{scene.grant_id}/views").status_code == 404
    clock.now += timedelta(days=31)
    assert key.get(f"{ROOT}/shares").status_code == 401


def service_select() -> Any:
    from sqlmodel import select

    return select(ShareKeyRow)


def test_a_link_reads_with_ranges_and_is_charged_once(analyst: TestClient, scene: Scene) -> None:
    assert analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).status_code == 429
    view = makes(scene)
    made = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()
    path, visitor = _path(made["url"]), client_as(scene.house)
    head = visitor.head(path)
    assert (head.status_code, int(head.headers["content-length"])) == (200, view.size_bytes)
    assert scene.view().used.rows == 0
    part = visitor.get(path, headers={"range": "bytes=-8"})
    assert (part.status_code, part.content[-4:]) == (206, b"PAR1")
    assert len(visitor.get(path).content) == view.size_bytes
    assert visitor.get(path, headers={"if-none-match": head.headers["etag"]}).status_code == 304
    assert (scene.view().used.rows, scene.view().used.extracts) == (5, 1)
    assert len(scene.events("view.read")) == 1


@pytest.mark.parametrize("end", ["suspends", "revokes", "withdraws", "freezes"])
def test_a_signed_link_ends_with_the_right_at_the_next_request(
    analyst: TestClient, scene: Scene, end: str
) -> None:
    makes(scene)
    path = _path(analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"])
    visitor = client_as(scene.house)
    assert visitor.get(path).status_code == 200
    getattr(scene, end)()
    for method in ("GET", "HEAD"):
        assert visitor.request(method, path, headers={"range": "bytes=0-1"}).status_code == 403
    assert len(scene.events("view.refused")) == 2


def test_a_link_is_worth_nothing_when_it_is_touched_or_old(
    analyst: TestClient, scene: Scene, clock: TestClock
) -> None:
    makes(scene)
    path = _path(analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"])
    visitor = client_as(scene.house)
    view = path.split("/")[2]
    for bad in (
        path.replace("se=", "se=9"), path.replace("by=", "by=x"), path.replace("ep=", "ep=1"), path.replace("pu=", "pu=x"),
        path.replace(view, "0" * 64), path[:-1], path.split("?")[0], path.replace("key=", "key=x"),
    ):  # fmt: skip
        assert visitor.get(bad).status_code == 401, bad
    clock.now += timedelta(minutes=59)
    assert visitor.get(path).status_code == 200
    clock.now += timedelta(minutes=1)
    assert visitor.get(path).status_code == 401


def test_a_dropped_view_takes_a_new_link(analyst: TestClient, scene: Scene) -> None:
    view = makes(scene)
    path = _path(analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"])
    with scene.house.write() as work:
        row = work.db.get_one(type(view), view.id)
        row.state = "dropped"
        work.db.add(row)
    assert client_as(scene.house).get(path).status_code == 409


def test_others_see_no_views(scene: Scene) -> None:
    for who, wanted in (("officer2", 403), ("auditor", 403), ("officer", 403)):
        client = client_as(scene.house, who)
        for method, path in (("GET", "views"), ("POST", "links"), ("POST", "views"), ("POST", "profile")):
            assert (
                client.request(method, f"/api/v1/grants/{scene.grant_id}/{path}", json={}).status_code
                == wanted
            )


def test_strangers_find_neither_share_nor_changes(analyst: TestClient, scene: Scene) -> None:
    makes(scene)
    with scene.house.write() as work:
        a_person(work, "analyst2", "mapper", ["analyst"])
        a_person(work, "unplaced", "insurer")
    changes = f"{TABLE}/changes?startingVersion=1"
    assert analyst.get(f"{ROOT}/shares").json()["items"] == [{"name": "safety", "id": "safety"}]
    assert len(_lines(analyst.get(changes))) == 3
    stranger = client_as(scene.house, "analyst2")
    assert stranger.get(f"{ROOT}/shares").json() == {"items": []}
    hidden, none = stranger.get(changes), stranger.get(changes.replace(VENUES, "no-such-table"))
    assert (hidden.status_code, hidden.json()["errorCode"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert (hidden.status_code, hidden.json()) == (none.status_code, none.json()), "as if it were not there"
    for path in (f"{ROOT}/shares", changes):
        said = [client_as(scene.house, who).get(path) for who in ("officer", "auditor", "unplaced", None)]
        assert [each.status_code for each in said] == [403, 403, 403, 401], path
        assert not any(scene.grant_id in each.text for each in said)
