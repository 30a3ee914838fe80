"""From a department's file to GeoParquet: forms read, codes mapped, reference systems kept apart."""

from __future__ import annotations

import json
import struct
from typing import Any

import pyarrow.parquet as pq
import pytest

from api.durable import drain
from api.house import House
from catalog import service as catalog
from catalog.models import DatasetUpdate, Dictionary
from core.errors import Conflict
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from tests.datasets.parking import (
    DATASET,
    a_parking_dataset,
    hand_in,
    publish,
    recheck,
    the_batch,
    the_release,
)
from tests.people import actor_of, browser_as, client_as

pytestmark = pytest.mark.gx
COLUMNS: list[dict[str, Any]] = [
    {"name": "lot", "title_zh": "编号", "type": "string", "level": 1},
    {"name": "total", "title_zh": "泊位", "type": "integer", "unit": "个", "level": 1},
    {"name": "status", "title_zh": "状态", "type": "string", "level": 1, "format": "code", "codes": {"0": "开放", "1": "关闭"}},
    {"name": "day", "title_zh": "日期", "type": "date", "level": 1},
    {"name": "lng", "title_zh": "经度", "type": "number", "unit": "°", "level": 1},
    {"name": "lat", "title_zh": "纬度", "type": "number", "unit": "°", "level": 1},
    {"name": "site", "title_zh": "范围", "type": "geometry", "level": 1},
]  # fmt: skip
FILE = (
    "编号\t泊位\t状态\t日期\t经度\t纬度\t范围\n"
    "P01\t1,120个\t开放\t2024年3月5日\t114°30′E\t22°30′N\tPOLYGON((114 22,115 22,115 23,114 22))\n"
    "P02\t80\t1\t113/03/06\t114.25\t22.75\tSRID=4490;POINT(114.25 22.75)\n"
).encode()


@pytest.fixture
def mapped(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        layout = {"points": {"lon": "lng", "lat": "lat", "name": "place"}}
        a_parking_dataset(
            work, columns=COLUMNS, crs="CGCS2000", spatial="大鹏新区", spatial_en="Dapeng", layout=layout
        )
    return sqlite_house


def test_a_departments_file_becomes_geoparquet_in_the_records_system(mapped: House) -> None:
    batch = hand_in(mapped, "lin", FILE)
    assert batch.untyped_cells == 0, batch.intake
    readings = {c["name"]: c["readings"] for c in (batch.intake or {})["columns"]}
    assert (readings["status"], readings["total"], readings["day"]) == (
        {"mapped": 1},
        {"unit": 1},
        {"roc": 1},
    )
    shown = browser_as(mapped, "lin").get(f"/batches/{batch.id}").text
    assert "按代码表换 × 1" in shown
    assert "带单位 × 1" in shown
    release = publish(mapped, "zhou", batch.id)
    assert release.state == "published", release
    table = pq.read_table(mapped.files.path(str(release.sha256)))
    assert table.column_names == ["lot", "total", "status", "day", "lng", "lat", "site", "place"]
    assert table.column("status").to_pylist() == ["0", "1"]
    assert table.column("lng").to_pylist() == [114.5, 114.25]
    assert table.column("place").to_pylist() == [
        struct.pack("<BIdd", 1, 1, 114.5, 22.5),
        struct.pack("<BIdd", 1, 1, 114.25, 22.75),
    ]
    told = json.loads(table.schema.metadata[b"geo"])["columns"]
    assert {name: each["crs"]["id"]["code"] for name, each in told.items()} == {"site": 4490, "place": 4490}
    assert told["site"]["bbox"] == [114, 22, 115, 23]


def test_a_batch_in_another_system_than_the_record_is_refused(mapped: House) -> None:
    batch = hand_in(mapped, "lin", FILE.replace(b"SRID=4490", b"SRID=4326"))
    assert batch.state == "refused"
    assert "WGS 84" in (batch.problem or {})["en"]


def _moved(house: House) -> None:
    with house.write() as work:
        catalog.update(work, actor_of(work, "lin"), DATASET, DatasetUpdate(crs="WGS84"))


def test_a_changed_reference_system_asks_for_a_new_check(mapped: House) -> None:
    """A file that states its system is refused under another one; it is not published under another one either."""
    batch = hand_in(mapped, "lin", FILE)
    _moved(mapped)
    with pytest.raises(Conflict) as refused:
        publish(mapped, "zhou", batch.id)
    assert [reason.code for reason in refused.value.reasons] == ["dictionary-changed"]
    assert recheck(mapped, "lin", batch.id).state == "refused"


def test_a_reference_system_changed_while_a_release_is_made_stops_the_release(mapped: House) -> None:
    batch = hand_in(mapped, "lin", FILE)
    with mapped.write() as work:
        asked = releases.request(work, actor_of(work, "zhou"), ReleaseCreate(batch_id=batch.id))
    _moved(mapped)
    drain(mapped)
    assert (the_release(mapped, asked.id).state, the_batch(mapped, batch.id).state) == ("failed", "passed")


def test_an_open_release_with_points_can_be_downloaded(mapped: House) -> None:
    release = publish(mapped, "zhou", hand_in(mapped, "lin", FILE).id)
    derived = {each["name"]: each["derived_from"] for each in release.columns if "derived_from" in each}
    assert derived == {"place": ["lng", "lat"]}
    assert client_as(mapped).get(f"/api/v1/releases/{release.id}/file").status_code == 200


def test_points_of_columns_that_are_no_longer_described_are_not_open(mapped: House) -> None:
    release = publish(mapped, "zhou", hand_in(mapped, "lin", FILE).id)
    left = Dictionary.model_validate({"columns": [each for each in COLUMNS if each["name"] != "lng"]})
    with mapped.write() as work:
        catalog.replace_dictionary(work, actor_of(work, "lin"), DATASET, left)
    assert client_as(mapped).get(f"/api/v1/releases/{release.id}/file").status_code == 403


def test_the_dictionary_tells_formats_codes_and_points_by_route(mapped: House) -> None:
    lin = client_as(mapped, "lin")
    shown = lin.get("/api/v1/datasets/DP-PK-900/dictionary").json()
    status = next(column for column in shown["columns"] if column["name"] == "status")
    assert (status["format"], status["codes"], shown["points"]["name"]) == (
        "code",
        {"0": "开放", "1": "关闭"},
        "place",
    )
    columns = [{key: value for key, value in each.items() if key != "position"} for each in shown["columns"]]
    wrong = {"columns": columns, "points": {"lon": "lot", "lat": "lat"}}
    answer = lin.put("/api/v1/datasets/DP-PK-900/dictionary", json=wrong, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert "lot is not a number column" in answer.text
