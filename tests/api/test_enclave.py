"""The enclave over HTTP, as pages and by command: the analyst's, the steward's and the checker's way."""

from __future__ import annotations

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from api.house import House, open_house
from tests.datasets.enclave.scene import COUNT, EnclaveScene, an_enclave_scene
from tests.people import client_as

API = "/api/v1/enclave"


@pytest.fixture
def scene(sqlite_house: House) -> EnclaveScene:
    return an_enclave_scene(sqlite_house)


def _token(text: str) -> str:
    return text.split('name="csrf" value="')[1].split('"')[0]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_carry_a_specification_from_the_analyst_to_the_checkers(
    scene: EnclaveScene, lang: str
) -> None:
    analyst, steward = client_as(scene.house, "analyst"), client_as(scene.house, "steward_a")
    assert analyst.get(f"/enclave?lang={lang}").status_code == 200
    assert scene.grant_id in analyst.get("/enclave/new").text
    form = analyst.get(f"/enclave/new?grant={scene.grant_id}").text
    sent = {
        "csrf": _token(form), "grant": scene.grant_id, "measure-0": "count", "group-0": "lot", "purpose": "risk-pricing",
        "sort": "total", "because": "区域风险评估",
    }  # fmt: skip
    bad = analyst.post("/enclave/new", data=sent)
    assert bad.status_code in (400, 422)
    assert 'value="total"' in bad.text
    planned = analyst.post("/enclave/new", data=sent | {"sort": "count", "plan": "yes"})
    assert planned.status_code == 200
    assert analyst.get(API).json()["total"] == 0
    good = sent | {
        "sort": "count",
        "descending": "yes",
        "limit": "10",
        "column-0": "day",
        "op-0": "le",
        "value-0": "5",
    }
    assert analyst.post("/enclave/new", data=good).status_code == 200
    made = analyst.get(API).json()["items"][0]
    assert (made["spec"]["limit"], made["spec"]["where"]["column"]) == (10, "day")
    page = steward.get(f"/enclave/{made['id']}?lang={lang}").text
    assert made["spec_hash"] in page
    answer = {"csrf": _token(page), "spec_hash": made["spec_hash"], "decision": "return", "note": ""}
    refused = steward.post(f"/enclave/{made['id']}/decision", data=answer)
    assert refused.status_code == 403
    steward.post(f"/enclave/{made['id']}/decision", data=answer | {"note": "请去掉筛选条件"})
    shown = analyst.get(f"/enclave/{made['id']}").text
    assert "请去掉筛选条件" in shown
    again = analyst.get(f"/enclave/new?revise={made['id']}").text
    assert 'value="5"' in again
    sent = good | {"csrf": _token(again), "revise": made["id"], "column-0": "", "value-0": ""}
    assert (
        analyst.post("/enclave/new", data=sent, follow_redirects=False)
        .headers["location"]
        .startswith("/enclave/")
    )
    page = steward.get(f"/enclave/{made['id']}").text
    now = steward.get(f"{API}/{made['id']}").json()
    steward.post(
        f"/enclave/{made['id']}/decision",
        data={"csrf": _token(page), "spec_hash": now["spec_hash"], "decision": "approve"},
    )
    scene.works()
    review = scene.shown(made["id"]).review_id
    checker = client_as(scene.house, "checker")
    assert f"/enclave/{made['id']}" in checker.get(f"/outputs/{review}").text
    assert checker.get(f"/enclave/{made['id']}?lang={lang}").status_code == 200
    scene.checks(made["id"])
    done = scene.shown(made["id"])
    assert f"/extracts/{done.extract_id}" in analyst.get(f"/enclave/{made['id']}").text
    assert analyst.get(f"/extracts/{done.extract_id}").status_code == 200
    assert analyst.get(f"/api/v1/extracts/{done.extract_id}/file").status_code == 200


def test_who_is_kept_out_and_what_is_no_form_of_extract(scene: EnclaveScene) -> None:
    made = scene.submits()
    rival, analyst = client_as(scene.house, "officer2"), client_as(scene.house, "analyst")
    for path in (f"{API}/{made.id}", f"/enclave/{made.id}", f"/enclave/new?revise={made.id}"):
        assert rival.get(path).status_code in (403, 404)
    assert client_as(scene.house, "auditor").post(API, json={}).status_code == 403
    assert (
        analyst.post(
            f"{API}/{made.id}/decision", json={"decision": "approve", "spec_hash": made.spec_hash}
        ).status_code
        == 403
    )
    body = {"grant_id": scene.grant_id, "form": "enclave", "purpose": "risk-pricing", "scenario_id": "safety"}
    assert analyst.post("/api/v1/extracts", json=body).status_code == 422
    refused = analyst.post(API, json={"spec": scene.body(purpose="marketing"), "because": "区域风险评估"})
    assert refused.status_code == 403
    assert "purpose-mismatch" in [each["code"] for each in refused.json()["reasons"]]
    with scene.desk.read("auditor") as (work, _):
        from auth.grants import usage

        assert usage.events(work, scene.grant_id)[-1].kind == "refused"


def test_the_command_hands_in_approves_and_shows(
    scene: EnclaveScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.cli.enclave import app

    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=scene.house.clock))

    def run(who: str, *words: str) -> dict[str, object]:
        where = ["--data-dir", str(scene.house.settings.data_dir), "--as", who, "--json"]
        done = CliRunner().invoke(app, [*words, *where])
        assert done.exit_code == 0, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found

    spec = json.dumps({"select": [COUNT], "group_by": [{"column": "lot"}], "sort": [{"by": "lot"}]})
    planned = run("analyst", "plan", scene.grant_id, "--spec", spec, "--purpose", "risk-pricing")
    assert (planned["permitted"], planned["checkers"]) == (True, 2)
    made = run(
        "analyst",
        "submit",
        scene.grant_id,
        "--spec",
        spec,
        "--purpose",
        "risk-pricing",
        "--because",
        "区域风险评估",
    )
    enclave_id, seen = str(made["id"]), str(made["spec_hash"])
    run("steward_a", "return", enclave_id, "--spec-hash", seen, "--note", "请限制行数")
    again = run(
        "analyst",
        "revise",
        enclave_id,
        "--spec",
        spec[:-1] + ', "limit": 2}',
        "--purpose",
        "risk-pricing",
        "--because",
        "区域风险评估",
    )
    assert (
        run("steward_a", "approve", enclave_id, "--spec-hash", str(again["spec_hash"]))["state"] == "approved"
    )
    assert run("analyst", "withdraw", enclave_id)["state"] == "withdrawn"
    assert run("analyst", "show", enclave_id)["state"] == "withdrawn"
    assert run("analyst", "list")["total"] == 1
