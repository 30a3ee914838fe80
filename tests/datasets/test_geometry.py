"""Shapes in releases: GeoParquet that holds exactly what was judged, under the record's own reference system."""

from __future__ import annotations

import json
import struct
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from datasets.content import content_digest
from datasets.extracts.build import Recipe, build
from datasets.geometry import Extent, converter, kept_metadata, points_of
from datasets.intake.check import check_file
from datasets.intake.dictionary import Dictionary
from datasets.releases.diff import compare
from datasets.releases.partitions import Plan, split
from datasets.releases.writer import write_csv, write_parquet
from datasets.shapes import Points, Shapes
from quality.engine import run_suite
from quality.suite import Suite
from tests.examples import examples

SHAPES = [
    "POINT (114.12345678901234 22.1)",
    None,
    "POINT Z (1 2 3.5)",
    "LINESTRING (0 0, 1 1)",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5), (5.2 5.1, 5.3 5.1, 5.3 5.2, 5.2 5.1)))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (-3 0, 1 1))",
    "POINT EMPTY",
]


def typed(folder: Path, columns: dict[str, Any]) -> Path:
    path = folder / "typed.parquet"
    rows = len(next(iter(columns.values())))
    pq.write_table(pa.table({**columns, "__row__": list(range(1, rows + 1))}), path)
    return path


def released(folder: Path, columns: dict[str, Any], shapes: Shapes) -> tuple[Path, Path]:
    table, out = typed(folder, columns), folder / "release.parquet"
    write_parquet(table, out, {}, {"datagrant:x": "y"}, shapes=shapes)
    return table, out


def geo(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(pq.read_schema(path).metadata[b"geo"])
    return told


def test_text_becomes_wkb_that_says_where_and_in_which_system(tmp_path: Path) -> None:
    table, out = released(
        tmp_path, {"id": list(range(7)), "shape": SHAPES}, Shapes(("shape",), crs="CGCS2000")
    )
    assert pq.read_schema(out).field("shape").type == pa.binary()
    told = geo(out)
    column = told["columns"]["shape"]
    assert (told["version"], told["primary_column"], column["encoding"]) == ("1.1.0", "shape", "WKB")
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4490}
    assert column["geometry_types"] == [
        "GeometryCollection",
        "LineString",
        "MultiPolygon",
        "Point",
        "Point Z",
    ]
    assert column["bbox"] == [-3, 0, 3.5, 114.12345678901234, 22.1, 3.5]
    assert content_digest(out) == content_digest(table)


def test_the_engine_reads_the_file_as_geometry_again(tmp_path: Path) -> None:
    _, out = released(tmp_path, {"shape": SHAPES}, Shapes(("shape",), crs="WGS84"))
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        kind, texts = db.execute(
            f"SELECT any_value(typeof(shape)), list(ST_AsText(shape)) FROM '{out}'"
        ).fetchall()[0]
    assert kind == "GEOMETRY('OGC:CRS84')"
    assert texts == SHAPES


@pytest.mark.parametrize(("crs", "name"), [("GCJ02", "GCJ-02"), ("BD09", "BD-09"), (None, None)])
def test_a_system_without_a_public_definition_is_never_taken_for_wgs_84(
    tmp_path: Path, crs: str | None, name: str | None
) -> None:
    _, out = released(tmp_path, {"shape": ["POINT (1 2)"]}, Shapes(("shape",), crs=crs))
    column = geo(out)["columns"]["shape"]
    assert "crs" in column
    assert column["crs"] is None
    assert column.get("crs_name") == name


def test_a_pair_of_columns_becomes_points_beside_them(tmp_path: Path) -> None:
    pair = {"lng": [114.5, None, 114.6], "lat": [22.5, 22.6, float("nan")]}
    table, out = released(tmp_path, pair, Shapes(points=Points("geometry", "lng", "lat"), crs="WGS84"))
    made = pq.read_table(out)
    assert made.column_names == ["lng", "lat", "geometry"]
    assert made.column("geometry").to_pylist() == [struct.pack("<BIdd", 1, 1, 114.5, 22.5), None, None]
    assert geo(out)["columns"]["geometry"]["bbox"] == [114.5, 22.5, 114.5, 22.5]
    assert content_digest(out, ["lng", "lat"]) == content_digest(table)


def test_points_that_contradict_their_columns_are_no_proof(tmp_path: Path) -> None:
    pair = {"lng": [114.5, 114.6], "lat": [22.5, 22.6]}
    _, out = released(tmp_path, pair, Shapes(points=Points("geometry", "lng", "lat"), crs="WGS84"))
    made = pq.read_table(out)
    swapped = made.set_column(2, made.schema.field("geometry"), made.column("geometry").take([1, 0]))
    pq.write_table(swapped, out)
    with pytest.raises(RuntimeError, match="geometry are not those of lng and lat"):
        content_digest(out, ["lng", "lat"])


def test_a_text_that_would_not_come_back_stays_text(tmp_path: Path) -> None:
    table, out = released(tmp_path, {"shape": ["POINT(1.50 2)"]}, Shapes(("shape",), crs="WGS84"))
    assert pq.read_table(out).column("shape").to_pylist() == ["POINT(1.50 2)"]
    assert b"geo" not in pq.read_schema(out).metadata
    assert content_digest(out) == content_digest(table)


def test_the_csv_of_a_release_shows_shapes_as_text(tmp_path: Path) -> None:
    _, out = released(tmp_path, {"id": [1], "shape": ["POINT (1 2)"]}, Shapes(("shape",), crs="WGS84"))
    write_csv(out, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text("utf-8-sig") == '"id","shape"\n1,"POINT (1 2)"\n'


def test_a_file_of_fewer_columns_says_only_what_it_holds(tmp_path: Path) -> None:
    _, out = released(tmp_path, {"a": ["POINT (1 2)"], "b": ["POINT (3 4)"]}, Shapes(("a", "b"), crs="GCJ02"))
    metadata = pq.read_schema(out).metadata
    told = json.loads(kept_metadata(metadata, ["b"]) or "")
    assert (told["primary_column"], list(told["columns"])) == ("b", ["b"])
    assert "bbox" not in told["columns"]["b"]
    assert kept_metadata(metadata, ["c"]) is None


def test_parts_of_a_release_keep_shapes_without_the_box_of_the_whole(tmp_path: Path) -> None:
    columns = {"day": [date(2024, 1, 5), date(2024, 2, 5)], "shape": ["POINT (1 2)", "POINT (3 4)"]}
    _, out = released(tmp_path, columns, Shapes(("shape",), crs="CGCS2000"))
    names = iter(range(9))
    parts = split(
        out,
        Plan("day", "month"),
        lambda suffix: tmp_path / f"{next(names)}{suffix}",
        memory_limit_mb=200,
        scratch=tmp_path,
    )
    assert [value for value, _, _ in parts] == ["2024-01", "2024-02"]
    for _, _, part in parts:
        column = geo(part)["columns"]["shape"]
        assert ("bbox" in column, column["crs"]["id"]["code"]) == (False, 4490)
    assert pq.read_table(parts[1][2]).column("shape").to_pylist() == [struct.pack("<BIdd", 1, 1, 3, 4)]


def test_an_extract_keeps_shapes_and_their_system(tmp_path: Path) -> None:
    columns = {"id": [1, 2], "shape": ["POINT (1 2)", "POINT (3 4)"]}
    _, out = released(tmp_path, columns, Shapes(("shape",), crs="GCJ02"))
    terms = (ColumnTerm(name="shape", use=Use.PLAIN),)
    for form, name in ((DeliveryForm.EXTRACT_PARQUET, "x.parquet"), (DeliveryForm.EXTRACT_CSV, "x.csv")):
        recipe = Recipe(terms, None, form, bytes(32), {"datagrant:x": "y"})
        build(out, recipe, tmp_path / name, memory_limit_mb=200, scratch=tmp_path)
    told = geo(tmp_path / "x.parquet")["columns"]["shape"]
    assert (told["crs"], told["crs_name"], "bbox" in told) == (None, "GCJ-02", False)
    made = pq.read_table(tmp_path / "x.parquet").column("shape").to_pylist()
    assert made == [struct.pack("<BIdd", 1, 1, 1, 2), struct.pack("<BIdd", 1, 1, 3, 4)]
    assert (tmp_path / "x.csv").read_text("utf-8-sig") == '"shape"\n"POINT (1 2)"\n"POINT (3 4)"\n'


@pytest.mark.gx
@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_both_engines_judge_released_shapes_as_text(
    tmp_path: Path, engine: Literal["duckdb", "pandas"]
) -> None:
    _, out = released(
        tmp_path, {"id": [1, 2], "shape": ["POINT (1 2)", "LINESTRING (0 0, 1 1)"]}, Shapes(("shape",))
    )
    rules = [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "shape", "regex": "^POINT"}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "shape"}},
    ]
    said = run_suite(Suite.from_data({"name": "s", "expectations": rules}), out, engine=engine)
    assert [(each.outcome, each.unexpected_count) for each in said.expectations] == [
        ("failed", 1),
        ("passed", 0),
    ]


def test_two_releases_are_compared_shape_by_shape(tmp_path: Path) -> None:
    sides = []
    for name, shape in (("old", "POINT (3 4)"), ("new", "POINT (3 5)")):
        (tmp_path / name).mkdir()
        rows = {"id": [1, 2], "shape": ["POINT (1 2)", shape]}
        sides.append(released(tmp_path / name, rows, Shapes(("shape",), crs="CGCS2000"))[1])
    found = compare(sides[0], sides[1], ["id"], memory_limit_mb=200, scratch=tmp_path)
    assert (found.counts["changed"], found.sample[0]["after"]) == (1, {"shape": "POINT (3 5)"})


@pytest.mark.gx
def test_the_gate_alone_writes_geoparquet_too(tmp_path: Path) -> None:
    source, out = tmp_path / "lots.csv", tmp_path / "out.parquet"
    source.write_text('lng,lat,site\n114°30′E,22.5,"POINT(1 2)"\n', encoding="utf-8")
    columns = [
        {"name": "lng", "type": "number"}, {"name": "lat", "type": "number"},
        {"name": "site", "type": "geometry", "title_zh": "范围"},
    ]  # fmt: skip
    words = Dictionary.model_validate(
        {"crs": "CGCS2000", "points": {"lon": "lng", "lat": "lat", "name": "p"}, "columns": columns}
    )
    suite = Suite.from_data(
        {"name": "s", "expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}}]}
    )
    found = check_file(source, suite, dictionary=words, out=out)
    assert found.verdict == "passed"
    made = pq.read_table(out)
    assert made.column("p").to_pylist() == [struct.pack("<BIdd", 1, 1, 114.5, 22.5)]
    assert made.column("site").to_pylist() == [struct.pack("<BIdd", 1, 1, 1, 2)]
    assert {each["crs"]["id"]["code"] for each in geo(out)["columns"].values()} == {4490}
    assert made.schema.field("site").metadata[b"title_zh"] == "范围".encode()


COORDINATE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=4), min_size=1, max_size=6))
def test_no_coordinate_loses_a_bit_on_the_way(lines: list[list[tuple[float, float]]]) -> None:
    texts = [f"LINESTRING ({', '.join(f'{x!r} {y!r}' for x, y in line)})" for line in lines]
    with converter() as engine:
        shapes = engine.wkb(pa.array(texts))
        again = engine.wkb(engine.text(shapes))
    assert again.equals(shapes)
    numbers = [
        struct.unpack_from(f"<{len(line) * 2}d", shape.as_py(), 9)
        for shape, line in zip(shapes, lines, strict=True)
    ]
    assert numbers == [tuple(n for pair in line for n in pair) for line in lines]
    extent, points = Extent(), Extent()
    extent.add(shapes)
    flat = [pair for line in lines for pair in line]
    points.add(points_of(pa.array([x for x, _ in flat]), pa.array([y for _, y in flat])))
    assert points.box == extent.box
    xs, ys = zip(*(pair for line in lines for pair in line), strict=True)
    assert extent.box == [min(xs), min(ys), max(xs), max(ys)]
