"""Verdicts and scores as they are read: by the department, by the public, over time, with what is to be mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.batch import app as batch_command
from api.cli.dataset import app as dataset_command
from api.cli.release import app as release_command
from api.house import House
from catalog.tables import DatasetRow
from datasets.batches import service as batches
from datasets.releases.hashes import digests_of
from datasets.releases.offline import verify
from quality.tables import VerdictRow
from tests.datasets.parking import (
    CLEAN,
    COLUMNS,
    DATASET,
    FAILS,
    SUITE,
    WARNS,
    a_parking_dataset,
    hand_in,
    publish,
    save_suite,
)
from tests.people import actor_of, browser_as, client_as

pytestmark = pytest.mark.gx
BOUNDED: dict[str, Any] = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "total", "min_value": 1, "max_value": 100},
    "severity": "warning",
}
LISTED: dict[str, Any] = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "name", "value_set": ["东门", "西门"]},
    "severity": "info",
}


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def _confirmed(house: House, batch_id: str) -> None:
    with house.write() as work:
        batches.confirm(work, actor_of(work, "lin"), batch_id, "looked at it")


def test_a_release_carries_its_verdict_for_anybody_to_read(stocked: House) -> None:
    batch = hand_in(stocked, "lin", WARNS)
    _confirmed(stocked, batch.id)
    release = publish(stocked, "zhou", batch.id)
    visitor = client_as(stocked)
    found = visitor.get(f"/api/v1/releases/{release.id}/verdict").json()
    assert (found["format"], found["verdict"], found["rows"]) == ("datagrant-verdict/1", "passed", 2)
    assert found["content_sha256"] == release.content_sha256
    assert (found["suite_number"], found["is_confirmed"], found["batch_id"]) == (1, True, None)
    failed = [rule for rule in found["rules"] if rule["outcome"] == "failed"]
    assert [(rule["rule_id"], rule["examples"], rule["pass_rate"]) for rule in failed] == [
        ("W1", [9000], 50.0)
    ]
    assert (failed[0]["failing_rows"], failed[0]["failing_keys"]) == ([], [])
    page = visitor.get(f"/releases/{release.id}/verdict").text
    assert all(
        word in page for word in ("“total”须", "must be at least 1", "9000", 'data-chart="v-spread-data"')
    )
    assert f'href="/releases/{release.id}/verdict"' in visitor.get(f"/releases/{release.id}").text


def test_outsiders_see_no_value_of_data_that_are_not_free(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        keyed = [{**COLUMNS[0], "primary": True}, *COLUMNS[1:]]
        a_parking_dataset(work, open_type="C", open_condition="签订协议", data_level=2, columns=keyed)
        save_suite(work, expectations=[BOUNDED, LISTED])
    batch = hand_in(sqlite_house, "lin", WARNS + "P03,密室,50,1,2026-03-01\n".encode())
    _confirmed(sqlite_house, batch.id)
    release = publish(sqlite_house, "zhou", batch.id)
    visitor = client_as(sqlite_house)
    found = visitor.get(f"/api/v1/releases/{release.id}/verdict")
    assert found.json()["withheld"] is True
    assert [rule["kwargs"] for rule in found.json()["rules"]] == [{"column": "total"}, {"column": "name"}]
    assert [rule["unexpected_count"] for rule in found.json()["rules"]] == [2, 1]
    page = visitor.get(f"/releases/{release.id}/verdict").text
    for secret in ("9000", "密室", "东门", "100", "P03"):
        assert secret not in json.dumps(found.json()["rules"], ensure_ascii=False), secret
    assert "密室" not in page
    assert "v-spread" not in page
    own = client_as(sqlite_house, "zhou").get(f"/api/v1/releases/{release.id}/verdict").json()
    assert own["rules"][1]["examples"] == ["密室"]
    assert (own["rules"][1]["failing_rows"], own["rules"][1]["failing_keys"]) == ([3], [{"lot": "P03"}])
    assert "<code>P03</code>" in browser_as(sqlite_house, "zhou").get(f"/releases/{release.id}/verdict").text


def test_the_manifest_proves_the_verdict_and_the_suite(stocked: House, tmp_path: Path) -> None:
    batch = hand_in(stocked, "lin", WARNS)
    _confirmed(stocked, batch.id)
    release = publish(stocked, "zhou", batch.id)
    visitor, own = client_as(stocked), client_as(stocked, "lin")
    at = f"/api/v1/releases/{release.id}"
    manifest = tmp_path / "m.json"
    manifest.write_bytes(visitor.get(f"{at}/manifest").content)
    named = json.loads(manifest.read_bytes())["gate"]["documents"]
    for which in ("counts", "verdict", "suite"):
        held = tmp_path / f"{which}.json"
        held.write_bytes(own.get(f"{at}/verdict/document", params={"which": which}).content)
        assert digests_of(held).as_json() == named[which]
        assert (verify(held, manifest).matched, verify(held, manifest).flaws) == (which, [])
    said = json.loads((tmp_path / "counts.json").read_bytes())
    assert (said["content_sha256"], said["rules"][2]["unexpected_count"]) == (release.content_sha256, 1)
    assert "9000" not in json.dumps(said)
    assert json.loads((tmp_path / "suite.json").read_bytes())["expectations"]
    whole = json.loads((tmp_path / "verdict.json").read_bytes())
    assert whole["result"]["expectations"][2]["examples"] == [9000]
    assert len(whole["salt"]) == 32
    assert visitor.get(f"{at}/verdict/document").content == (tmp_path / "counts.json").read_bytes()
    refused = visitor.get(f"{at}/verdict/document", params={"which": "verdict"})
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "values-withheld")
    assert visitor.get(f"{at}/verdict/document", params={"which": "all"}).status_code == 422
    page = own.get(f"/releases/{release.id}/verdict").text
    assert f'{at}/verdict/document?which=verdict"' in page
    with stocked.write() as work:
        row = work.db.get_one(VerdictRow, release.verdict_id)
        row.result = row.result | {"rows": 3}
    altered = own.get(f"{at}/verdict/document")
    assert (altered.status_code, altered.json()["reasons"][0]["code"]) == (409, "document-altered")


def test_the_department_sees_charts_and_the_rows_that_failed(stocked: House) -> None:
    with stocked.write() as work:
        save_suite(work, expectations=[*SUITE["expectations"][:2], BOUNDED, LISTED])
    hand_in(stocked, "lin", CLEAN)
    batch = hand_in(stocked, "lin", FAILS)
    page = browser_as(stocked, "lin").get(f"/batches/{batch.id}/verdict").text
    for chart in ("v-rule", "v-column", "v-time", "v-spread"):
        assert f'data-chart="{chart}-data"' in page
    assert "不符规则的行" in page
    assert "<td>北门</td>" in page
    other = browser_as(stocked, "lin").get(f"/batches/{batch.id}/verdict?rule=4").text
    assert "“name”的分布与界限" in other
    watching = client_as(stocked, "eye").get(f"/api/v1/batches/{batch.id}/verdict")
    assert watching.status_code == 200
    assert "<td>北门</td>" not in browser_as(stocked, "eye").get(f"/batches/{batch.id}/verdict").text
    assert client_as(stocked, "other").get(f"/api/v1/batches/{batch.id}/verdict").status_code == 404
    waiting = hand_in(stocked, "lin", CLEAN + b"P09,x,1,1,2026-03-02\n", check=False)
    assert client_as(stocked, "lin").get(f"/api/v1/batches/{waiting.id}/verdict").status_code == 409


def test_a_withdrawn_release_shows_its_verdict_to_outsiders_no_more(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    client_as(stocked, "zhou").post(f"/api/v1/releases/{release.id}/withdraw", json={"reason": "坐标有误"})
    assert client_as(stocked).get(f"/api/v1/releases/{release.id}/verdict").status_code == 410
    assert client_as(stocked, "lin").get(f"/api/v1/releases/{release.id}/verdict").status_code == 200


def test_scores_run_over_releases_and_say_what_to_mend_first(stocked: House) -> None:
    publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    with stocked.write() as work:
        save_suite(work, expectations=[*SUITE["expectations"], BOUNDED, LISTED])
    second = hand_in(stocked, "lin", CLEAN + "P04,南门,3000,3,2026-03-02\n".encode())
    _confirmed(stocked, second.id)
    publish(stocked, "zhou", second.id)
    found = client_as(stocked).get(f"/api/v1/datasets/{DATASET}/quality").json()
    assert (found["releases"][0]["number"], found["releases"][0]["score"]) == (1, 100.0)
    assert found["releases"][1]["score"] == found["scores"]["total"] < 100
    gains = [each["gain"] * each["failing_share"] for each in found["mend_first"]]
    assert len(gains) == 2
    assert gains == sorted(gains, reverse=True)
    assert found["mend_first"][0]["gain"] > 0
    assert found["scheme"]["grades"][0]["code"] == "A"
    page = client_as(stocked).get(f"/datasets/{DATASET}/quality").text
    assert all(word in page for word in ("先改什么", 'data-chart="q-trend-data"', "数据元素完整性"))


def test_a_dataset_without_a_verdict_and_a_hidden_one(stocked: House) -> None:
    visitor = client_as(stocked)
    assert visitor.get(f"/api/v1/datasets/{DATASET}/quality").json()["scores"] is None
    assert "还没有可评分的结论" in visitor.get(f"/datasets/{DATASET}/quality").text
    assert visitor.get("/api/v1/datasets/NOBODY/quality").status_code == 404


def test_the_commands_tell_the_same(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    where = ["--data-dir", str(stocked.settings.data_dir), "--as", "lin", "--json"]
    told = json.loads(CliRunner().invoke(release_command, ["verdict", release.id, *where]).stdout)
    assert [rule["outcome"] for rule in told["rules"]] == ["passed"] * 3
    told = json.loads(CliRunner().invoke(batch_command, ["verdict", release.batch_id, *where]).stdout)
    assert told["batch_number"] == 1
    told = json.loads(CliRunner().invoke(dataset_command, ["quality", DATASET, *where]).stdout)
    assert told["scores"]["grade"] == "A"


def test_own_checks_stand_beside_the_rules_and_say_what_to_mend(stocked: House) -> None:
    first = hand_in(stocked, "lin", CLEAN)
    lin = client_as(stocked, "lin")
    told = lin.get(f"/api/v1/batches/{first.id}/verdict").json()
    assert {each["indicator"] for each in told["checks"] if each["score"] is None} == {"0601", "0602"}
    release = publish(stocked, "zhou", first.id)
    quality = lin.get(f"/api/v1/datasets/{DATASET}/quality").json()
    assert (quality["release_id"], quality["release_number"], quality["batch_id"]) == (
        release.id,
        1,
        first.id,
    )
    assert all(each["score"] == 100 for each in quality["checks"])
    with stocked.write() as work:
        row = work.db.get_one(DatasetRow, DATASET)
        assert row.quality_score == quality["scores"]["total"] == quality["releases"][-1]["score"]
        row.license_id = ""
    stocked.files.remove(release.sha256 or "")
    found = client_as(stocked).get(f"/api/v1/datasets/{DATASET}/quality").json()
    failing = {each["key"] for each in found["checks"] if each["score"] == 0}
    assert failing == {"file-stored", "licence"} == {each["check"] for each in found["mend_first"]}
    assert found["scores"]["total"] < quality["scores"]["total"]
    for path in (f"/datasets/{DATASET}/quality", f"/releases/{release.id}/verdict"):
        page = client_as(stocked).get(path).text
        assert 'id="check-licence"' in page
        assert 'href="' in page
        assert "#check-file-stored" in page
        assert "在记录中选择使用许可" in page
