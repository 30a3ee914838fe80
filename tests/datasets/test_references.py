"""Suites that compare with another dataset's current release or with their own last one."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from sqlmodel import col, select

from api.durable import drain
from api.house import House
from auth.audit import AuditEventRow
from catalog.assets import asset
from catalog.tables import DatasetRow
from datasets import references
from datasets.batches import service as batches
from datasets.batches.tables import BatchRow
from datasets.releases import service as releases
from datasets.releases.tables import ReleaseRow
from quality import service as quality
from quality.suite import Suite
from tests.catalog.records import a_dataset
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish, recheck, the_batch
from tests.people import a_person, actor_of, browser_as, client_as

pytestmark = pytest.mark.gx
MASTER: Final = "DP-PK-901"
LOTS: Final = b"lot_id,free_spaces\nP01,120\nP02,80\n"
MORE: Final = b"lot_id,free_spaces\nP01,120\nP02,80\nP03,1\n"
KNOWN: Final[dict[str, Any]] = {
    "type": "expect_column_values_to_exist_in_dataset",
    "kwargs": {"column": "lot", "dataset": MASTER, "other_columns": ["lot_id"]},
    "meta": {"rule_id": "F1"},
}
KEPT: Final[dict[str, Any]] = {
    "type": "expect_rows_to_agree_with_last_release",
    "kwargs": {"keys": ["lot"], "max_removed": 0, "max_change": 0.5},
}
ROUTE: Final = f"/api/v1/datasets/{DATASET}/suite"


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    """Two departments: `traffic` with the dataset that is judged, `weather` with the register that it is compared with."""
    with sqlite_house.write() as work:
        a_parking_dataset(work)
        a_person(work, "rain", "weather", ["steward"])
        a_dataset(work, MASTER, "weather")
        rule = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
        quality.save_suite(
            work, actor_of(work, "other"), asset(work, MASTER), Suite.from_data({"expectations": [rule]})
        )
    return sqlite_house


def _register(house: House, data: bytes) -> ReleaseRow:
    """The register's next release."""
    stored = house.files.put([data])
    with house.write() as work:
        made = batches.receive(work, actor_of(work, "other"), MASTER, "lots.csv", stored)
    drain(house)
    return publish(house, "rain", made.id)


def _rules(house: House, *rules: dict[str, Any]) -> None:
    with house.write() as work:
        suite = Suite.from_data({"name": "parking", "expectations": list(rules)})
        references.save(work, actor_of(work, "lin"), asset(work, DATASET), suite)


def _outcome(house: House, batch: BatchRow, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = (
        client_as(house, "lin").get(f"/api/v1/batches/{batch.id}").json()["outcomes"][place]
    )
    return found


def test_the_verdict_names_the_release_that_it_was_compared_with(stocked: House) -> None:
    first = _register(stocked, LOTS)
    _rules(stocked, KNOWN)
    batch = hand_in(stocked, "lin", CLEAN)
    assert (batch.state, _outcome(stocked, batch)["unexpected_count"]) == ("failed", 1)
    assert _outcome(stocked, batch)["examples"] == ["P03"]
    pinned = {"kind": "dataset", "name": MASTER, "release_id": first.id, "number": 1, "sha256": first.sha256, "content_sha256": first.content_sha256}  # fmt: skip
    read = client_as(stocked, "lin").get(f"/api/v1/batches/{batch.id}/verdict").json()
    assert read["compared_with"] == [pinned | {"version": ""}]
    with stocked.read() as work:
        noted = work.db.exec(
            select(AuditEventRow)
            .where(AuditEventRow.kind == "batch.checked", AuditEventRow.subject == batch.id)
            .order_by(col(AuditEventRow.seq).desc())
        ).first()
    assert noted is not None
    assert json.loads(noted.payload)["compared_with"] == [pinned]


def test_the_newest_release_counts_and_the_pinned_one_stays_in_older_verdicts(stocked: House) -> None:
    _register(stocked, LOTS)
    _rules(stocked, KNOWN)
    early = hand_in(stocked, "lin", CLEAN)
    later = _register(stocked, MORE)
    now = recheck(stocked, "lin", early.id)
    assert (early.state, now.state) == ("failed", "passed")
    assert later.number == 2
    release = publish(stocked, "zhou", now.id)
    nodes = client_as(stocked, "lin").get(f"/api/v1/releases/{release.id}/lineage").json()["nodes"]
    (verdict,) = (node for node in nodes if node["kind"] == "verdict")
    assert [each["release_id"] for each in verdict["compared_with"]] == [later.id]


def test_without_a_published_release_nothing_passes_and_nothing_fails(stocked: House) -> None:
    _rules(stocked, KNOWN)
    batch = hand_in(stocked, "lin", MORE.replace(b"lot_id,free_spaces", b"lot,free"))
    assert batch.state == "error"
    assert "尚未发布" in _outcome(stocked, batch)["error"]
    assert "has no published release" in _outcome(stocked, batch)["error"]
    release = _register(stocked, MORE)
    assert recheck(stocked, "lin", batch.id).state == "passed"
    with stocked.write() as work:
        releases.withdraw(work, actor_of(work, "guard"), release.id, "登记有误，全部撤回")
    again = hand_in(stocked, "lin", CLEAN)
    assert again.state == "error"


def _share(house: House, **changes: Any) -> None:
    with house.write() as work:
        row = work.db.get_one(DatasetRow, MASTER)
        for name, value in changes.items():
            setattr(row, name, value)
        work.db.add(row)


@pytest.mark.parametrize(
    ("sharing", "status"),
    [
        ({"share_type": "1", "open_type": "C", "data_level": 3}, 200),
        ({"share_type": "2", "open_type": "U"}, 200),
        ({"share_type": "2", "open_type": "C"}, 422),
        ({"share_type": "3", "open_type": "N"}, 422),
        ({"share_type": "1", "state": "draft"}, 422),
        ({"share_type": "3", "open_type": "N", "publisher": "traffic"}, 200),
    ],
)
def test_a_suite_names_only_what_its_department_may_read(
    stocked: House, sharing: dict[str, Any], status: int
) -> None:
    _share(stocked, **sharing)
    client = client_as(stocked, "lin")
    body = {"suite": {"expectations": [KNOWN, KEPT]}, "note": "对照登记"}
    answer = client.put(ROUTE, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == status, answer.text
    if status == 422:
        assert [reason["code"] for reason in answer.json()["reasons"]] == ["dataset-not-readable"]
        hand_in(stocked, "lin", CLEAN)
        assert client.post(f"{ROUTE}/try", json={"suite": body["suite"]}).status_code == 422


def test_the_editor_refuses_with_every_reason_and_keeps_what_was_typed(stocked: House) -> None:
    browser = browser_as(stocked, "lin")
    nowhere = KNOWN | {"kwargs": KNOWN["kwargs"] | {"dataset": "DP-PK-999"}}
    listed = {
        "type": "expect_column_values_to_be_in_code_list",
        "kwargs": {"column": "lot", "code_list": "no-such-list"},
    }
    text = json.dumps({"name": "parking", "expectations": [nowhere, listed]})
    form = {"json": text, "note": "对照", "version": "1", "csrf": browser.csrf}
    answer = browser.post(f"/datasets/{DATASET}/suite", data=form)
    assert answer.status_code == 422
    assert "没有数据集 DP-PK-999" in answer.text
    assert "没有代码表 no-such-list" in answer.text
    assert "no-such-list&#34;" in answer.text


def test_a_right_that_was_lost_since_stops_the_comparison(stocked: House) -> None:
    _register(stocked, MORE)
    _rules(stocked, KNOWN)
    assert hand_in(stocked, "lin", CLEAN).state == "passed"
    _share(stocked, share_type="2", open_type="C")
    batch = hand_in(stocked, "lin", CLEAN + b"P01,x,1,1,2026-03-01\n")
    assert batch.state == "error"
    assert "neither open to all nor shared" in _outcome(stocked, batch)["error"]


def test_the_first_release_stands_alone_and_the_next_is_held_against_it(stocked: House) -> None:
    _rules(stocked, KEPT)
    first = hand_in(stocked, "lin", CLEAN)
    assert (first.state, _outcome(stocked, first)["observed_value"]) == (
        "passed",
        {"rows": 3, "last_rows": None},
    )
    publish(stocked, "zhou", first.id)
    fewer = hand_in(stocked, "lin", b"\n".join(CLEAN.splitlines()[:3]))
    assert fewer.state == "failed"
    assert _outcome(stocked, fewer)["observed_value"] == {
        "rows": 2,
        "last_rows": 3,
        "last_keys": 3,
        "keys_removed": 1,
    }
    assert the_batch(stocked, first.id).state == "released"


def test_a_dry_run_compares_as_the_gate_does(stocked: House) -> None:
    _register(stocked, LOTS)
    batch = hand_in(stocked, "lin", CLEAN)
    client = client_as(stocked, "lin")
    asked = client.post(f"{ROUTE}/try", json={"suite": {"expectations": [KNOWN]}, "batch_id": batch.id})
    drain(stocked)
    result = client.get(f"/api/v1/jobs/{asked.json()['id']}").json()["result"]
    assert (result["verdict"], result["expectations"][0]["failing_rows"]) == ("failed", [3])


def test_the_update_frequency_of_the_record_is_handed_over(stocked: House) -> None:
    fresh = {
        "type": "expect_column_values_to_be_fresh",
        "kwargs": {"column": "at", "max_age": "by_frequency"},
    }
    suite = Suite.from_data({"expectations": [fresh]})
    for freq, interval, age in (
        ("3", None, "PT2160M"), ("9", "PT1H", "PT120M"), ("1", None, None), ("9", "P1D", "PT2880M"),
    ):  # fmt: skip
        with stocked.write() as work:
            row = work.db.get_one(DatasetRow, DATASET)
            row.update_freq, row.update_interval = freq, interval
            work.db.add(row)
        with stocked.read() as work:
            often = references.look_up(work, stocked.files, DATASET, suite).frequency
        assert often is not None
        assert (often.name, often.max_age) == (interval or freq, age)
