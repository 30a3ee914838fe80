"""pandas, polars, DuckDB and the real Delta Sharing client against a real server process."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from api.house import House
from tests.conftest import TestClock
from tests.datasets.extracts.scene import COLUMNS, VENUES, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server, in_duckdb
from tests.people import client_as

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / ".venv-delta" / "bin" / "python"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.fixture
def url(scene: Scene) -> Iterator[str]:
    makes(scene)
    with a_server(scene.house, a_port()) as served:
        yield served


def _link(scene: Scene, url: str) -> str:
    made = client_as(scene.house, "analyst").post(f"/api/v1/grants/{scene.grant_id}/links", json={})
    return str(made.json()["url"]).replace("http://127.0.0.1:8000", url)


def test_pandas_polars_and_duckdb_read_the_signed_link(scene: Scene, url: str) -> None:
    link = _link(scene, url)
    frame = pd.read_parquet(link, columns=["venue_id", "rooms"])
    assert frame.shape == (5, 2)
    lazy = pl.scan_parquet(link).filter(pl.col("rooms") > 10).select("venue_id")
    assert sorted(lazy.collect()["venue_id"]) == ["V1", "V2", "V5"]
    (found,) = in_duckdb("select count(*), sum(rooms) from read_parquet(?)", link)
    assert found == (5, 104)
    scene.revokes()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        pd.read_parquet(link)
    with pytest.raises(OSError, match="403"):
        pl.scan_parquet(link).collect()
    with pytest.raises(duckdb.HTTPException):
        in_duckdb("select count(*) from read_parquet(?)", link)


@pytest.fixture
def client() -> Path:
    if not CLIENT.exists():
        if os.environ.get("DATAGRANT_REQUIRE_DELTA"):
            pytest.fail("the Delta Sharing client is missing: make delta")
        pytest.skip("the Delta Sharing client is not installed: make delta")
    return CLIENT


def test_the_real_client_reads_versions_limits_and_changes(
    scene: Scene, client: Path, clock: TestClock, tmp_path: Path
) -> None:
    makes(scene)
    clock.now += timedelta(hours=1)
    more = pa.concat_tables([a_table(), a_table().slice(0, 1)])
    makes(scene, scene.releases(more, 2))
    port = a_port()
    text = client_as(scene.house, "analyst").post(f"/api/v1/grants/{scene.grant_id}/profile", json={}).text
    profile = tmp_path / "grant.share"
    profile.write_text(text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"))
    table, chinese = f"safety.PK.{VENUES}", "旅游安全.停车.旅游场所名录"
    asked: dict[str, Any] = {
        "all": {"do": "load", "table": table},
        "parquet": {"do": "load", "table": table, "use_delta_format": False},
        "old": {"do": "load", "table": table, "version": 1},
        "two": {"do": "load", "table": table, "limit": 2},
        "hint": {"do": "load", "table": table, "jsonPredicateHints": '{"op":"isNull","children":[]}'},
        "chinese": {"do": "load", "table": chinese},
        "version": {"do": "version", "table": table},
        "arrow": {"do": "arrow", "table": table},
        "changes": {"do": "changes", "table": table, "starting_version": 1},
        "kernel_changes": {"do": "changes", "table": table, "starting_version": 2, "use_delta_format": True},
        "none": {"do": "load", "table": table, "version": 9},
    }
    with a_server(scene.house, port):
        done = subprocess.run(
            [client, ROOT / "tests/datasets/sharing/delta_client.py", profile, json.dumps(asked)],
            capture_output=True, text=True, timeout=200, check=True,
        )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tables"] == [table]
    for name in ("all", "parquet", "hint", "chinese"):
        assert len(found[name]) == 6, (name, found[name])
    assert (len(found["old"]), len(found["two"]), found["version"], found["arrow"]) == (5, 2, 2, "6")
    for name in ("all", "parquet"):
        first = next(row for row in found[name] if row["venue_id"] == "V1")
        assert (first["venue_name"], first["rooms"]) == ("大鹏所城", 12)
        assert first["seen_at"].startswith("2026-03-01T00:30:00")
        assert set(first) == {name for name, *_ in COLUMNS} - {"secret_note"}
        assert first["contact_phone"] != "13800000001"
    for name, wanted in (
        ("changes", {(1, "insert"): 5, (2, "delete"): 5, (2, "insert"): 6}),
        ("kernel_changes", {(2, "delete"): 5, (2, "insert"): 6}),
    ):
        counts: dict[tuple[int, str], int] = {}
        for row in found[name]:
            key = (row["_commit_version"], row["_change_type"])
            counts[key] = counts.get(key, 0) + 1
        assert counts == wanted, name
    assert "There is no version 9" in found["none"]["fault"] or "没有版本 9" in found["none"]["fault"]
    assert scene.view().used.extracts == 2  # two files, one day: however often they were read
