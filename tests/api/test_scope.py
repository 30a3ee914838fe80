"""Whoever is outside an object's scope learns nothing of it, not even that it is there: every route with an id, real objects.

For each route and each stranger the answer must be the one that an id of nothing gets, and never one that lets in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from tests.api.bodies import request_of
from tests.api.route_matrix import METHODS
from tests.api.scoped import NOTHING, OPEN, STRANGERS, objects_of
from tests.people import app_of


@pytest.fixture
def things(sqlite_house: House) -> dict[str, str]:
    return objects_of(sqlite_house)


@pytest.fixture
def client(sqlite_house: House, things: dict[str, str]) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_house), raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


def _operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and arguments of every route whose path names an object."""
    document = client.app.openapi()  # type: ignore[attr-defined]
    for path, item in sorted(document["paths"].items()):
        if not set(re.findall(r"\{(\w+)\}", path)) - OPEN:
            continue
        for method in METHODS:
            if method in item:
                yield method.upper(), path, request_of(item[method], document)


def _filled(path: str, ids: dict[str, str]) -> str:
    if "/harvests/" in path:
        path = path.replace("{source_id}", "{harvest_id}")
    if "/pushes/" in path:
        path = path.replace("{run_id}", "{push_run_id}")
    for name in re.findall(r"\{(\w+)\}", path):
        assert name in ids or name in OPEN, f"{path}: tell tests/api/test_scope.py what {{{name}}} is"
        path = path.replace(f"{{{name}}}", ids.get(name, "1"))
    return path


def test_stranger_gets_the_answer_of_an_id_of_nothing(
    client: TestClient, sqlite_house: House, things: dict[str, str]
) -> None:
    """Each operation by one of the strangers, in turn."""
    operations, strangers = list(_operations(client)), [*STRANGERS, None]
    assert len(operations) > 400
    assert [
        fault
        for at, who in enumerate(strangers)
        for fault in _tells(client, sqlite_house, things, who, operations[at :: len(strangers)])
    ] == []


@pytest.mark.long
@pytest.mark.parametrize("who", [*STRANGERS, None])
def test_any_stranger_gets_the_answer_of_an_id_of_nothing(
    client: TestClient, sqlite_house: House, things: dict[str, str], who: str | None
) -> None:
    """Each operation by each of the strangers."""
    assert _tells(client, sqlite_house, things, who, _operations(client)) == []


def _tells(
    client: TestClient,
    house: House,
    things: dict[str, str],
    who: str | None,
    operations: Iterable[tuple[str, str, dict[str, Any]]],
) -> list[str]:
    """Where the answer differs from that of an object that is not there."""
    nothing = dict.fromkeys(things, NOTHING) | {"which": things["which"]}
    faults = []
    for method, path, how in operations:
        headers = how.pop("headers") | ({"authorization": f"Bearer {local_token(house, who)}"} if who else {})
        if method == "POST" and not path.startswith("/api/") and not {"json", "content"} & how.keys():
            how["data"] = {"version": "1"} | (how.get("data") or {})  # as the page's form says it
        real = client.request(method, _filled(path, things), headers=headers, **how)
        none = client.request(method, _filled(path, nothing), headers=headers, **how)
        allowed = (401, 403, 404) if none.status_code != 422 else (422,)
        if real.status_code != none.status_code or real.status_code not in allowed:
            faults.append(
                f"{method} {path}: {real.status_code}, of nothing {none.status_code}: {real.text[:200]}"
            )
        elif real.status_code == 403 and "role-lacks-permission" not in real.text and method != "HEAD":
            faults.append(f"{method} {path}: 403 tells that it is there: {real.text[:200]}")
    return faults


def test_the_objects_are_really_there(
    client: TestClient, sqlite_house: House, things: dict[str, str]
) -> None:
    """The counter-check: their own people do see them, so that a 404 above means what it says."""
    seen = {
        "applicant": ["/api/v1/applications/{application_id}", "/api/v1/grants/{grant_id}"],
        "analyst": ["/api/v1/extracts/{extract_id}", "/extracts/{extract_id}"],
        "steward_a": [
            "/api/v1/batches/{batch_id}", "/api/v1/jobs/{job_id}", "/api/v1/datasets/{dataset_id}",
            "/api/v1/datasets/{dataset_id}/suite", "/batches/{batch_id}", "/api/v1/sources/{source_id}",
            "/sources/{source_id}",
        ],
    }  # fmt: skip
    for username, paths in seen.items():
        headers = {"authorization": f"Bearer {local_token(sqlite_house, username)}"}
        for path in paths:
            answer = client.get(_filled(path, things), headers=headers)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
