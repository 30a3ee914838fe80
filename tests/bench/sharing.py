"""How long the real `delta-sharing` client takes for a grant's view over HTTP: `python -m tests.bench.sharing [ROWS]`.

Beside it, in the same process and in turns: `pandas.read_parquet` of the very same file from the local disk. Needs `make delta`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from datasets.content import ROW_COLUMN
from tests.bench.delivery import a_plant
from tests.datasets.extracts.scene import COLUMNS, VENUES
from tests.datasets.sharing.reading import makes

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = ROOT / ".venv-delta" / "bin" / "python"
ROUNDS: Final = 5


def large_table(rows: int) -> pa.Table:
    """Venues by formula: few districts, many names, a telephone number for every fourth row."""
    at = np.arange(rows)
    rng = np.random.default_rng(1)
    made: dict[str, Any] = {
        "venue_id": np.char.add("V", at.astype("U")),
        "venue_name": np.char.add("场所", (at % 5000).astype("U")),
        "district": np.array(["大鹏", "南澳", "葵涌"])[at % 3],
        "rooms": rng.integers(1, 400, rows),
        "area_m2": rng.gamma(2, 60, rows).round(1),
        "is_open": at % 7 > 0,
        "opened_on": (at % 9000).astype("datetime64[D]"),
        "seen_at": np.datetime64("2026-03-01T00:00", "us") + (at * 1_000_000).astype("timedelta64[us]"),
        "contact_phone": np.char.add("138", np.char.zfill((at // 4).astype("U"), 8)),
        "secret_note": np.array(["甲", "乙"])[at % 2],
    }
    columns = {name: pa.array(made[name]).cast(kind) for name, *_, kind in COLUMNS}
    return pa.table(columns).append_column(ROW_COLUMN, pa.array(at + 1, pa.int64()))


def measured(rows: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Best of the rounds each, and their ratio."""
    with tempfile.TemporaryDirectory() as room:
        plant, scene = a_plant(Path(room), table=large_table(rows))
        view = makes(scene)
        plant.start()
        try:
            with plant.client("analyst") as client:
                said = client.post(f"/api/v1/grants/{scene.grant_id}/profile", json={})
            profile = Path(room) / "grant.share"
            profile.write_text(said.raise_for_status().text)
            done = subprocess.run(
                [CLIENT, ROOT / "tests/bench/sharing_client.py", profile, f"safety.PK.{VENUES}", scene.house.files.path(view.sha256 or ""), str(rounds)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            plant.stop()
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    http, local = min(found["http"]), min(found["local"])
    return {
        "rows": rows,
        "mb": round((view.size_bytes or 0) / 1e6),
        "http_s": http,
        "local_s": local,
        "ratio": http / local,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)) + "\n")
