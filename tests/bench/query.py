"""How long one statistical question takes on 5,000,000 rows: `python -m tests.bench.query [ROWS]`. The contributor index is made first.

All of it, through the service and its database (SQLite): decision, digest of the release file, scan, shares of contributors, disclosure rules,
the guard over what was told before, decision again, charge, record, and the sets of rows that are kept. Each round asks something new, so the
guard weighs it against the rounds before. For comparison, the floor: DuckDB's bare GROUP BY of the same figures over the same file.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from api.house import open_house
from core.settings import Settings
from datasets.queries.engine import contributors
from tests.conftest import TestClock
from tests.datasets.extracts.scene import a_release
from tests.datasets.queries.scene import GRANTED, STAYS, QueryScene, a_query_scene, stays

FIGURES = [{"kind": "count"}, {"kind": "sum", "column": "fee"}, {"kind": "mean", "column": "fee"}]


def a_table(rows: int) -> pa.Table:
    """Stays of 400,000 owners in twelve days of seven lots."""
    rng = np.random.default_rng(1)
    lots = pa.array([f"P{at}" for at in range(7)])
    return pa.table(
        {
            "stay_id": pa.array(np.arange(rows)).cast(pa.string()),
            "plate": pa.array(rng.integers(0, 400_000, rows)).cast(pa.string()),
            "lot": lots.take(pa.array(rng.integers(0, 7, rows))),
            "day": rng.integers(1, 13, rows),
            "fee": rng.gamma(2, 10, rows).round(2),
            "minutes": rng.integers(1, 600, rows),
        }
    )


def measured(rows: int, rounds: int) -> dict[str, float]:
    """The best of the rounds: seconds and CPU seconds of an answer; the first answer, beside no other; the bare GROUP BY; the index of contributors before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        house = open_house(Settings(data_dir=folder / "data", worker=False, demo=True), clock=TestClock())
        columns = [each | ({"use": "plain"} if each["name"] == "minutes" else {}) for each in GRANTED]
        scene = a_query_scene(house, rows=stays(), columns=columns)
        with house.write() as work:
            made = a_release(work, house.files, folder, a_table(rows), number=2, code=STAYS)
            sha256 = made.sha256 or ""
        release = house.files.path(sha256)
        began = time.perf_counter()
        cache = house.settings.scratch_dir / "queries"
        contributors(release, "plate", cache, memory_limit_mb=house.settings.memory_limit_mb)
        index_s = time.perf_counter() - began
        spans = [_answered(scene, 10 + at) for at in range(rounds)]
        bare = min(_bare(release, 10 + at) for at in range(rounds))
    seconds, cpu, groups = min(spans)
    return {
        "index_s": index_s, "seconds": seconds, "cpu_s": cpu, "groups": groups, "first_s": spans[0][0], "last_s": spans[-1][0], "bare_s": bare,
    }  # fmt: skip


def _answered(scene: QueryScene, least: int) -> tuple[float, float, int]:
    began, cpu = time.perf_counter(), time.process_time()
    where = {"op": "gt", "column": "minutes", "value": least}
    told = scene.query(select=FIGURES, group_by=[{"column": "day"}], where=where)
    return time.perf_counter() - began, time.process_time() - cpu, len(told.rows)


def _bare(release: Path, least: int) -> float:
    began = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(
            f"SELECT day, count(*), sum(fee), avg(fee) FROM read_parquet('{release}') WHERE minutes > {least} GROUP BY day"
        ).fetchall()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000, 3)) + "\n")
