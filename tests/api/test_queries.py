"""Queries over HTTP, as pages and by command: an analyst's way, and who is kept out."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from api.house import House
from tests.datasets.queries.scene import STAYS, QueryScene, a_query_scene
from tests.people import client_as

API = "/api/v1/queries"


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


@pytest.fixture
def analyst(scene: QueryScene) -> TestClient:
    return client_as(scene.house, "analyst")


def _form(client: TestClient, scene: QueryScene, **more: str) -> dict[str, str]:
    page = client.get(f"/queries/new?grant={scene.grant_id}").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    return {"csrf": token, "grant": scene.grant_id, "measure-0": "count", "purpose": "risk-pricing"} | more


def test_an_analyst_plans_asks_and_finds_the_answer_again(scene: QueryScene, analyst: TestClient) -> None:
    body = scene.body(group_by=[{"column": "lot"}])
    planned = analyst.post(f"{API}/plan", json=body).json()
    assert (planned["permitted"], planned["takes"], planned["contributor"]) == (
        True,
        {"extracts": 1},
        "plate",
    )
    made = analyst.post(API, json=body)
    assert made.status_code == 201
    assert [row["figures"]["count"] for row in made.json()["rows"]] == [120, 80, None, None, None]
    assert analyst.get(f"{API}/{made.json()['id']}").json() == made.json()
    assert analyst.get(API).json()["total"] == 1


def test_a_suppressed_answer_has_one_reason_and_is_kept(scene: QueryScene, analyst: TestClient) -> None:
    body = scene.body(where={"op": "eq", "column": "stay_id", "value": "S1-0"})
    answer = analyst.post(API, json=body, headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["suppressed"]
    listed = analyst.get(API).json()["items"]
    assert [(each["state"], each["rows"]) for each in listed] == [("suppressed", [])]
    assert analyst.get(f"/queries/{listed[0]['id']}").status_code == 200


def test_others_neither_ask_nor_see(scene: QueryScene, analyst: TestClient) -> None:
    made = analyst.post(API, json=scene.body()).json()["id"]
    rival, auditor = client_as(scene.house, "officer2"), client_as(scene.house, "auditor")
    for path in (f"{API}/{made}", f"/queries/{made}"):
        assert (rival.get(path).status_code, auditor.get(path).status_code) == (404, 200)
    assert auditor.post(API, json=scene.body()).status_code == 403
    assert (
        analyst.put(f"{API}/terms/{STAYS}", json={"contributor": None, "reason": "试试看吧"}).status_code
        == 403
    )
    assert analyst.post(API, json=scene.body(select=[{"kind": "raw"}])).status_code == 422


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_work_without_scripts_and_keep_what_was_chosen(
    scene: QueryScene, analyst: TestClient, lang: str
) -> None:
    assert scene.grant_id in analyst.get(f"/queries/new?lang={lang}").text
    bad = analyst.post(
        "/queries/new",
        data=_form(analyst, scene, **{"measure-1": "histogram", "measured-1": "fee", "width-1": "wide"}),
    )
    assert bad.status_code == 422
    assert 'value="wide"' in bad.text
    planned = analyst.post("/queries/new", data=_form(analyst, scene, plan="yes"))
    assert planned.status_code == 200
    assert analyst.get(API).json()["total"] == 0
    sent = _form(analyst, scene, **{"measure-1": "histogram", "measured-1": "minutes", "width-1": "30", "measure-2": "mean", "measured-2": "fee"})  # fmt: skip
    asked = analyst.post("/queries/new", data=sent, follow_redirects=True)
    assert asked.status_code == 200
    assert "240" in asked.text
    grouped = analyst.post(
        "/queries/new", data=_form(analyst, scene, **{"group-0": "lot"}), follow_redirects=True
    )
    assert "chart__canvas" in grouped.text
    assert analyst.get(f"/queries?lang={lang}&state=answered").text.count("/queries/0") == 2


def test_a_steward_sets_terms_on_the_page(scene: QueryScene) -> None:
    steward = client_as(scene.house, "steward_a")
    page = steward.get(f"/queries/terms/{STAYS}").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    bad = steward.post(
        f"/queries/terms/{STAYS}",
        data={"csrf": token, "contributor": "plate", "lists": "fee: 1", "reason": "公布代码"},
    )
    assert (bad.status_code, "fee: 1" in bad.text) == (422, True)
    good = {"csrf": token, "contributor": "", "lists": "lot：A，B", "reason": "逐行计数"}
    assert steward.post(f"/queries/terms/{STAYS}", data=good, follow_redirects=False).status_code == 303
    now = steward.get(f"{API}/terms/{STAYS}").json()
    assert (now["version"], now["contributor"], now["lists"]) == (2, None, {"lot": ["A", "B"]})


def test_the_command_asks_and_fails_with_the_reason(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from api.cli.query import app

    where = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    own = ["--purpose", "risk-pricing", *where]
    made = CliRunner().invoke(app, ["ask", scene.grant_id, "--query", '{"select":[{"kind":"count"}]}', *own])
    assert (made.exit_code, json.loads(made.stdout)["rows"][0]["figures"]) == (0, {"count": 240})
    small = '{"select":[{"kind":"count"}],"where":{"op":"eq","column":"stay_id","value":"S1-0"}}'
    refused = CliRunner().invoke(app, ["ask", scene.grant_id, "--query", small, *own])
    assert refused.exit_code == 1
    planned = CliRunner().invoke(app, ["plan", scene.grant_id, "--query", small, *own])
    assert planned.exit_code == 0
    shown = CliRunner().invoke(app, ["terms", STAYS, *where])
    assert json.loads(shown.stdout)["contributor"] == "plate"
