"""The demo from an empty directory: what a newcomer sees first must be true."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
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
