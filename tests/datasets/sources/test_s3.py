"""Objects of a real S3-compatible server: each taken once with its bytes, credentials and names held to, faults told in words."""

from __future__ import annotations

import time

import obstore
import pytest

from api.house import House
from core.errors import Unavailable
from datasets.sources.models import SourceRead
from datasets.sources.s3 import stores
from tests.datasets.parking import CLEAN, WARNS, a_parking_dataset
from tests.datasets.sources.places import a_source, allow, batches_of, look, shown
from tests.lake import KEY, SECRET, Lake

pytestmark = pytest.mark.slow


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
