"""How long one statistical query takes on 5,000,000 rows: `python -m tests.bench.query [ROWS]`. The contributor index is made first.

Everything between the decision and the written answer: the digest of the release file, scan, shares of contributors, disclosure rules, row sets, guard.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auth.policy.filters.model import parse
from auth.policy.limits import limits
from core.files import FileStore
from core.ids import DatasetId, GrantId
from datasets.queries import overlap
from datasets.queries.answering import tell
from datasets.queries.engine import contributors, scan
from datasets.queries.history import digest_of
from datasets.queries.model import Group, QueryAsk
from datasets.queries.rules import Control
from datasets.releases.whole import whole

MEMORY_MB = 1024


def made(folder: Path, rows: int) -> Path:
    rng = np.random.default_rng(1)
    table = pa.table(
        {
            "plate": pa.array(rng.integers(0, 400_000, rows)).cast(pa.string()),
            "month": rng.integers(1, 13, rows),
            "fee": rng.gamma(2, 10, rows).round(2),
            "minutes": rng.integers(1, 600, rows),
        }
    )
    path = folder / "release.parquet"
    pq.write_table(table, path, row_group_size=500_000)
    return path


def measured(rows: int, rounds: int) -> dict[str, float]:
    """The best of the rounds: seconds of an answer with its guard, CPU seconds, how long the index of contributors took before."""
    ask = QueryAsk.model_validate(
        {
            "grant_id": GrantId("g"), "dataset_id": DatasetId("d"), "purpose": "p", "scenario_id": "s",
            "select": [{"kind": "count"}, {"kind": "sum", "column": "fee"}, {"kind": "mean", "column": "fee"}],
            "group_by": [Group(column="month")],
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = FileStore(folder / "files")
        sha256 = files.put_file(made(folder, rows)).sha256
        release = files.path(sha256)
        began = time.perf_counter()
        contributors(release, "plate", folder, memory_limit_mb=MEMORY_MB)
        index_s = time.perf_counter() - began
        spans = [_answered(ask, files, sha256, folder, rows) for _ in range(rounds)]
    seconds, cpu, groups = min(spans)
    return {"index_s": index_s, "seconds": seconds, "cpu_s": cpu, "groups": groups}


def _answered(
    ask: QueryAsk, files: FileStore, sha256: str, folder: Path, rows: int
) -> tuple[float, float, int]:
    began, cpu = time.perf_counter(), time.process_time()
    release = whole(files, sha256)
    who = contributors(release, "plate", folder, memory_limit_mb=MEMORY_MB)
    found = scan(
        release, parse({"op": "gt", "column": "minutes", "value": 10}), ask.group_by, ["fee"], max_groups=1000,
        memory_limit_mb=MEMORY_MB, scratch=folder,
    )  # fmt: skip
    told = tell(ask, found, who, Control.of(limits()), {})
    for partitions in told.partitions.values():
        for sets in partitions:
            for each in sets:
                digest_of(each)
            atoms = overlap.refined(overlap.no_atoms(rows), sets)
            assert atoms is not None
            assert not overlap.betrays(atoms, who, 10)
    return time.perf_counter() - began, time.process_time() - cpu, len(told.rows)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000, 3)) + "\n")
