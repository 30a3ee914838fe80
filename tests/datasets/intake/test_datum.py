"""Coordinate reference systems are named and never mixed; shapes keep every number that the file has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputRefused
from datasets.releases.writer import write_parquet
from datasets.shapes import Shapes
from tests.datasets.intake.conftest import Bench

COLUMN = {"name": "geometry", "type": "geometry"}


def collection(*shapes: dict[str, Any], crs: str | None = None) -> str:
    features = [{"type": "Feature", "properties": {"n": i}, "geometry": s} for i, s in enumerate(shapes)]
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    return json.dumps({"type": "FeatureCollection", **named, "features": features})


POINT = {"type": "Point", "coordinates": [114.12345678901234, 22.5]}


@pytest.mark.parametrize(
    ("stated", "record"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "GCJ02"), ("EPSG:4326", "CGCS2000"),
        ("urn:ogc:def:crs:EPSG::4490", "WGS84"), ("EPSG:3857", "WGS84"),
    ],
)  # fmt: skip
def test_a_file_in_another_system_than_the_record_is_refused(bench: Bench, stated: str, record: str) -> None:
    with pytest.raises(InputRefused, match="coordinate reference system") as refused:
        bench.reads(collection(POINT, crs=stated), crs=record, columns=[COLUMN])
    assert refused.value.facts["record"] == record


@pytest.mark.parametrize(
    ("stated", "record"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "WGS84"),
        ("EPSG:4490", "CGCS2000"),
        (None, "GCJ02"),
        ("EPSG:4490", None),
    ],
)
def test_a_file_in_the_records_system_or_of_no_stated_one_is_read(
    bench: Bench, stated: str | None, record: str | None
) -> None:
    known = {"crs": record} if record else {}
    bench.reads(collection(POINT, crs=stated), columns=[COLUMN], **known)
    assert bench.rows() == [(0, "POINT (114.12345678901234 22.5)")]


def test_cells_that_name_another_system_are_refused_too(bench: Bench) -> None:
    quoted = 'n,geometry\n1,"SRID=4490;POINT (1 2)"\n2,"SRID=4326;POINT (1 2)"\n'
    with pytest.raises(InputRefused, match="CGCS2000"):
        bench.reads(quoted, crs="WGS84", columns=[COLUMN])
    found = bench.reads(quoted, columns=[COLUMN])
    assert "crs-mixed" in [finding.code for finding in found.findings]


def test_geoparquet_states_its_system_and_keeps_its_shapes(bench: Bench) -> None:
    table, released = bench.folder / "in.parquet", bench.folder / "geo.parquet"
    pq.write_table(pa.table({"geometry": ["POINT Z (114.5 22.5 3)", None]}), table)
    write_parquet(table, released, {}, {}, shapes=Shapes(("geometry",), crs="CGCS2000"))
    bench.reads(released, crs="CGCS2000", columns=[COLUMN])
    assert bench.rows() == [("POINT Z (114.5 22.5 3)",), (None,)]
    with pytest.raises(InputRefused, match="CGCS2000"):
        bench.reads(released, crs="WGS84", columns=[COLUMN])
    write_parquet(table, released, {}, {}, shapes=Shapes(("geometry",), crs="GCJ02"))
    with pytest.raises(InputRefused, match="GCJ-02"):
        bench.reads(released, crs="WGS84", columns=[COLUMN])


def test_heights_are_kept_and_mixed_ones_are_not_cut(bench: Bench) -> None:
    solid = {"type": "LineString", "coordinates": [[1, 2, 3.25], [4, 5, 6]]}
    mixed = {"type": "LineString", "coordinates": [[1, 2, 3.25], [4, 5]]}
    found = bench.reads(collection(solid, mixed), columns=[COLUMN])
    assert bench.rows()[0] == (0, "LINESTRING Z (1 2 3.25, 4 5 6)")
    assert [(f.code, f.row) for f in found.findings] == [("untyped-cell", 2)]


def test_a_document_that_is_one_nested_record_keeps_all_of_it(bench: Bench) -> None:
    found = bench.reads(json.dumps({"a": 1, "b": {"c": 2, "d": {"e": "x"}}}))
    assert [column.name for column in found.columns] == ["a", "b.c", "b.d.e"]
    assert bench.rows() == [(1, 2, "x")]


@pytest.mark.shared
def test_published_shapes_come_through_a_release_to_the_last_digit(shared: Path, bench: Bench) -> None:
    source = shared / "data/transport/shenzhen_districts.geojson"
    raw = json.loads(source.read_text(encoding="utf-8"))["features"]
    found = bench.reads(source, columns=[COLUMN])
    assert (found.rows, found.untyped_cells) == (len(raw), 0)
    released = bench.folder / "geo.parquet"
    write_parquet(bench.out, released, {}, {}, shapes=Shapes(("geometry",), crs="GCJ02"))
    column = json.loads(pq.read_schema(released).metadata[b"geo"])["columns"]["geometry"]
    numbers = list(_numbers([feature["geometry"]["coordinates"] for feature in raw]))
    assert column["bbox"] == [min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])]
    assert (column["crs"], column["crs_name"]) == (None, "GCJ-02")


def _numbers(nested: Any) -> Any:
    for each in nested:
        if isinstance(each, list):
            yield from _numbers(each)
        else:
            yield float(each)
