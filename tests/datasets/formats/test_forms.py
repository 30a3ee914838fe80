"""Every form holds the same rows in the same order, runs nothing, tells of nothing else, and comes out the same twice."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.limits import LevelRule
from auth.policy.model import EXTRACT_FORMS, ColumnTerm, DeliveryForm
from core.errors import Conflict
from datasets.extracts.build import Recipe, build
from datasets.extracts.reading import reader_of
from datasets.formats.fitting import misfits
from datasets.formats.geojson import geometry_of
from datasets.formats.kinds import KINDS, MOST_ROWS_OF_SHEET
from datasets.formats.xlsx import SheetWriter, letters, read_sheet
from datasets.formats.xlsx_parts import SHEET
from datasets.geometry import Extent, converter, geo_metadata
from datasets.outputs.checks import Expected, check
from tests.datasets.extracts.scene import a_scene
from tests.examples import examples

F = DeliveryForm
UNTYPED = sorted(EXTRACT_FORMS - {F.EXTRACT_PARQUET, F.EXTRACT_GEOJSON})
SPREADSHEETS = sorted(form for form, kind in KINDS.items() if kind.runs_formulas)
FACTS = {"datagrant.extract": "ext_1", "datagrant.grant": "grt_1"}
NASTY = ["=1+1", "＝cmd", "+86", "-x", "@a", "\tt", "a\nb", 'q"q', "<r><t>x</t></r>", "_x0041_", "a\x0bb\r", "𠮷😀\ue5e5", " s ", "", None]  # fmt: skip


def released(
    room: Path, columns: dict[str, Any], *, shapes: Sequence[str] = (), crs: str | None = "WGS84"
) -> Path:
    """A released file; `shapes`: columns of well-known text that are kept as WKB."""
    table = pa.table(columns)
    with converter() as engine:
        for name in shapes:
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, engine.wkb(table.column(name).combine_chunks()))
    if shapes:
        told = geo_metadata({name: Extent() for name in shapes}, crs)
        table = table.replace_schema_metadata({"geo": told, "datagrant:secret": "whole"})
    out = room / "release.parquet"
    pq.write_table(table, out)
    return out


def made(
    room: Path, release: Path, form: DeliveryForm, names: Sequence[str] | None = None, tag: str = ""
) -> Path:
    names = pq.read_schema(release).names if names is None else names
    out = room / f"out{tag}.{form}"
    terms = tuple(ColumnTerm(name=name, use="plain") for name in names)
    build(release, Recipe(terms, None, form, b"k" * 32, FACTS), out, memory_limit_mb=200, scratch=room)
    return out


def texts(path: Path, form: DeliveryForm) -> dict[str, list[Any]]:
    """What the file holds, read back as the checks before an output review read it."""
    found: dict[str, list[Any]] = reader_of(path, form).read_all().to_pydict()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("form", UNTYPED)
def test_rows_and_order_are_the_same_in_every_form(tmp_path: Path, form: DeliveryForm) -> None:
    count = 90_000  # more than a batch
    columns = {"n": list(range(count)), "t": [f"名{n % 7}" if n % 5 else None for n in range(count)]}
    release = released(tmp_path, columns)
    found = texts(made(tmp_path, release, form), form)
    assert found["n"] == [str(n) for n in columns["n"]]
    assert found["t"] == columns["t"]


@pytest.mark.parametrize("form", SPREADSHEETS)
def test_no_cell_and_no_head_runs(tmp_path: Path, form: DeliveryForm) -> None:
    release = released(tmp_path, {"=sum": NASTY, "n": list(range(-7, 8))})
    found = texts(made(tmp_path, release, form), form)
    assert list(found) == ["'=sum", "n"]
    assert found["'=sum"][:6] == ["'=1+1", "'＝cmd", "'+86", "'-x", "'@a", "'\tt"]
    assert found["n"][0] == "-7"  # a number is no formula
    kept = [value or None for value in NASTY[6:]]
    assert [value or None for value in found["'=sum"][6:]] == kept


@pytest.mark.parametrize("form", sorted(EXTRACT_FORMS))
def test_equal_inputs_give_equal_bytes_and_nothing_of_what_stays(tmp_path: Path, form: DeliveryForm) -> None:
    release = released(
        tmp_path, {"id": ["a", "b"], "secret": ["秘密", "暗号"], "p": ["POINT (1 2)", None]}, shapes=["p"]
    )
    first, again = (made(tmp_path, release, form, ["p", "id"], tag) for tag in ("1", "2"))
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()
    raw = [first.read_bytes()]
    if zipfile.is_zipfile(first):
        with zipfile.ZipFile(first) as book:
            raw += [book.read(name) for name in book.namelist()]
    for word in ("秘密", "secret", "whole"):
        for encoding in ("utf-8", "gb18030"):
            assert not any(word.encode(encoding) in each for each in raw), word


def test_gb18030_writes_every_character(tmp_path: Path) -> None:
    words = ["𠮷野家", "㐂", "한국어", "😀", "\ue5e5", "ẞ", "\U0010ffff"]
    path = made(tmp_path, released(tmp_path, {"t": words}), F.EXTRACT_CSV_GB18030)
    assert path.read_bytes().decode("gb18030") == '"t"\n' + "".join(f'"{word}"\n' for word in words)
    assert pd.read_csv(path, encoding="gb18030")["t"].tolist() == words


@settings(max_examples=examples(40))
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_from_a_workbook(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    room = tmp_path_factory.mktemp("any")
    path = made(room, released(room, {"t": [text, "end"]}), F.EXTRACT_XLSX)
    found = texts(path, F.EXTRACT_XLSX)["t"][0]
    assert found in (text, f"'{text}")
    assert pd.read_excel(path, engine="calamine", keep_default_na=False, dtype=str)["t"].iloc[1] == "end"


def test_a_workbook_keeps_numbers_days_and_moments(tmp_path: Path) -> None:
    columns = {
        "i": pa.array([7, -(2**62)]), "f": [0.1, math.nan], "d": pa.array([Decimal("12.50"), Decimal("12345678901234.5678")]),
        "b": [True, False], "day": [date(2024, 2, 29), date(1899, 1, 1)],
        "at": pa.array([datetime.fromisoformat("2024-02-29T08:30:01"), datetime.fromisoformat("2024-02-29T08:30:00.000001")], pa.timestamp("us")),
        "utc": pa.array([datetime(2024, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")), "clock": [time(8, 30), None],
    }  # fmt: skip
    path = made(tmp_path, released(tmp_path, columns), F.EXTRACT_XLSX)
    sheet = pd.read_excel(path, engine="calamine", dtype=object)
    first, second = sheet.to_dict("records")
    assert (first["i"], first["f"], first["d"], first["b"]) == (7, 0.1, 12.5, True)
    assert (first["day"], first["at"]) == (
        datetime.fromisoformat("2024-02-29"),
        datetime.fromisoformat("2024-02-29T08:30:01"),
    )
    assert (first["utc"], first["clock"]) == ("2024-01-01T00:00:00+00:00", "08:30:00")
    exact = (str(-(2**62)), "12345678901234.5678", "1899-01-01", "2024-02-29T08:30:00.000001")
    assert (second["i"], second["d"], second["day"], second["at"]) == exact


def test_a_workbook_names_its_extract_and_nobody(tmp_path: Path) -> None:
    with zipfile.ZipFile(made(tmp_path, released(tmp_path, {"a": [1]}), F.EXTRACT_XLSX)) as book:
        assert "ext_1" in book.read("docProps/custom.xml").decode()
        assert {each.date_time for each in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_cell_that_does_not_fit_is_said_before_anything_is_delivered(tmp_path: Path) -> None:
    release = released(tmp_path, {"t": ["x" * 40_000]})
    with pytest.raises(Conflict, match="take Parquet or CSV"):
        made(tmp_path, release, F.EXTRACT_XLSX)


def test_columns_are_lettered_as_spreadsheets_do() -> None:
    assert [letters(at) for at in (0, 25, 26, 51, 701, 702, 16_383)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "ZZ",
        "AAA",
        "XFD",
    ]


def test_json_lines_keep_numbers_exact_and_times_in_iso(tmp_path: Path) -> None:
    columns = {
        "d": pa.array([Decimal("0.10"), None]), "f": [math.inf, 1.5], "b": [b"\x01\xff", None],
        "s": pa.array([{"x": 1}, None]), "at": pa.array([datetime.fromisoformat("2024-02-29T08:30"), None], pa.timestamp("us")),
    }  # fmt: skip
    path = made(tmp_path, released(tmp_path, columns), F.EXTRACT_JSONL)
    first, second = path.read_text("utf-8").splitlines()
    assert first == '{"d":0.10,"f":null,"b":"01ff","s":{"x":1},"at":"2024-02-29T08:30:00"}'
    assert json.loads(second) == {"d": None, "f": 1.5, "b": None, "s": None, "at": None}


SHAPES = [
    "POINT (1 2)", "POINT Z (1 2 3)", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))",
    "MULTIPOINT (1 2, 3 4)", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))", "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
    "POINT EMPTY", None,
]  # fmt: skip


def test_shapes_of_every_kind_become_features(tmp_path: Path) -> None:
    release = released(tmp_path, {"n": list(range(len(SHAPES))), "p": SHAPES}, shapes=["p"], crs="CGCS2000")
    path = made(tmp_path, release, F.EXTRACT_GEOJSON, ["p", "n"])
    said = json.loads(path.read_text("utf-8"))
    assert (said["type"], said["crs_name"], said["datagrant.extract"]) == (
        "FeatureCollection",
        "CGCS2000",
        "ext_1",
    )
    assert [each["properties"] for each in said["features"]] == [{"n": n} for n in range(len(SHAPES))]
    shapes = [each["geometry"] for each in said["features"]]
    kinds = [each["type"] if each else None for each in shapes]
    assert kinds == [
        "Point", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection", "Point", None,
    ]  # fmt: skip
    assert shapes[1]["coordinates"] == [1, 2, 3]
    assert shapes[3]["coordinates"] == [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]  # turned: counter-clockwise
    assert shapes[4]["coordinates"] == [[1, 2], [3, 4]]
    assert shapes[8]["coordinates"] == []
    found = texts(path, F.EXTRACT_GEOJSON)
    assert list(found) == ["p", "n"]
    assert found["p"][0] == '{"type": "Point", "coordinates": [1.0, 2.0]}'


def test_big_endian_and_measured_shapes_are_read() -> None:
    assert geometry_of(struct.pack(">BIdd", 0, 1, 1, 2)) == {"type": "Point", "coordinates": [1, 2]}
    assert geometry_of(struct.pack("<BIddd", 1, 2001, 1, 2, 9))["coordinates"] == [1, 2]
    with pytest.raises(ValueError, match="WKB kind"):
        geometry_of(struct.pack("<BIdd", 1, 17, 1, 2))


def test_a_second_shape_becomes_text(tmp_path: Path) -> None:
    release = released(tmp_path, {"p": ["POINT (1 2)"], "q": ["POINT (3 4)"]}, shapes=["p", "q"])
    said = json.loads(made(tmp_path, release, F.EXTRACT_GEOJSON).read_text("utf-8"))
    assert said["features"][0]["properties"] == {"q": "POINT (3 4)"}


@pytest.mark.parametrize("form", sorted(EXTRACT_FORMS))
def test_no_rows_are_a_whole_file(tmp_path: Path, form: DeliveryForm) -> None:
    columns = {"id": pa.array([], pa.string()), "p": pa.array([], pa.string())}
    path = made(tmp_path, released(tmp_path, columns, shapes=["p"]), form)
    assert reader_of(path, form).read_all().num_rows == 0


@pytest.mark.parametrize(
    ("form", "columns", "crs", "code"),
    [
        (F.EXTRACT_GEOJSON, ["id"], "WGS84", "no-geometry-for-form"),
        (F.EXTRACT_GEOJSON, ["id", "p"], "GCJ02", "not-wgs84-for-form"),
        (F.EXTRACT_GEOJSON, ["id", "p"], None, "not-wgs84-for-form"),
        (F.EXTRACT_GEOJSON, ["id", "p"], "CGCS2000", None),
        (F.EXTRACT_XLSX, ["id"] * 16_385, "WGS84", "too-many-columns-for-form"),
        (F.EXTRACT_PARQUET, ["id"], None, None),
    ],
)
def test_what_a_form_cannot_hold_is_refused_before_it_starts(
    tmp_path: Path, form: DeliveryForm, columns: list[str], crs: str | None, code: str | None
) -> None:
    release = released(tmp_path, {"id": ["a"], "p": ["POINT (1 2)"]}, shapes=["p"], crs=crs)
    terms = [ColumnTerm(name=name, use="plain") for name in columns]
    assert [each.code for each in misfits(form, release, terms, lambda: 1)] == ([code] if code else [])


def test_a_masked_shape_makes_no_geojson(tmp_path: Path) -> None:
    release = released(tmp_path, {"p": ["POINT (1 2)"]}, shapes=["p"])
    term = ColumnTerm.model_validate({"name": "p", "use": "masked", "mask": {"kind": "drop"}})
    assert [each.code for each in misfits(F.EXTRACT_GEOJSON, release, [term], lambda: 1)] == [
        "no-geometry-for-form"
    ]


def test_rows_are_counted_only_where_they_could_be_too_many(tmp_path: Path) -> None:
    release = tmp_path / "big.parquet"
    pq.write_table(pa.table({"n": pa.array(range(MOST_ROWS_OF_SHEET + 1), pa.int32())}), release)
    terms = [ColumnTerm(name="n", use="plain")]
    assert not misfits(F.EXTRACT_XLSX, release, terms, lambda: MOST_ROWS_OF_SHEET)
    (reason,) = misfits(F.EXTRACT_XLSX, release, terms, lambda: MOST_ROWS_OF_SHEET + 1)
    assert (reason.code, "1048576 would leave" in reason.text.en) == ("too-many-rows-for-form", True)
    (reason,) = misfits(F.EXTRACT_XLSX, release, terms, lambda: MOST_ROWS_OF_SHEET + 1, {F.EXTRACT_XLSX})
    assert "no other form of file" in reason.text.en


@pytest.mark.parametrize(
    ("granted", "crs", "said"),
    [
        ([F.EXTRACT_JSONL, F.EXTRACT_XLSX], None, "JSON lines."), ([F.EXTRACT_CSV, F.QUERY_AGG], None, "CSV."),
        ([*F], "WGS84", "Parquet (as GeoParquet), JSON lines, CSV, CSV (GB18030), GeoJSON."),
        ([*F], "GCJ02", "Parquet (as GeoParquet), JSON lines, CSV, CSV (GB18030)."),
    ],
)  # fmt: skip
def test_a_refused_form_names_every_other_one_that_the_grant_has_and_that_holds_it(
    tmp_path: Path, granted: list[DeliveryForm], crs: str | None, said: str
) -> None:
    release = released(tmp_path, {"id": ["a"], "p": ["POINT (1 2)"]}, shapes=["p"], crs=crs)
    terms = [ColumnTerm(name="p", use="plain"), *[ColumnTerm(name="id", use="plain")] * 16_384]
    (reason,) = misfits(F.EXTRACT_XLSX, release, terms, lambda: 1, granted)
    assert reason.text.en.endswith(f"take fewer, or take another form of the grant: {said}")


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        (F.EXTRACT_JSONL, b'{"a":1}\n{"a":1,"secret":2}\n'), (F.EXTRACT_JSONL, b"[1]\n"), (F.EXTRACT_XLSX, b"PK no"),
        (F.EXTRACT_GEOJSON, b'{"type":"FeatureCollection","columns":["p"],"geometry_column":"p","features":[\n{"type":"Feature","geometry":null,"properties":{"secret":1}}\n]}\n'),
        (F.EXTRACT_GEOJSON, b'{"type":"FeatureCollection","columns":["p"],"geometry_column":"p","features":[\n]}\nmore'),
    ],
)  # fmt: skip
def test_files_with_more_than_they_say_cannot_be_read_back(
    tmp_path: Path, form: DeliveryForm, raw: bytes
) -> None:
    (tmp_path / "f").write_bytes(raw)
    with pytest.raises((ValueError, OSError)):
        reader_of(tmp_path / "f", form).read_all()


def test_a_form_that_a_profile_leaves_out_takes_the_most_checkers_that_it_names() -> None:
    rule = LevelRule(3, frozenset(EXTRACT_FORMS), 2, False, 1, {F.EXTRACT_PARQUET: 2, F.EXTRACT_CSV: 0})
    said = [
        rule.checkers_of(form) for form in (F.EXTRACT_PARQUET, F.EXTRACT_CSV, F.EXTRACT_XLSX, F.QUERY_AGG)
    ]
    assert said == [2, 0, 2, 1]


@pytest.mark.parametrize("form", [F.EXTRACT_CSV_GB18030, F.EXTRACT_XLSX, F.EXTRACT_JSONL])
def test_each_form_passes_the_whole_way_with_its_receipt(sqlite_house: Any, form: DeliveryForm) -> None:
    scene = a_scene(sqlite_house, forms=[form])
    one = scene.delivered(form=form, columns=["venue_id", "rooms"])
    found = texts(scene.file(one.id), form)
    assert sorted(zip(found["venue_id"], found["rooms"], strict=True)) == [
        ("V1", "12"), ("V2", "30"), ("V3", None), ("V4", "7"), ("V5", "55"),
    ]  # fmt: skip
    assert (one.form, one.rows, one.checked_by) == (form, 5, 1)


def test_json_lines_without_rows_pass_the_checks(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    terms = [ColumnTerm(name="a", use="plain")]
    for rows, codes in ((0, []), (1, ["rows-differ-from-plan"])):
        found = check(
            tmp_path / "f",
            F.EXTRACT_JSONL,
            Expected(terms, rows, (), 3),
            memory_limit_mb=200,
            scratch=tmp_path,
        )
        assert [each.code for each in found] == codes


def test_columns_of_a_workbook_are_wide_enough_for_days_and_moments(tmp_path: Path) -> None:
    """A moment that is wider than its column shows as #### in a spreadsheet."""
    table = pa.table(
        {"编号": ["a"], "day": [date(2026, 3, 1)], "at": [datetime.fromisoformat("2026-03-01T08:30:00")], "a_name_that_is_rather_long": [1]}
    )  # fmt: skip
    with SheetWriter(tmp_path / "it.xlsx", table.schema, {}) as sheet:
        sheet.write(table.to_batches()[0])
    with zipfile.ZipFile(tmp_path / "it.xlsx") as book:
        text = book.read(SHEET).decode()
    assert re.findall(r'<col [^>]*width="(\d+)"', text) == ["10", "12", "20", "28"]
    assert text.index("<cols>") < text.index("<sheetData>")
    assert read_sheet(tmp_path / "it.xlsx", 10).read_all().num_rows == 1
