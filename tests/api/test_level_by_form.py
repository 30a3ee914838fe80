"""Level × form of delivery, as the running routes answer it: a grant that holds every form, on a dataset whose level is raised after it was agreed.

The table is that of the design (`tests/auth/policy/test_level_matrix.py`); every way on which bytes or figures leave is asked, also for what was
made while the level still allowed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import httpx2
import pytest

from api.house import House
from auth.actor import SYSTEM
from auth.policy.model import DeliveryForm
from catalog import service as catalog
from catalog.assets import asset
from catalog.models import DatasetUpdate
from core.ids import GrantId
from datasets.queries.verifying import service as verifying
from datasets.releases.queries import current
from tests.auth.policy.test_level_matrix import ALLOWED
from tests.catalog.records import a_dataset
from tests.datasets.extracts.scene import Scene
from tests.datasets.queries.scene import COLUMNS, CONSENT, STAYS, QueryScene, stays
from tests.datasets.sharing.reading import makes
from tests.desk import Desk, a_desk
from tests.people import client_as
from tests.snapshots import restored

LEVELS: Final = (1, 2, 3, 4, 5, 6)
OPENING: Final = {1: "C", 2: "C", 3: "C", 4: "C", 5: "N", 6: "N"}
USES: Final = dict.fromkeys(("lot", "fee", "minutes", "day", "stay_id"), "plain") | {"plate": "join_only"}
FORBIDS: Final = "level-forbids-form"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "STEP", 0.0)


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    """The insurer's grant with every form on a dataset of level 1, all of its columns of level 1."""

    def build() -> str:
        desk = a_desk(sqlite_house)
        described = [
            {"name": name, "title_zh": f"列{name}", "title_en": name.capitalize(), "type": kind, "level": 1, "identifier_kind": identifies}
            for name, kind, _, identifies, _ in COLUMNS
        ]  # fmt: skip
        with sqlite_house.write() as work:
            a_dataset(
                work, STAYS, "parks", columns=described, data_level=1, open_type="C", open_condition="经授权",
                auth_op_scope="yes", title_zh="停车记录", title_en="Parking stays",
            )  # fmt: skip
        made = QueryScene(sqlite_house, desk, GrantId(""))
        made.releases(stays(), 1)
        with sqlite_house.read() as work:
            held = asset(work, STAYS)
        shape = replace(next(each for each in held.columns if each.name == "lot"), type="geometry")
        then = tuple(shape if each.name == "lot" else each for each in held.columns)
        desk.known[STAYS] = replace(
            held, columns=then
        )  # a grant of every form has a shape while it is agreed
        made.sets()
        made.caps()
        columns = [{"name": name, "reason": f"停车统计需要 {name}", "use": use} for name, use in USES.items()]
        return made.grants(columns=columns, forms=[form.value for form in DeliveryForm])

    grant_id = restored(sqlite_house, ("levels",), build)
    desk = Desk(sqlite_house)
    with sqlite_house.read() as work:
        desk.known[STAYS] = asset(work, STAYS)
    return QueryScene(sqlite_house, desk, GrantId(grant_id))


def _raise(scene: QueryScene, level: int) -> None:
    with scene.house.write() as work:
        change = {"data_level": level, "open_type": OPENING[level], "open_condition": "按级别"}
        catalog.update(work, SYSTEM, STAYS, DatasetUpdate.model_validate(change))


def _asked(scene: QueryScene, form: DeliveryForm) -> httpx2.Response:
    """The form as its own route is asked for it."""
    body = scene.body()
    bare = {name: value for name, value in body.items() if name != "select"}
    use = {name: body[name] for name in ("grant_id", "purpose", "scenario_id")}
    path, sent = {
        "query_agg": ("queries", body),
        "query_dp": ("queries/private", bare | {"measure": {"kind": "count"}, "epsilon_micro": 100_000}),
        "verify": ("verifications", bare | {"key": {"plate": "粤B00007"}, "claim": None, "consent": CONSENT}),
        "preview": ("previews", {"grant_id": scene.grant_id}),
        "enclave": ("enclave", {"spec": body, "because": "区域风险评估"}),
    }.get(form.value, ("extracts", use | {"form": form.value}))
    return client_as(scene.house, "analyst").post(f"/api/v1/{path}", json=sent)


def _codes(answer: httpx2.Response) -> set[str]:
    said = answer.json()
    return (
        {each["code"] for each in said.get("reasons", []) if isinstance(each, dict)}
        if isinstance(said, dict)
        else set()
    )


def _ways_in_place(scene: QueryScene) -> Iterator[tuple[str, httpx2.Response]]:
    """Reading in place: it hands rows over, so it takes what a Parquet extract takes."""
    analyst, grant = client_as(scene.house, "analyst"), f"/api/v1/grants/{scene.grant_id}"
    yield "link", analyst.post(f"{grant}/links", json={})
    yield "view", analyst.post(f"{grant}/views", json={})
    yield "rows", analyst.get(f"{grant}/rows")
    yield (
        "Delta Sharing",
        analyst.post(f"/delta-sharing/shares/safety/schemas/PK/tables/{STAYS}/query", json={}),
    )
    yield "CKAN", analyst.get(f"/api/3/action/datastore_search?resource_id={scene.grant_id}")
    yield "CKAN's dump", analyst.get(f"/datastore/dump/{scene.grant_id}")


def _ways_in_the_open(scene: QueryScene) -> Iterator[tuple[str, httpx2.Response]]:
    anyone, release = client_as(scene.house), _release(scene)
    yield "file", anyone.get(f"/api/v1/releases/{release}/file")
    yield "csv", anyone.get(f"/api/v1/releases/{release}/file?format=csv")
    yield "rows", anyone.get(f"/api/v1/datasets/{STAYS}/rows")
    yield "CKAN", anyone.get(f"/api/3/action/datastore_search?resource_id={release}")
    yield "CKAN's dump", anyone.get(f"/datastore/dump/{release}")


def _release(scene: QueryScene) -> str:
    with scene.house.read() as work:
        found = current(work, STAYS)
    assert found is not None
    return found.id


@pytest.mark.parametrize("level", LEVELS)
def test_each_cell_of_the_table(scene: QueryScene, level: int) -> None:
    _raise(scene, level)
    for form in DeliveryForm:
        answer = _asked(scene, form)
        if form in ALLOWED[level]:
            has_no_shape = form is DeliveryForm.EXTRACT_GEOJSON and _codes(answer) == {"no-geometry-for-form"}
            assert answer.status_code in (201, 202) or has_no_shape, (form, answer.text)
        else:
            assert (answer.status_code, FORBIDS in _codes(answer)) == (403, True), (form, answer.text)
    rows_may_leave = DeliveryForm.EXTRACT_PARQUET in ALLOWED[level]
    for way, answer in _ways_in_place(scene):
        assert answer.status_code in ((202, 429) if rows_may_leave else (403,)), (way, answer.text)
    for way, answer in _ways_in_the_open(scene):
        assert answer.status_code in (403, 404), (way, answer.text)


@pytest.mark.parametrize("level", [4, 5, 6])
def test_what_was_made_while_the_level_allowed_it_leaves_no_more(scene: QueryScene, level: int) -> None:
    files = Scene(scene.house, scene.desk, scene.house.settings.data_dir, scene.grant_id, _release(scene))
    analyst, anyone = client_as(scene.house, "analyst"), client_as(scene.house)
    made, view = files.delivered(), makes(files)
    ticket = urlsplit(analyst.post(f"/api/v1/extracts/{made.id}/tickets", json={}).json()["url"]).path
    link = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
    link = link.removeprefix("http://127.0.0.1:8000")
    assert anyone.get(link).content == scene.house.files.path(str(view.sha256)).read_bytes()
    _raise(scene, level)
    for headers in ({}, {"range": "bytes=0-3"}, {"range": "bytes=0-3", "if-range": f'"{made.sha256}"'}):
        for method in ("GET", "HEAD"):
            for who, path in (
                (analyst, f"/api/v1/extracts/{made.id}/file"),
                (anyone, ticket),
                (anyone, link),
            ):
                answer = who.request(method, path, headers=headers)
                assert (answer.status_code, b"PAR1" in answer.content) == (403, False), (
                    method,
                    path,
                    headers,
                )
    for way, answer in _ways_in_place(scene):
        assert answer.status_code == 403, (way, answer.text)
    assert not files.events("extract.downloaded")
