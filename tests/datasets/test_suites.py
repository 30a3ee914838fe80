"""Suites before they bind: proposed from a batch, tried on a batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.suite import app as command
from api.durable import drain
from api.house import House
from quality.tables import SuiteVersionRow, VerdictRow
from tests.datasets.parking import CLEAN, DATASET, FAILS, SUITE, a_parking_dataset, hand_in, the_batch
from tests.people import browser_as, client_as

pytestmark = pytest.mark.gx
ROUTE = f"/api/v1/datasets/{DATASET}/suite"
PAGE = f"/datasets/{DATASET}/suite"


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def _stored(house: House) -> tuple[int, int]:
    with house.read() as work:
        return len(work.db.exec(select(SuiteVersionRow)).all()), len(work.db.exec(select(VerdictRow)).all())


def test_a_dry_run_says_how_many_rows_would_fail_and_binds_nothing(stocked: House) -> None:
    batch = hand_in(stocked, "lin", FAILS)
    before = _stored(stocked)
    client = client_as(stocked, "zhou")
    asked = client.post(f"{ROUTE}/try", json={"suite": SUITE, "batch_id": batch.id})
    assert (asked.status_code, asked.json()["kind"]) == (202, "suite.try")
    drain(stocked)
    result = client.get(f"/api/v1/jobs/{asked.json()['id']}").json()["result"]
    assert (result["verdict"], result["rows"], result["batch_number"]) == ("failed", 3, 1)
    assert [each["unexpected_count"] for each in result["expectations"]] == [1, 2, 0]
    assert result["expectations"][1]["failing_rows"] == [1, 2]
    assert not any("examples" in each or "observed_value" in each for each in result["expectations"])
    assert _stored(stocked) == before
    assert the_batch(stocked, batch.id).version == batch.version


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("eye", 403), ("guard", 403), ("other", 404)])
def test_only_stewards_of_the_department_try_and_propose(
    stocked: House, who: str | None, status: int
) -> None:
    hand_in(stocked, "lin", CLEAN)
    client = client_as(stocked, who)
    assert client.post(f"{ROUTE}/try", json={"suite": SUITE}).status_code == status
    assert client.post(f"{ROUTE}/propose").status_code == status


def test_without_a_batch_that_was_read_nothing_can_be_tried(stocked: House) -> None:
    client = client_as(stocked, "lin")
    assert client.post(f"{ROUTE}/propose").status_code == 409
    assert client.post(f"{ROUTE}/try", json={"suite": SUITE}).status_code == 409
    assert client.post(f"{ROUTE}/propose", params={"batch": "nobody"}).status_code == 404


def test_a_proposal_is_made_from_the_newest_batch_and_the_dictionary(stocked: House) -> None:
    hand_in(stocked, "lin", CLEAN)
    proposed = client_as(stocked, "lin").post(f"{ROUTE}/propose").json()
    first = proposed["expectations"][0]
    assert (first["type"], first["kwargs"]["column_set"]) == ("expect_table_columns_to_match_set", ["lot"])
    assert _stored(stocked)[0] == 1


def test_the_editor_is_filled_by_a_proposal_and_shows_the_trial(stocked: House) -> None:
    batch = hand_in(stocked, "lin", FAILS)
    browser = browser_as(stocked, "lin")
    filled = browser.post(f"{PAGE}/propose", data={"batch": batch.id, "version": "1", "csrf": browser.csrf})
    assert (filled.status_code, "expect_table_columns_to_match_set" in filled.text) == (200, True)
    typed = {
        "csrf": browser.csrf,
        "json": json.dumps(SUITE),
        "note": "先试试",
        "version": "1",
        "batch": batch.id,
    }
    begun = browser.post(f"{PAGE}/try", data=typed, follow_redirects=False)
    drain(stocked)
    shown = browser.get(begun.headers["location"]).text
    assert all(word in shown for word in ("试跑结果", "先试试", "不得重复", "1, 2"))
    broken = browser.post(f"{PAGE}/try", data=typed | {"json": "{"})
    assert (broken.status_code, "不是合法的 JSON" in broken.text) == (422, True)
    assert browser.get(f"{PAGE}/edit?trial=nobody").status_code == 404


def test_the_command_proposes_for_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_bytes(CLEAN)
    out = tmp_path / "suite.json"
    done = CliRunner().invoke(command, ["propose", str(tmp_path / "lots.csv"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    proposed: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert proposed["name"] == "lots"
    assert CliRunner().invoke(command, ["propose", str(tmp_path / "none.csv")]).exit_code == 2
    assert "by_frequency" not in out.read_text(encoding="utf-8")
    dated = tmp_path / "dated.csv"
    dated.write_text("lot,seen\nA,2026-03-01\nB,2026-03-02\n", encoding="utf-8")
    paced = CliRunner().invoke(command, ["propose", str(dated), "--update-frequency", "3"])
    assert '"max_age": "by_frequency"' in paced.output, paced.output
    assert CliRunner().invoke(command, ["propose", str(dated), "--update-frequency", "often"]).exit_code == 2
