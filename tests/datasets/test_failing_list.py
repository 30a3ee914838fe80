"""The complete list of failing rows: beside `check`, and of a stored verdict as a job."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from api.cli import _assemble
from api.durable import drain
from api.house import House
from core.errors import InputRefused
from datasets import failing_list
from datasets.failing_list import FailingList, demand_form
from datasets.store import citations
from quality.verdict import FailingRow, Outcome
from tests.datasets.parking import (
    CLEAN,
    COLUMNS,
    FAILS,
    a_parking_dataset,
    hand_in,
    publish,
    recheck,
    save_suite,
)
from tests.people import browser_as, client_as

KEYED = [COLUMNS[0] | {"primary": True}, *COLUMNS[1:]]


def _rows(data: bytes) -> list[dict[str, Any]]:
    return pq.read_table(io.BytesIO(data)).to_pylist()


def test_the_list_is_written_in_groups_whatever_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing_list, "_GROUP", 10)
    outcome = Outcome(type="expect_column_values_to_not_be_null", outcome="failed", meta={"rule_id": 7})
    out = tmp_path / "f.parquet"
    with FailingList(out) as kept:
        kept(3, outcome, iter([[FailingRow(n, {}, None) for n in range(k, k + 4)] for k in range(0, 24, 4)]))
        kept(4, outcome, iter([[FailingRow(None, {"a": 1}, {"b": "中"})]]))
    file = pq.ParquetFile(out)
    assert (kept.rows, file.metadata.num_rows, file.metadata.num_row_groups) == (25, 25, 3)
    last = file.read().to_pylist()[-1]
    assert (last["rule"], last["rule_id"], last["row"]) == (4, "7", None)
    assert (last["keys"], last["value"]) == ('{"a": 1}', '{"b": "中"}')


def test_only_two_forms_are_written() -> None:
    with pytest.raises(InputRefused, match="csv"):
        demand_form(Path("rows.xlsx"))


@pytest.mark.slow
@pytest.mark.gx
def test_check_lists_more_rows_than_the_verdict_keeps(tmp_path: Path) -> None:
    data, suite = tmp_path / "d.csv", tmp_path / "s.json"
    data.write_text("id,v\n" + "".join(f"{n},{'=1+1' if n % 2 else 'ok'}\n" for n in range(1, 24_003)))
    rules = [
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "v", "value_set": ["ok"], "mostly": 0.1}, "meta": {"rule_id": "V"}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
    ]  # fmt: skip
    suite.write_text(json.dumps({"expectations": rules}))
    run, app = CliRunner().invoke, _assemble()
    for engine, name in (("duckdb", "f.csv"), ("pandas", "f.parquet")):
        out, report = tmp_path / name, tmp_path / "r.json"
        asked = [
            "check",
            str(data),
            "--suite",
            str(suite),
            "--failing",
            str(out),
            "--key",
            "id",
            "--report",
            str(report),
        ]
        done = run(app, [*asked, "--engine", engine, "--lang", "en"])
        assert done.exit_code == 0, done.output
        assert "12001 in all" in done.output
        assert json.loads(report.read_text())["failing"] == {"path": str(out), "rows": 12_001}
    with (tmp_path / "f.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert len(cells) == len(table) == 12_001
    assert [int(each["row"]) for each in cells] == [each["row"] for each in table]
    assert table[-1] == {
        "rule": 1, "rule_id": "V", "type": rules[0]["type"], "severity": "critical", "outcome": "passed",
        "row": 24_001, "keys": '{"id": 24001}', "value": '"=1+1"',
    }  # fmt: skip
    refused = run(app, ["check", str(data), "--suite", str(suite), "--failing", str(data), "--lang", "en"])
    assert (refused.exit_code, "overwritten" in refused.output) == (2, True)
    refused = run(app, ["check", str(data), "--suite", str(suite), "--failing", "x.xlsx", "--lang", "en"])
    assert (refused.exit_code, "use one of these" in refused.output) == (2, True)


@pytest.mark.gx
def test_a_stored_verdict_is_listed_whole_for_the_department(sqlite_house: House) -> None:
    house = sqlite_house
    with house.write() as work:
        a_parking_dataset(work, columns=KEYED, open_type="C", open_condition="签订协议", data_level=3)
    batch = hand_in(house, "lin", FAILS)
    at, own = f"/api/v1/batches/{batch.id}/verdict/failing", client_as(house, "lin")
    assert own.get(at).status_code == 404
    page = browser_as(house, "lin")
    assert page.submit(f"/batches/{batch.id}/verdict/failing").headers["location"].endswith("#failing")
    drain(house)
    assert f'href="{at}?form=csv"' in page.get(f"/batches/{batch.id}/verdict").text
    taken = own.get(at)
    assert taken.headers["content-disposition"].startswith("attachment")
    told = [(each["rule_id"], each["row"], each["keys"], each["value"]) for each in _rows(taken.content)]
    assert told == [
        ("K1", 3, '{"lot": null}', "null"),
        ("K2", 1, '{"lot": "P01"}', '"P01"'),
        ("K2", 2, '{"lot": "P01"}', '"P01"'),
    ]
    assert own.get(f"{at}?form=csv").content.startswith(b"\xef\xbb\xbf")
    with house.read() as work:
        held = citations.cited(work)
    assert taken.headers["etag"].strip('"') in held
    for who, status in (("eye", 403), ("other", 404)):
        assert client_as(house, who).post(at).status_code == status
        assert client_as(house, who).get(at).status_code == status
    with house.write() as work:
        save_suite(work, name="next")
    recheck(house, "lin", batch.id)
    assert own.get(at).status_code == 404  # another verdict


@pytest.mark.gx
def test_what_counts_otherwise_today_is_left_out_and_named(sqlite_house: House) -> None:
    house = sqlite_house
    rule = {"type": "expect_rows_to_agree_with_last_release", "kwargs": {"max_change": 0.1}}
    grows = {
        "type": "expect_counters_to_grow_since_last_release",
        "kwargs": {"keys": ["lot"], "column": "free"},
        "severity": "warning",
    }
    with house.write() as work:
        a_parking_dataset(work, columns=KEYED)
        save_suite(work, expectations=[{**rule, "severity": "info"}, grows])
    publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    less = CLEAN.replace(b",13,", b",12,")
    batch = hand_in(house, "lin", less)
    at, own = f"/api/v1/batches/{batch.id}/verdict/failing", client_as(house, "lin")
    job = own.post(at).json()
    drain(house)
    assert own.get(f"/api/v1/jobs/{job['id']}").json()["result"]["left_out"] == []
    assert [each["row"] for each in _rows(own.get(at).content)] == [1]
    grown = CLEAN.replace(b",13,", b",14,").replace(b"80,0", b"80,1")
    assert publish(house, "zhou", hand_in(house, "lin", grown).id).state == "published"
    job = own.post(at).json()
    drain(house)
    told = own.get(f"/api/v1/jobs/{job['id']}").json()["result"]
    assert (told["left_out"], told["rows"]) == ([2], 0)  # a second row falls behind the new release
    assert "现在的计数与结论不同" in browser_as(house, "lin").get(f"/batches/{batch.id}/verdict").text
