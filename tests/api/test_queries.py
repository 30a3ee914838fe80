"""Queries over HTTP, as pages and by command: an analyst's way, and who is kept out."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House, open_house
from api.query_forms import heads_of
from core.text import Text
from tests.datasets.queries.scene import CAPS, CONSENT, STAYS, QueryScene, a_query_scene
from tests.people import a_person, browser_as, client_as

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
    assert planned["left"].keys() == {"extracts", "rows"}
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


PRIVATE = {"measure": {"kind": "histogram", "column": "lot"}, "epsilon_micro": 500_000}


def _private(scene: QueryScene, **more: object) -> dict[str, object]:
    body = scene.body() | PRIVATE | more
    del body["select"]
    return body


def test_a_private_answer_over_http_and_its_budget(scene: QueryScene, analyst: TestClient) -> None:
    nobody, approver = client_as(scene.house), client_as(scene.house, "approver")
    assert nobody.get(f"{API}/budget/{STAYS}").json()["cap"] is None
    planned = analyst.post(f"{API}/private/plan", json=_private(scene)).json()
    assert [reason["code"] for reason in planned["reasons"]] == ["budget-not-set"]
    assert analyst.put(f"{API}/budget/{STAYS}", json=CAPS).status_code == 403
    assert approver.put(f"{API}/budget/{STAYS}", json=CAPS | {"org_micro": 9_000_000}).status_code == 422
    assert approver.put(f"{API}/budget/{STAYS}", json=CAPS).json()["version"] == 1
    planned = analyst.post(f"{API}/private/plan", json=_private(scene)).json()
    assert (planned["permitted"], planned["takes"]["epsilon_micro"], planned["within95"]) == (
        True,
        500_000,
        {"count": 12.0},
    )
    made = analyst.post(f"{API}/private", json=_private(scene))
    assert made.status_code == 201
    assert [row["group"]["lot"] for row in made.json()["rows"]] == list("ABCDE")
    assert analyst.post(f"{API}/private", json=_private(scene)).json()["rows"] == made.json()["rows"]
    assert analyst.post(f"{API}/private", json=_private(scene, seed=7)).status_code == 422
    seen = nobody.get(f"{API}/budget/{STAYS}").json()
    assert (seen["spent_micro"], seen["left_micro"], seen["accounts"]) == (500_000, 3_500_000, [])
    assert nobody.get(f"{API}/budget/DP-XX-999").status_code == 404
    assert analyst.get(f"/queries/{made.json()['id']}").status_code == 200


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_private_pages_work_without_scripts_and_keep_what_was_chosen(
    scene: QueryScene, analyst: TestClient, lang: str
) -> None:
    approver = client_as(scene.house, "approver")
    page = approver.get(f"/queries/budget/{STAYS}?lang={lang}").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    caps = {"csrf": token, "dataset": "4", "org": "2", "grant": "1.5", "user": "1.5", "reason": "年度预算"}
    bad = approver.post(f"/queries/budget/{STAYS}", data=caps | {"org": "0.0000001"})
    assert (bad.status_code, 'value="0.0000001"' in bad.text) == (422, True)
    assert approver.post(f"/queries/budget/{STAYS}", data=caps, follow_redirects=False).status_code == 303
    chosen = analyst.get(f"/queries/new?lang={lang}").text
    assert f"/queries/private?grant={scene.grant_id}" in chosen
    form = analyst.get(f"/queries/private?grant={scene.grant_id}&lang={lang}").text
    token = form.split('name="csrf" value="')[1].split('"')[0]
    sent = {
        "csrf": token, "grant": scene.grant_id, "measure": "sum", "measured": "fee", "epsilon": "0.25",
        "purpose": "risk-pricing",
    }  # fmt: skip
    wrong = analyst.post("/queries/private", data=sent | {"epsilon": "much"})
    assert (wrong.status_code, 'value="much"' in wrong.text) == (422, True)
    planned = analyst.post("/queries/private", data=sent | {"plan": "yes"})
    assert (planned.status_code, "0.25" in planned.text) == (200, True)
    asked = analyst.post("/queries/private", data=sent, follow_redirects=True)
    assert (
        asked.status_code,
        {"zh": "合计（列fee）", "en": "Sum (Fee)"}[lang] in asked.text,
        "0.25" in asked.text,
    ) == (200, True, True)
    assert "3.75" in analyst.get(f"/queries/budget/{STAYS}").text


def test_private_commands(scene: QueryScene) -> None:
    from typer.testing import CliRunner

    from api.cli.query import app

    def run(user: str, *words: str) -> tuple[int, Any]:
        where = ["--data-dir", str(scene.house.settings.data_dir), "--as", user, "--json"]
        done = CliRunner().invoke(app, [*words, *where])
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else done.output

    ask = (
        "private", scene.grant_id, "--query", json.dumps({"measure": PRIVATE["measure"]}), "--purpose", "risk-pricing", "--epsilon", "0.5",
    )  # fmt: skip
    assert run("analyst", *ask, "--plan")[0] == 1
    assert run("approver", "set-budget", STAYS, "--caps", json.dumps(CAPS))[0] == 0
    assert run("analyst", *ask, "--plan")[1]["takes"]["epsilon_micro"] == 500_000
    code, told = run("analyst", *ask)
    assert (code, len(told["rows"])) == (0, 5)
    assert run("analyst", "budget", STAYS)[1]["spent_micro"] == 500_000


def test_a_grant_for_answers_alone_is_not_offered_for_extracts(
    scene: QueryScene, analyst: TestClient
) -> None:
    assert scene.grant_id in analyst.get("/queries/new").text
    assert scene.grant_id not in analyst.get("/extracts/new").text


def test_a_verification_over_http_page_and_command(
    scene: QueryScene, analyst: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from api.cli.query import app
    from datasets.queries.verifying import service

    monkeypatch.setattr(service, "STEP", 0.0)
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=scene.house.clock))
    body = scene.body() | {"key": {"plate": "粤B00007"}, "consent": CONSENT}
    del body["select"]
    made = analyst.post("/api/v1/verifications", json=body)
    assert (made.status_code, made.json()["verified"]) == (201, True)
    page = analyst.get(f"/verifications/new?grant={scene.grant_id}").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    sent = {
        "csrf": token, "grant": scene.grant_id, "key-0": "粤B00007", "column": "day", "op": "ge", "value": "3",
        "reference": CONSENT["reference"], "given_on": CONSENT["given_on"], "until": CONSENT["until"], "purpose": "risk-pricing",
    }  # fmt: skip
    asked = analyst.post("/verifications/new", data=sent)
    assert (asked.status_code, "<strong>否</strong>" in asked.text) == (200, True)
    wrong = analyst.post("/verifications/new", data=sent | {"until": ""})
    assert (wrong.status_code, 'value="粤B00007"' in wrong.text) == (422, True)
    where = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    done = CliRunner().invoke(
        app, ["verify", scene.grant_id, "--key", json.dumps(body["key"]), "--consent", json.dumps(CONSENT), "--purpose", "risk-pricing", *where]
    )  # fmt: skip
    assert json.loads(done.stdout)["verified"] is True
    assert len(json.loads(CliRunner().invoke(app, ["verifications", *where]).stdout)["items"]) == 3
    assert client_as(scene.house, "officer2").get("/api/v1/verifications").json()["total"] == 0
    assert analyst.get("/verifications?lang=en").text.count("Day at least …") == 1


def test_measures_and_groups_are_called_by_the_columns_titles() -> None:
    titles = {"fee": Text("费用", "Fee"), "day": Text("日期", "Day")}
    said = heads_of(("count", "sum(fee)", "quantile(fee,5,0.5)", "day/month", "day", "day/7", "else"), titles)
    assert [each.zh for each in said.values()] == [
        "计数", "合计（费用）", "分位数所在组（费用,5,0.5）", "日期（按月）", "日期", "日期（7）", "else",
    ]  # fmt: skip
    assert [each.en for each in said.values()][:4] == [
        "Count of rows", "Sum (Fee)", "Class of a quantile (Fee,5,0.5)", "Day (by month)",
    ]  # fmt: skip


def test_verifications_are_shown_to_who_asked_and_who_supervises_and_to_no_stranger(
    scene: QueryScene,
) -> None:
    made = scene.verify()
    with scene.house.write() as work:
        a_person(work, "analyst2", "mapper", ["analyst"])
        a_person(work, "unplaced", "insurer")

    def shows(who: str) -> tuple[bool, bool]:
        page = browser_as(scene.house, who).get("/verifications")
        assert page.status_code == 200, who
        listed = client_as(scene.house, who).get("/api/v1/verifications", params={"grant_id": scene.grant_id})
        return STAYS in page.text, made.id in listed.text

    assert {who: shows(who) for who in ("analyst", "officer", "auditor")} == dict.fromkeys(
        ("analyst", "officer", "auditor"), (True, True)
    )
    assert shows("analyst2") == shows("officer2") == shows("applicant2") == (False, False)
    for who, status in (("steward_a", 403), ("clerk", 403), ("unplaced", 403), (None, 401)):
        for path in ("/verifications", "/api/v1/verifications"):
            assert client_as(scene.house, who).get(path).status_code == status, (who, path)
