"""The export suite: nothing leaves that breaks it, and the receipt says what was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.export_suite import app as command
from api.house import House
from auth.actor import SYSTEM
from catalog.assets import asset
from catalog.tables import DatasetRow
from datasets.content import content_digest
from datasets.extracts import export_suite
from datasets.extracts.tables import ExtractRow
from quality.service import current_suite
from quality.suite import Suite
from quality.tables import SuiteVersionRow, VerdictRow
from tests.catalog.records import a_department
from tests.datasets.extracts.scene import VENUES, Scene, a_record, a_scene
from tests.people import a_person, browser_as, client_as

pytestmark = pytest.mark.gx
ROUTE = f"/api/v1/datasets/{VENUES}/export-suite"
PAGE = f"/datasets/{VENUES}/export-suite"
NO_FORMULAS = {
    "type": "expect_column_values_to_not_match_regex",
    "kwargs": {"column": "venue_name", "regex": "^[=＝]"},
}
NO_SECRETS = {"type": "expect_column_values_to_be_null", "kwargs": {"column": "secret_note"}}
NO_PHONES = {"type": "expect_column_values_to_hold_no_phone_numbers", "kwargs": {"column": "contact_phone"}}
GROUPS = {"type": "expect_groups_to_hold_at_least_k_rows", "kwargs": {"column_list": ["district"], "k": 2}}


def _ruled(house: House, *rules: dict[str, Any], **grant: Any) -> Scene:
    scene = a_scene(house, **grant)
    with house.write() as work:
        export_suite.save(work, SYSTEM, asset(work, VENUES), Suite.from_data({"expectations": list(rules)}))
    return scene


def test_an_extract_that_passes_carries_its_verdict_in_the_receipt(house: House) -> None:
    scene = _ruled(house, NO_PHONES, NO_SECRETS)
    made = scene.delivered()
    receipt = json.loads(_receipt(house, made.id))
    with house.read() as work:
        stored = work.db.exec(select(VerdictRow)).one()
        rules = current_suite(work, VENUES, "export")
    assert rules is not None
    said = receipt["export_check"]
    assert said == {
        "verdict_id": stored.id, "verdict": "passed", "suite_number": 1, "suite_sha256": rules.sha256, "rules": 1,
        "content_sha256": content_digest(scene.file(made.id)),
    }  # fmt: skip
    assert (stored.batch_id, stored.content_sha256) == (made.id, said["content_sha256"])
    assert scene.events("extract.delivered")[-1][1]["export_verdict"] == stored.id


def _receipt(house: House, extract_id: str) -> str:
    with house.read() as work:
        return str(work.db.get_one(ExtractRow, extract_id).receipt)


@pytest.mark.parametrize("form", ["extract_parquet", "extract_csv"])
def test_what_breaks_the_suite_is_not_delivered_and_costs_nothing(sqlite_house: House, form: str) -> None:
    scene = _ruled(
        sqlite_house, NO_FORMULAS, NO_PHONES, quotas={"extracts": 1}, forms=["extract_parquet", "extract_csv"]
    )
    with sqlite_house.write() as work:
        work.db.get_one(
            DatasetRow, VENUES
        ).data_level = 1  # no checker stands between: rows are told as they are
    made = scene.asks(form=form)
    scene.works()
    found = scene.extract(made.id)
    assert (found.state, found.sha256, scene.view().used.extracts) == ("failed", None, 0)
    assert "fails in 2 rows" in str(found.failed_en)
    assert "没有交付任何数据" in str(found.failed_zh)
    assert "cmd" not in str(found.failed_en)
    assert [kind for kind, _ in scene.events()][-1] == "extract.failed"
    with sqlite_house.read() as work:
        assert [row.verdict for row in work.db.exec(select(VerdictRow))] == ["failed"]
    assert scene.delivered(columns=["venue_id", "district"], form=form).state == "ready"


def test_only_rules_about_columns_that_leave_are_asked(sqlite_house: House) -> None:
    scene = _ruled(sqlite_house, NO_SECRETS, NO_FORMULAS)
    made = scene.delivered(columns=["venue_id"])
    assert json.loads(_receipt(sqlite_house, made.id))["export_check"]["rules"] == 0


def test_a_rule_that_cannot_run_stops_the_extract_too(sqlite_house: House) -> None:
    broken = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "venue_id", "min_value": 1}}
    scene = _ruled(sqlite_house, broken)
    made = scene.asks(columns=["venue_id"])
    scene.works()
    assert "could not run" in str(scene.extract(made.id).failed_en)


def test_small_groups_stop_it_and_warnings_do_not(sqlite_house: House) -> None:
    scene = _ruled(sqlite_house, GROUPS)
    made = scene.asks(columns=["district"])
    scene.works()
    assert scene.extract(made.id).state == "failed"
    with sqlite_house.write() as work:
        softer = Suite.from_data({"expectations": [GROUPS | {"severity": "warning"}]})
        export_suite.save(work, SYSTEM, asset(work, VENUES), softer)
    made = scene.delivered(columns=["district"])
    assert json.loads(_receipt(sqlite_house, made.id))["export_check"]["suite_number"] == 2


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "parks")
        a_department(work, "rivers")
        a_record(work)
        a_person(work, "eye", "parks", [("auditor", "*")])
    return sqlite_house


def test_versions_are_kept_apart_from_those_of_the_suite_for_batches(desk: House) -> None:
    client = client_as(desk, "parks-steward")
    assert client.get(ROUTE).status_code == 404
    first = client.put(ROUTE, json={"suite": {"expectations": [NO_PHONES]}, "note": "首版"})
    assert (first.status_code, first.json()["number"], first.json()["dataset_id"]) == (200, 1, VENUES)
    batches = client.put(
        f"/api/v1/datasets/{VENUES}/suite", json={"suite": {"expectations": [NO_FORMULAS]}, "note": ""}
    )
    assert batches.json()["number"] == 1
    second = client.put(
        ROUTE, json={"suite": {"expectations": [NO_PHONES, NO_SECRETS]}}, headers={"If-Match": '"1"'}
    )
    assert second.json()["number"] == 2
    assert (
        client.put(ROUTE, json={"suite": {"expectations": [GROUPS]}}, headers={"If-Match": '"1"'}).status_code
        == 412
    )
    assert [each["number"] for each in client.get(f"{ROUTE}/history").json()["items"]] == [2, 1]
    assert len(client.get(ROUTE, params={"number": 1}).json()["suite"]["expectations"]) == 1
    assert (
        client.get(f"/api/v1/datasets/{VENUES}/suite").json()["suite"]["expectations"][0]["type"]
        == NO_FORMULAS["type"]
    )


@pytest.mark.parametrize(
    ("who", "read", "write"), [(None, 401, 401), ("eye", 404, 403), ("rivers-steward", 404, 404)]
)
def test_only_the_department_writes_it(desk: House, who: str | None, read: int, write: int) -> None:
    client = client_as(desk, who)
    assert client.get(ROUTE).status_code == read
    assert client.put(ROUTE, json={"suite": {"expectations": [NO_PHONES]}}).status_code == write


def test_it_is_written_and_read_on_pages(desk: House) -> None:
    browser = browser_as(desk, "parks-steward")
    assert "还没有出域规则集" in browser.get(PAGE).text
    editor = browser.get(f"{PAGE}/edit").text
    assert "expect_column_values_to_be_null" in editor  # contact_phone names a person
    wrong = browser.post(PAGE, data={"json": "{", "note": "n", "version": "0", "csrf": browser.csrf})
    assert wrong.status_code == 422
    text = json.dumps({"name": "out", "expectations": [NO_PHONES]})
    done = browser.post(PAGE, data={"json": text, "note": "首版", "version": "0", "csrf": browser.csrf})
    assert "不得含有手机号码" in done.text
    assert "首版" in browser.get(PAGE, params={"number": 1}).text
    assert browser.get(PAGE, params={"number": 7}).status_code == 404
    assert browser_as(desk, "rivers-steward").get(PAGE).status_code == 404


def test_the_command_saves_and_shows_it(desk: House, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    file.write_text(json.dumps({"name": "out", "expectations": [NO_PHONES]}), encoding="utf-8")
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "parks-steward", "--json"]
    saved = CliRunner().invoke(command, ["save", VENUES, str(file), "--note", "首版", *where])
    assert saved.exit_code == 0, saved.output
    shown = json.loads(CliRunner().invoke(command, ["show", VENUES, *where]).stdout)
    assert shown["suite"]["expectations"][0]["type"] == NO_PHONES["type"]
    assert json.loads(CliRunner().invoke(command, ["history", VENUES, *where]).stdout)["total"] == 1
    with desk.read() as work:
        assert len(work.db.exec(select(SuiteVersionRow)).all()) == 1
