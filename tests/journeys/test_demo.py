"""The demo from an empty directory: what a newcomer sees first must be true."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from api.house import open_house
from api.sample.journeys import let_out
from api.sample.stage import done, stage
from api.worker import ensure_worker
from core.settings import Settings
from tests.api.test_validators import judged
from tests.campaigns import standards
from tests.datasets.sharing.server import a_port, a_server

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv-delta" / "bin" / "python"
QUASI = ["event_time", "event_type", "subdistrict"]
pytestmark = [pytest.mark.gx, pytest.mark.slow]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's directory and what it printed."""
    data_dir = tmp_path_factory.mktemp("demo") / "data"
    done = _datagrant("demo", "--data-dir", str(data_dir), "--no-serve")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return data_dir, done.stdout


def _datagrant(*words: str) -> subprocess.CompletedProcess[str]:
    code = "from api.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=280,
    )


@pytest.fixture(scope="module")
def visited(played: tuple[Path, str]) -> Iterator[tuple[TestClient, list[str]]]:
    """A visitor of it, and the records that he may see."""
    house = open_house(Settings(data_dir=played[0], demo=True, worker=False))
    yield standards.seen(house)
    house.engine.dispose()


def test_the_journeys_are_told_step_by_step(played: tuple[Path, str]) -> None:
    _, printed = played
    for step in (
        "质量放行拦下",
        "更正批次，校验通过",
        "另一人复核并发布",
        "匿名下载",
        "准予但收窄",
        "签署",
        "被拒：column-not-granted",
        "签发豁免",
        "来源取得 预警信号_20261009.csv",
        "改正 2 个单元格并交回",
        "新增 3 行，变更 2 行",
        "完整无改动",
    ):
        assert step in printed


def test_the_extract_opens_everywhere_and_holds_only_what_was_granted(played: tuple[Path, str]) -> None:
    data_dir, printed = played
    path = data_dir / "extract-DP-SF-002.parquet"
    assert str(path) in printed
    frame = pd.read_parquet(path)
    wanted = ["event_id", "event_time", "event_type", "subdistrict", "injured", "response_min"]
    assert list(frame.columns) == wanted
    assert set(frame["event_type"]) <= {"溺水", "跌落", "迷路"}
    assert (frame["event_time"].dt.day == 1).all()
    assert pq.read_table(path).num_rows == len(frame)
    assert duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchone() == (len(frame),)
    titles = pq.read_schema(path).field("event_type").metadata
    assert titles[b"title_zh"].decode() == "事件类型"


def test_the_receipt_names_the_file(played: tuple[Path, str]) -> None:
    data_dir, _ = played
    receipt = json.loads((data_dir / "extract-DP-SF-002.receipt.json").read_text(encoding="utf-8"))
    file = data_dir / "extract-DP-SF-002.parquet"
    assert receipt["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert receipt["rows"] == pq.read_metadata(file).num_rows


def test_no_group_below_ten_leaves(played: tuple[Path, str]) -> None:
    """Over everything that the grant lets leave of what could single somebody out; by the rule, which the receipt names."""
    data_dir, _ = played
    path = data_dir / "extract-DP-SF-002.parquet"
    assert pd.read_parquet(path).groupby(QUASI).size().min() >= 10
    smallest = f"SELECT min(n) FROM (SELECT count(*) AS n FROM '{path}' GROUP BY {', '.join(QUASI)})"
    assert (duckdb.sql(smallest).fetchone() or (0,))[0] >= 10
    receipt = json.loads((data_dir / "extract-DP-SF-002.receipt.json").read_text(encoding="utf-8"))
    said = receipt["small_cells"]
    assert (sorted(said["quasi_identifiers"]), said["min_rows"]) == (QUASI, 10)
    assert any(
        value > 0 for key, value in said.items() if key not in {"quasi_identifiers", "min_rows", "rule"}
    )


def test_the_receipt_verifies_offline_and_no_other_file_does(
    played: tuple[Path, str], tmp_path: Path
) -> None:
    data_dir, _ = played
    told = _datagrant("receipt", "key", "--data-dir", str(data_dir), "--json")
    key = next(value for value in json.loads(told.stdout).values() if len(str(value)) == 64)
    receipt, file = (data_dir / f"extract-DP-SF-002.{ending}" for ending in ("receipt.json", "parquet"))
    sound = _datagrant("receipt", "verify", str(receipt), "--file", str(file), "--key", key)
    assert (sound.returncode, "sound" in sound.stdout) == (0, True), sound.stderr
    (tmp_path / "other.parquet").write_bytes(file.read_bytes()[:-1])
    other = _datagrant(
        "receipt", "verify", str(receipt), "--file", str(tmp_path / "other.parquet"), "--key", key
    )
    assert other.returncode == 1


def test_the_delta_sharing_client_reads_the_same_rows_under_the_same_grant(
    played: tuple[Path, str], tmp_path: Path
) -> None:
    """Its view is made by the worker and reviewed by two people before it is read, as the extract was."""
    if not CLIENT.exists():
        if os.environ.get("DATAGRANT_REQUIRE_DELTA"):
            pytest.fail("the Delta Sharing client is missing: make delta")
        pytest.skip("the Delta Sharing client is not installed: make delta")
    data_dir, _ = played
    grant = json.loads((data_dir / "extract-DP-SF-002.receipt.json").read_text(encoding="utf-8"))["grant"]
    house = open_house(Settings(data_dir=data_dir, demo=True, worker=False))
    ensure_worker(data_dir)
    port = a_port()
    with stage(house, lambda _who, _what: None) as scene:
        with scene.as_("insurer-analyst") as api:
            view = api.post(f"/grants/{grant}/views", {})
            done(api, view["job_id"])
        let_out(scene, view["id"])
        with scene.as_("insurer-analyst") as api:
            text = api.http.post(f"/api/v1/grants/{grant}/profile", json={}).text
    profile = tmp_path / "grant.share"
    profile.write_text(text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"), encoding="utf-8")
    table = "safety.SF.DP-SF-002"
    with a_server(house, port):
        read = subprocess.run(
            [CLIENT, ROOT / "tests/datasets/sharing/delta_client.py", profile, json.dumps({"all": {"do": "load", "table": table}})],
            capture_output=True, text=True, timeout=200, check=True,
        )  # fmt: skip
    house.engine.dispose()
    found = json.loads(read.stdout.splitlines()[-1])
    assert found["tables"] == [table]
    frame = pd.DataFrame(found["all"])
    extract = pd.read_parquet(data_dir / "extract-DP-SF-002.parquet")
    assert frame.groupby(QUASI).size().min() >= 10
    assert set(extract["event_id"]) <= set(frame["event_id"])  # the extract took three kinds of events


def test_the_commands_answer_on_it(played: tuple[Path, str]) -> None:
    data_dir, _ = played
    where = ("--data-dir", str(data_dir))
    verified = _datagrant("audit", "verify", *where, "--as", "auditor", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["holds"] is True
    listed = _datagrant("dataset", "list", *where, "--json")
    assert len(json.loads(listed.stdout)["items"]) == 15
    token = _datagrant("token", "issue", "admin", *where)
    assert token.returncode == 0
    assert token.stdout.startswith("pda_")
    assert len(token.stdout.split()) == 1


def test_a_second_start_keeps_what_is_there(played: tuple[Path, str]) -> None:
    data_dir, _ = played
    again = _datagrant("demo", "--data-dir", str(data_dir), "--no-serve")
    assert again.returncode == 0
    assert "already" in again.stdout


def test_a_demo_is_not_served_as_if_it_were_real(played: tuple[Path, str]) -> None:
    data_dir, _ = played
    refused = _datagrant("serve", "--data-dir", str(data_dir), "--port", "8999")
    assert refused.returncode == 2
    assert "demo installation" in refused.stderr


@pytest.mark.shared
@pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"
)  # rdflib's own JSON-LD reader
@pytest.mark.parametrize("what", standards.JUDGES)
def test_every_outside_validator_is_content_with_the_sample_catalogue(
    what: str,
    visited: tuple[TestClient, list[str]],
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path))
    judged(what, *visited)
