"""重要 and 核心 records: whoever is outside the publishing side gets the answer of a code of nothing, on every address that takes a code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from catalog.tables import DatasetRow
from tests.api.bodies import request_of
from tests.api.route_matrix import METHODS
from tests.datasets.queries.scene import STAYS, QueryScene, a_query_scene
from tests.people import a_person, app_of

NOTHING = "DP-ZZ-999"
STRANGERS: dict[str, tuple[str, list[str]]] = {
    "outsider": ("mapper", ["org_officer", "applicant", "analyst"]),
    "neighbour": ("roads", ["steward", "reviewer_business"]),
}


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    """A published record with a release, terms for queries and a cap, which then turns out to be 重要."""
    made = a_query_scene(sqlite_house)
    made.caps()
    with sqlite_house.write() as work:
        for username, (org, roles) in STRANGERS.items():
            a_person(work, username, org, roles)
        row = work.db.get_one(DatasetRow, STAYS)
        row.data_level, row.open_type, row.open_condition = 5, "N", "重要数据，不予开放"
        work.db.add(row)
    return made


@pytest.fixture
def client(scene: QueryScene) -> Iterator[TestClient]:
    with TestClient(app_of(scene.house), raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


def _operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = client.app.openapi()  # type: ignore[attr-defined]
    for path, item in sorted(document["paths"].items()):
        if "{dataset_id}" in path or "{table}" in path:
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, request_of(item[method], document)


def _filled(path: str, code: str) -> str:
    for name, value in (("dataset_id", code), ("table", code), ("share", "safety"), ("schema", "PK")):
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{month}", "2026-03").replace("{", "").replace("}", "")


@pytest.mark.slow
@pytest.mark.parametrize("who", [*STRANGERS, None])
def test_a_hidden_record_answers_as_a_code_of_nothing(
    client: TestClient, scene: QueryScene, who: str | None
) -> None:
    faults, asked = [], 0
    for method, path, how in _operations(client):
        said = how.pop("headers") | (
            {"authorization": f"Bearer {local_token(scene.house, who)}"} if who else {}
        )
        hidden = client.request(method, _filled(path, STAYS), headers=said, **how)
        nothing = client.request(method, _filled(path, NOTHING), headers=said, **how)
        asked += 1
        words = (hidden.text.replace(STAYS, "X"), nothing.text.replace(NOTHING, "X"))
        if hidden.status_code != nothing.status_code or (
            hidden.status_code >= 400 and path.startswith("/api/") and words[0] != words[1]
        ):
            faults.append(
                f"{method} {path}: {hidden.status_code}, of nothing {nothing.status_code}: {words[0][:200]} / {words[1][:200]}"
            )
    assert faults == [], "\n".join(faults)
    assert asked > 60


def test_its_own_department_sees_it(client: TestClient, scene: QueryScene) -> None:
    """The counter-check: what strangers are told to be nothing is there."""
    said = {"authorization": f"Bearer {local_token(scene.house, 'steward_a')}"}
    for path in ("datasets", "previews", "queries/budget", "queries/terms", "marks"):
        assert client.get(f"/api/v1/{path}/{STAYS}", headers=said).status_code == 200, path
