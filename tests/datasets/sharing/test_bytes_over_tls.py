"""What readers fetch of a signed link over TLS: the columns and groups of rows that they need, a small part of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.house import House
from tests.datasets.extracts.scene import COLUMNS, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server
from tests.datasets.sharing.tls import Counter, behind_tls
from tests.people import client_as

ROWS = 400_000
LEAST = ROWS - 1_000
PLAIN = ["venue_id", "venue_name", "district", "rooms", "area_m2"]
pytestmark = [pytest.mark.slow]

READERS = {
    "duckdb": """
import duckdb, duckdb_extension_httpfs
from pathlib import Path
binary = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension"))
with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as c:
    c.execute(f"LOAD '{binary}'")
    c.execute("SET enable_progress_bar=false")
    c.execute(f"SET ca_cert_file='{certificate}'")
    c.execute("SET enable_server_cert_verification=true")
    print(*c.execute(f"SELECT count(*), sum(rooms) FROM read_parquet('{link}') WHERE rooms >= {least}").fetchone())
""",
    "polars": """
import polars as pl
found = pl.scan_parquet(link).filter(pl.col("rooms") >= least).select(pl.len(), pl.col("rooms").sum()).collect()
print(*found.row(0))
""",
    "pyarrow": """
import io, urllib.request
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
class Ranges(io.RawIOBase):
    at = 0
    def __init__(self):
        with urllib.request.urlopen(urllib.request.Request(link, method="HEAD")) as head:
            self.size = int(head.headers["content-length"])
    def readable(self): return True
    def seekable(self): return True
    def tell(self): return self.at
    def seek(self, to, whence=0):
        self.at = to + (0, self.at, self.size)[whence]
        return self.at
    def read(self, count=-1):
        count = self.size - self.at if count is None or count < 0 else min(count, self.size - self.at)
        if count <= 0: return b""
        asked = urllib.request.Request(link, headers={"Range": f"bytes={self.at}-{self.at + count - 1}"})
        with urllib.request.urlopen(asked) as answer: data = answer.read()
        self.at += len(data)
        return data
found = pq.read_table(pa.PythonFile(Ranges(), mode="r"), columns=["rooms"], filters=[("rooms", ">=", least)], pre_buffer=False, use_threads=False)
print(found.num_rows, pc.sum(found["rooms"]).as_py())
""",
    "pandas": """
import pandas as pd
found = pd.read_parquet(link, columns=["rooms"], filters=[("rooms", ">=", least)])
print(len(found), found["rooms"].sum())
""",
}  # fmt: skip


def _large() -> pa.Table:
    """Rows in the order of `rooms`, with words that take room."""
    chance = np.random.default_rng(7)
    words = [chance.bytes(9).hex() for _ in range(ROWS)]
    small = a_table()
    columns = {
        "venue_id": pa.array([f"V{at:07}" for at in range(ROWS)]), "venue_name": pa.array(words),
        "district": pa.array(chance.choice(["大鹏", "南澳", "盐田"], ROWS)), "rooms": pa.array(np.arange(ROWS)),
        "area_m2": pa.array(chance.gamma(2, 40, ROWS)),
    }  # fmt: skip
    arrays = [
        columns[name] if name in columns else pa.nulls(ROWS, small.schema.field(name).type)
        for name, *_ in COLUMNS
    ]
    table = pa.table(dict(zip([name for name, *_ in COLUMNS], arrays, strict=True)))
    return table.append_column(small.column_names[-1], pa.array(np.arange(1, ROWS + 1)))


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    made = a_scene(sqlite_house, columns=PLAIN)
    made.releases(_large(), 2)
    return made


@pytest.fixture
def shared(scene: Scene, tmp_path: Path) -> Iterator[tuple[str, Path, Counter]]:
    """A signed link over TLS, the file that it reads, and who counts."""
    view = makes(scene)
    with a_server(scene.house, port := a_port()) as plain, behind_tls(port, tmp_path) as counter:
        made = client_as(scene.house, "analyst").post(f"/api/v1/grants/{scene.grant_id}/links", json={})
        link = str(made.json()["url"]).replace("http://127.0.0.1:8000", counter.address)
        assert link.startswith("https://")
        assert plain.startswith("http://")
        yield link, scene.house.files.path(str(view.sha256)), counter


def _read(name: str, link: str, certificate: Path) -> list[int]:
    code = f"link, least, certificate = {link!r}, {LEAST}, {str(certificate)!r}\n{READERS[name]}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"SSL_CERT_FILE": str(certificate)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -6), done.stderr  # pandas may abort after it has its rows (docs/sharing.md)
    return [int(each) for each in done.stdout.split()]


def test_readers_fetch_a_small_part_of_the_file(shared: tuple[str, Path, Counter]) -> None:
    """One column of five, the last rows of an ordered file. pandas alone fetches the whole."""
    link, path, counter = shared
    size, groups = path.stat().st_size, pq.read_metadata(path).num_row_groups
    assert groups >= 4
    told: dict[str, Any] = {"file": (size, groups)}
    for name in READERS:
        counter.taken()
        assert _read(name, link, counter.certificate) == [1_000, sum(range(LEAST, ROWS))], name
        told[name] = counter.taken()
    print(json.dumps(told))  # noqa: T201 - the figures of docs/sharing.md: file and its groups, then bytes and requests
    for name in ("duckdb", "polars", "pyarrow"):
        assert told[name][0] < size * 0.15, told
    assert size <= told["pandas"][0] < size * 1.1, told


def test_a_reader_that_does_not_know_the_certificate_reads_nothing(
    shared: tuple[str, Path, Counter], tmp_path: Path
) -> None:
    link, _, counter = shared
    none = tmp_path / "none.pem"
    none.write_text("")
    counter.taken()
    for name in ("polars", "pyarrow"):
        code = f"link, least = {link!r}, {LEAST}\n{READERS[name]}"
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"SSL_CERT_FILE": str(none), "SSL_CERT_DIR": str(tmp_path / "no")},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode != 0, name
    assert counter.taken() == (0, 0)
