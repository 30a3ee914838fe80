"""A damaged file before the real readers: a server process, a directory or a bucket, Delta Sharing's client, pandas, polars and DuckDB.

None of them may take damaged bytes for whole ones, nobody pays for what was refused, and all read again once the right bytes are there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import duckdb
import obstore
import pandas as pd
import polars as pl
import pytest

from api.durable import drop_views
from api.house import House
from core.files_s3 import S3FileStore, files_of
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import VENUES, Scene, a_scene
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server, in_duckdb
from tests.lake import Lake
from tests.people import client_as

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / ".venv-delta" / "bin" / "python"
STORE = ("store", "store_endpoint", "store_access_key", "store_secret_key")
TABLE = f"safety.PK.{VENUES}"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def _flipped(body: bytes) -> bytes:
    """A bit of the data, not of the footer: no reader would see it by itself."""
    held = bytearray(body)
    held[len(held) // 3] ^= 1
    return bytes(held)


DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "a bit": _flipped, "cut short": lambda body: body[:-100], "grown": lambda body: body + b"x", "emptied": lambda _: b"",
}  # fmt: skip


@pytest.fixture(params=["directory", "bucket"])
def house(request: pytest.FixtureRequest, sqlite_house: House) -> House:
    if request.param == "directory":
        return sqlite_house
    lake: Lake = request.getfixturevalue("lake")
    chosen = lake.settings(sqlite_house.settings.data_dir).model_dump(include={*STORE})
    settings = sqlite_house.settings.model_copy(update=chosen)
    return replace(sqlite_house, settings=settings, files=files_of(settings))


def held(house: House, sha256: str) -> bytes:
    if isinstance(house.files, S3FileStore):
        return bytes(obstore.get(house.files._s3, f"objects/{sha256[:2]}/{sha256}").bytes())
    return house.files.path(sha256).read_bytes()


def keep(house: House, sha256: str, body: bytes) -> None:
    """Other bytes under that name, as a disk, or somebody behind the service, leaves them; this machine holds no copy of a bucket's."""
    local = house.files._path(sha256)
    if isinstance(house.files, S3FileStore):
        obstore.put(house.files._s3, f"objects/{sha256[:2]}/{sha256}", body)
        local.unlink(missing_ok=True)
        return
    local.chmod(0o640)
    local.write_bytes(body)


def _asked(scene: Scene, way: str) -> tuple[str, str]:
    """Where a file is asked for, and its digest."""
    analyst = client_as(scene.house, "analyst")
    if way == "link":
        view = makes(scene)
        made = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
        return made.removeprefix("http://127.0.0.1:8000"), str(view.sha256)
    extract = scene.delivered()
    with scene.house.read() as work:
        sha256 = str(work.db.get_one(ExtractRow, extract.id).sha256)
    if way == "extract":
        return f"/api/v1/extracts/{extract.id}/file", sha256
    made = analyst.post(f"/api/v1/extracts/{extract.id}/tickets", json={}).json()["url"]
    return urlsplit(made).path, sha256


@pytest.mark.parametrize("way", ["link", "extract", "ticket"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_nobody_pays_for_a_part_that_damage_kept_in(house: House, way: str, damage: str) -> None:
    scene = a_scene(house)
    asked, sha256 = _asked(scene, way)
    who, right = client_as(house, "analyst" if way == "extract" else None), held(house, sha256)
    before = scene.view().used
    keep(house, sha256, DAMAGES[damage](right))
    answer = who.get(asked, headers={"range": "bytes=0-3", "accept-language": "en"})
    assert (answer.status_code, answer.json()["sha256"]) == (503, sha256)
    for wanted in ("bytes=-8", "bytes=0-1,4-5"):
        assert who.get(asked, headers={"range": wanted}).status_code == (409 if way == "link" else 503)
    assert scene.view().used == before
    assert not scene.events("extract.downloaded") + scene.events("view.read")
    assert [payload["sha256"] for _, payload in scene.events("store.damage_found")] == [sha256]
    if way == "link":
        makes(scene)
    else:
        keep(house, sha256, right)
    answer = who.get(asked, headers={"range": "bytes=-8"})
    assert (answer.status_code, answer.content) == (206, right[-8:])
    assert len(scene.events("extract.downloaded") + scene.events("view.read")) == 1


@pytest.mark.parametrize("way", ["link", "extract", "ticket"])
def test_what_was_emptied_is_no_empty_file(house: House, way: str) -> None:
    scene = a_scene(house)
    asked, sha256 = _asked(scene, way)
    keep(house, sha256, b"")
    who = client_as(house, "analyst" if way == "extract" else None)
    assert [who.request(method, asked).status_code for method in ("HEAD", "GET")] == [
        503,
        409 if way == "link" else 503,
    ]
    assert not scene.events("extract.downloaded") + scene.events("view.read")
    assert len(scene.events("store.damage_found")) == 1


def test_a_damaged_view_is_made_anew_and_its_old_link_reads_on(house: House) -> None:
    scene = a_scene(house)
    asked, sha256 = _asked(scene, "link")
    anyone, right = client_as(house), held(house, sha256)
    keep(house, sha256, _flipped(right))
    assert anyone.get(asked, headers={"range": "bytes=0-3"}).status_code == 503
    assert [payload.get("why") for _, payload in scene.events("view.dropped")] == ["damaged"]
    assert anyone.get(asked).status_code == 409, "the view is to be made anew"
    makes(scene)
    assert drop_views(house) == 0
    assert (anyone.get(asked).content, held(house, sha256)) == (right, right)


def test_a_damaged_copy_of_a_buckets_file_is_brought_anew(house: House) -> None:
    scene = a_scene(house)
    if not isinstance(house.files, S3FileStore):
        pytest.skip("a directory has no copies")
    asked, sha256 = _asked(scene, "extract")
    who, copy = client_as(house, "analyst"), house.files.path(sha256)
    right = copy.read_bytes()
    copy.chmod(0o640)
    copy.write_bytes(_flipped(right))
    assert who.get(asked, headers={"range": "bytes=0-3"}).status_code == 503
    assert who.get(asked, headers={"range": "bytes=0-3"}).content == right[:4]
    assert copy.read_bytes() == right


def test_the_real_readers_take_nothing_damaged_and_read_on_once_it_is_mended(
    house: House, tmp_path: Path
) -> None:
    if not CLIENT.exists():
        if os.environ.get("DATAGRANT_REQUIRE_DELTA"):
            pytest.fail("the Delta Sharing client is missing: make delta")
        pytest.skip("the Delta Sharing client is not installed: make delta")
    scene = a_scene(house)
    sha256 = str(makes(scene).sha256)
    right, port = held(house, sha256), a_port()
    analyst = client_as(house, "analyst")
    text = analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={}).text
    profile = tmp_path / "grant.share"
    profile.write_text(text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"))
    link = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
    link = link.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")

    def loads(**how: Any) -> Any:
        asked = {"it": {"do": "load", "table": TABLE} | how}
        done = subprocess.run(
            [CLIENT, ROOT / "tests/datasets/sharing/delta_client.py", profile, json.dumps(asked)],
            capture_output=True, text=True, timeout=200, check=True,
        )  # fmt: skip
        found = json.loads(done.stdout.splitlines()[-1])["it"]
        return found if isinstance(found, list) else str(found["fault"])

    readers: dict[str, Callable[[], Any]] = {
        "Delta's kernel": loads, "Delta over Parquet": lambda: loads(use_delta_format=False),
        "pandas": lambda: pd.read_parquet(link), "polars": lambda: pl.read_parquet(link),
        "polars, lazily": lambda: pl.scan_parquet(link).select("rooms").collect(),
        "DuckDB": lambda: in_duckdb("select * from read_parquet(?)", link),
    }  # fmt: skip
    with a_server(house, port):
        for name, read in readers.items():
            keep(house, sha256, _flipped(right))
            try:
                found = read()
            except (OSError, HTTPException, duckdb.Error, pl.exceptions.PolarsError) as fault:
                found = str(fault)
            assert isinstance(found, str), (name, found)
            makes(scene)
            assert held(house, sha256) == right
        for name, read in readers.items():
            assert len(read()) == 5, name
    assert len(scene.events("store.damage_found")) == 1
