"""Dataset records over HTTP, on pages and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.dataset import app as dataset_command
from api.cli.record_proposal import app as proposal_command
from api.house import House
from core.work import Work
from tests.catalog.records import COLUMNS, COMPLETE, a_dataset, a_department
from tests.people import a_person, an_org, client_as
from tests.snapshots import written


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    an_org(work, "insurer")
    a_person(work, "applicant", org="insurer", roles=["applicant"])
    a_dataset(work, "DP-PK-001", "traffic")


@pytest.fixture
def desk(sqlite_house: House) -> House:
    """A department with a steward and one published dataset, a second department, an enterprise."""
    written(sqlite_house, _fill)
    return sqlite_house


def _body(code: str, **changes: Any) -> dict[str, Any]:
    return {"resource_code": code, "publisher": "traffic", "columns": COLUMNS} | COMPLETE | changes


def test_record_is_entered_edited_and_published_over_http(desk: House) -> None:
    steward, visitor = client_as(desk, "traffic-steward"), client_as(desk)
    made = steward.post("/api/v1/datasets", json=_body("DP-PK-002", contact=""))
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (
        201,
        '"1"',
        "/api/v1/datasets/DP-PK-002",
    )
    assert visitor.get("/api/v1/datasets/DP-PK-002").status_code == 404
    refused = steward.post("/api/v1/datasets/DP-PK-002/publish")
    assert refused.status_code == 409
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["missing-contact"]
    assert steward.get("/api/v1/datasets/DP-PK-002/objections").json()["total"] == 1
    changed = steward.patch(
        "/api/v1/datasets/DP-PK-002", json={"contact": "停车科"}, headers={"If-Match": '"1"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    asked = steward.post("/api/v1/datasets/DP-PK-002/publish", headers={"If-Match": '"2"'})
    assert (asked.status_code, asked.json()["kind"]) == (202, "publish")
    assert visitor.get("/api/v1/datasets/DP-PK-002").status_code == 404
    accept = f"/api/v1/record-proposals/{asked.json()['id']}/accept"
    own = steward.post(accept, json={})
    assert (own.status_code, own.json()["reasons"][0]["code"]) == (403, "own-proposal")
    assert client_as(desk, "culture-steward").post(accept, json={}).status_code == 404
    assert client_as(desk, "traffic-reviewer").post(accept, json={}).status_code == 200
    assert visitor.get("/api/v1/datasets/DP-PK-002").json()["contact"] == "停车科"


def test_change_needs_the_version_that_was_seen(desk: House) -> None:
    steward = client_as(desk, "traffic-steward", careful=False)
    path = "/api/v1/datasets/DP-PK-001"
    assert steward.patch(path, json={"title_zh": "x"}).status_code == 422
    assert steward.patch(path, json={"title_zh": "x"}, headers={"If-Match": "nonsense"}).status_code == 422
    stale = steward.patch(path, json={"title_zh": "x"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 2)
    waits = steward.patch(path, json={"title_zh": "停车场"}, headers={"If-Match": "*"})
    assert (waits.status_code, waits.json()["changed_fields"]) == (202, ["title_zh"])
    assert client_as(desk).get(path).json()["title_zh"] == "停车场基础信息"


def test_whole_replacement_empties_what_is_not_sent(desk: House) -> None:
    steward = client_as(desk, "traffic-steward")
    steward.post("/api/v1/datasets", json=_body("DP-PK-002"))
    only = {"title_zh": "只有名称"}
    done = steward.put("/api/v1/datasets/DP-PK-002", json=only, headers={"If-Match": "*"}).json()
    assert (done["title_zh"], done["contact"], done["keywords"], done["column_count"]) == (
        "只有名称",
        "",
        [],
        2,
    )
    kept = steward.put("/api/v1/datasets/DP-PK-001", json=only, headers={"If-Match": "*"})
    assert kept.status_code == 409  # a published record stays complete


def test_other_departments_get_404_not_403(desk: House) -> None:
    stranger, enterprise = client_as(desk, "culture-steward"), client_as(desk, "applicant")
    for method, path, body in (
        ("PATCH", "", {"title_zh": "x"}),
        ("PUT", "", {}),
        ("POST", "/publish", None),
        ("POST", "/withdraw", {"reason": "试一试看"}),
        ("PUT", "/dictionary", {"columns": []}),
        ("GET", "/objections", None),
    ):
        path = f"/api/v1/datasets/DP-PK-001{path}"
        assert stranger.request(method, path, json=body, headers={"If-Match": "*"}).status_code == 404
        assert enterprise.request(method, path, json=body, headers={"If-Match": "*"}).status_code == 403
        assert client_as(desk).request(method, path, json=body, headers={"If-Match": "*"}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"state": "published"}, {"version": 9}, {"release_no": 1}, {"quality_score": 100}, {"open_type": "X"},
        {"formats": ["exe"]}, {"data_level": 7}, {"temporal_start": "yesterday"}, {"title_zh": "a\x00b"}, {"title_zh": None},
        {"keywords": ["x" * 101]}, {"update_interval": "five minutes"}, {"spatial_resolution_m": "NaN"}, {"publisher": "culture"},
    ],
)  # fmt: skip
def test_malformed_or_foreign_fields_are_refused(desk: House, body: dict[str, Any]) -> None:
    steward = client_as(desk, "traffic-steward")
    answer = steward.patch("/api/v1/datasets/DP-PK-001", json=body, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_withdrawn_record_answers_410_with_its_reason(desk: House) -> None:
    steward, visitor = client_as(desk, "traffic-steward"), client_as(desk)
    assert steward.post("/api/v1/datasets/DP-PK-001/withdraw", json={"reason": ""}).status_code == 422
    assert (
        steward.post("/api/v1/datasets/DP-PK-001/withdraw", json={"reason": "数据源停用"}).status_code == 200
    )
    gone = visitor.get("/api/v1/datasets/DP-PK-001")
    assert gone.status_code == 410
    assert "数据源停用" in gone.json()["detail"]
    assert visitor.get("/api/v1/datasets").json()["total"] == 0


def test_dictionary_is_read_by_all_and_replaced_by_its_department(desk: House) -> None:
    steward, visitor = client_as(desk, "traffic-steward"), client_as(desk)
    path = "/api/v1/datasets/DP-PK-001/dictionary"
    read = visitor.get(path)
    assert [column["name"] for column in read.json()["columns"]] == ["lot_id", "free_spaces"]
    body = {
        "columns": [*COLUMNS, {"name": "status", "title_zh": "状态", "type": "string", "level": 1}],
        "encoding": "gb18030",
    }
    done = steward.put(path, json=body, headers={"If-Match": read.headers["etag"]})
    assert (done.status_code, done.json()["changes_dictionary"]) == (202, True)
    accept = f"/api/v1/record-proposals/{done.json()['id']}/accept"
    assert client_as(desk, "traffic-reviewer").post(accept, json={}).status_code == 200
    stands = visitor.get(path).json()
    assert (stands["encoding"], len(stands["columns"])) == ("gb18030", 3)
    twice = {"columns": [COLUMNS[0], COLUMNS[0]]}
    assert steward.put(path, json=twice, headers={"If-Match": "*"}).status_code == 422


def test_list_searches_counts_and_pages(desk: House) -> None:
    with desk.write() as work:
        for n in range(2, 8):
            a_dataset(work, f"DP-PK-00{n}", "traffic", title_zh=f"停车场资料{n}")
    visitor = client_as(desk)
    first = visitor.get(
        "/api/v1/datasets", params={"q": "停车", "theme": ["PK", "TR"], "limit": 4, "sort": "title"}
    ).json()
    assert (first["total"], first["next"], len(first["items"])) == (7, 4, 4)
    assert {"text": "停车", "hit": True} in first["items"][0]["title"]
    second = visitor.get(
        "/api/v1/datasets", params={"q": "停车", "limit": 4, "sort": "title", "offset": first["next"]}
    ).json()
    assert second["next"] is None
    assert len({item["id"] for item in first["items"] + second["items"]}) == 7
    themes = next(one for one in first["facets"] if one["key"] == "theme")["options"]
    assert [(one["value"], one["en"], one["count"], one["chosen"]) for one in themes] == [
        ("TR", "Tourist transport", 0, True),
        ("PK", "Parking", 7, True),
    ]
    assert visitor.get("/api/v1/datasets", params={"sort": "DROP"}).status_code == 422


def test_code_lists_are_public(desk: House) -> None:
    visitor = client_as(desk)
    lists = visitor.get("/api/v1/codes").json()
    assert {"open_type", "update_freq", "data_level"} <= {one["name"] for one in lists["items"]}
    daily = next(
        one for one in visitor.get("/api/v1/codes/update_freq").json()["items"] if one["value"] == "3"
    )
    assert (daily["zh"], daily["eu"], daily["iso"], daily["stale_after_minutes"]) == (
        "每日",
        "DAILY",
        "P1D",
        2160,
    )
    assert visitor.get("/api/v1/codes/none").status_code == 404


def test_export_of_one_house_is_taken_by_another_through_the_command(desk: House, tmp_path: Path) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "traffic-steward"]
    run = CliRunner()
    file = tmp_path / "record.json"
    assert run.invoke(dataset_command, ["export", "DP-PK-001", "--out", str(file), *where]).exit_code == 0
    record = json.loads(file.read_text(encoding="utf-8")) | {"resource_code": "DP-PK-009", "contact": ""}
    file.write_text(json.dumps(record), encoding="utf-8")
    made = run.invoke(dataset_command, ["create", str(file), "--json", *where])
    assert json.loads(made.stdout)["state"] == "draft"
    refused = run.invoke(dataset_command, ["publish", "DP-PK-009", *where])
    assert refused.exit_code == 1
    assert "missing-contact" in refused.stderr
    file.write_text(json.dumps({"contact": "停车科"}), encoding="utf-8")
    assert run.invoke(dataset_command, ["update", "DP-PK-009", str(file), *where]).exit_code == 0
    asked = run.invoke(dataset_command, ["publish", "DP-PK-009", "--json", *where])
    other = [*where[:2], "--as", "traffic-reviewer"]
    waiting = run.invoke(proposal_command, ["list", "--json", *other])
    assert [each["dataset_id"] for each in json.loads(waiting.stdout)["items"]] == ["DP-PK-009"]
    proposal = json.loads(asked.stdout)["id"]
    assert run.invoke(proposal_command, ["accept", proposal, *where]).exit_code == 1
    assert run.invoke(proposal_command, ["accept", proposal, *other]).exit_code == 0
    found = run.invoke(dataset_command, ["search", "停车", "--json", *where])
    assert {item["id"] for item in json.loads(found.stdout)["items"]} == {"DP-PK-001", "DP-PK-009"}
    file.write_text(json.dumps({"columns": COLUMNS[:1]}), encoding="utf-8")
    shown = run.invoke(dataset_command, ["dictionary", "DP-PK-009", "--replace", str(file), "--json", *where])
    assert json.loads(shown.stdout)["changes_dictionary"]
    back = ["return", json.loads(shown.stdout)["id"], "--reason", "请保留余位列", "--json", *other]
    assert json.loads(run.invoke(proposal_command, back).stdout)["state"] == "returned"
    gone = run.invoke(dataset_command, ["withdraw", "DP-PK-009", "--reason", "录入有误", "--json", *where])
    assert json.loads(gone.stdout)["state"] == "withdrawn"
