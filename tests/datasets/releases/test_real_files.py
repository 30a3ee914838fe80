"""Published files of the world go the whole way: handed in, checked, released, with the very values that were judged."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from api.durable import drain
from api.house import House
from auth.actor import SYSTEM
from catalog import service as catalog
from catalog.models import Dictionary
from core.work import Work
from datasets.batches import service as batches
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.content import content_digest
from datasets.releases.workflow import ReleaseState
from tests.datasets.parking import DATASET, a_parking_dataset, publish, recheck, save_suite, the_batch
from tests.examples import TIMES
from tests.people import actor_of

pytestmark = [pytest.mark.shared, pytest.mark.gx, pytest.mark.slow]
FILES = (
    "云南省A级景区名录_带坐标.xlsx",
    "上海.csv",
    "cn_cities_daily_aqi_2013-2017.csv.gz",
    "taipei_offstreet_parking.geojson",
    *(("nyc2013_flights.csv.zip", "flights-3m.parquet") if TIMES > 1 else ()),  # half a minute of a long run
)
ANYTHING = [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}]


def describe(work: Work, batch: BatchRow) -> None:
    """The dictionary as intake found the columns."""
    assert batch.intake is not None, batch.problem
    columns = [{"name": each["name"], "type": each["type"], "level": 1} for each in batch.intake["columns"]]
    catalog.replace_dictionary(
        work, SYSTEM, DATASET, Dictionary.model_validate({"columns": columns, "null_values": ["NA"]})
    )


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_becomes_a_release_of_the_same_values(
    sqlite_house: House, shared: Path, name: str
) -> None:
    source = next((shared / "data").rglob(name))
    with sqlite_house.write() as work:
        a_parking_dataset(work, suite=False, columns=[], draft=True)
        save_suite(work, expectations=ANYTHING)
    stored = sqlite_house.files.put(iter([source.read_bytes()]))
    with sqlite_house.write() as work:
        handed = batches.receive(work, actor_of(work, "lin"), DATASET, name, stored)
    drain(sqlite_house)
    with sqlite_house.write() as work:
        describe(work, the_batch(sqlite_house, handed.id))
    recheck(sqlite_house, "lin", handed.id)
    batch = the_batch(sqlite_house, handed.id)
    assert batch.state == BatchState.PASSED, batch.problem
    release = publish(sqlite_house, "zhou", batch.id)
    assert release.state == ReleaseState.PUBLISHED, release.problem
    path = sqlite_house.files.path(release.sha256 or "")
    assert pq.ParquetFile(path).metadata.num_rows == batch.rows
    assert (
        content_digest(path)
        == batch.content_sha256
        == content_digest(sqlite_house.files.path(batch.typed_sha256 or ""))
    )
