"""Places that leave as cells of a grid, and codes of divisions raised to the division around them."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.model import ColumnTerm, DeliveryForm, DivisionMask, GridMask
from core.errors import Conflict
from datasets.extracts.build import Recipe, build, engine_of
from datasets.extracts.compile import Held, leaving
from datasets.geometry import Extent, converter, geo_metadata
from tests.examples import examples

KEY = b"k" * 32
LEVELS = {"province": 2, "city": 4, "county": 6, "town": 9}
CODES = st.none() | st.text("0123456789０a -", max_size=13) | st.from_regex(r"[0-9]{6}|[0-9]{9}|[0-9]{12}", fullmatch=True)  # fmt: skip


def _grid(step: float) -> ColumnTerm:
    return ColumnTerm(name="place", use="masked", mask=GridMask(step=step))


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(st.lists(CODES, min_size=1, max_size=20), st.sampled_from(sorted(LEVELS)))
def test_a_code_becomes_that_of_the_division_around_it(codes: list[str | None], level: Any) -> None:
    term = ColumnTerm(name="x", use="masked", mask=DivisionMask(level=level))

    def slow(code: str | None) -> str | None:
        is_code = code is not None and len(code) in (2, 4, 6, 9, 12) and set(code) <= set("0123456789")
        return code[: LEVELS[level]].ljust(len(code), "0") if code is not None and is_code else None

    with duckdb.connect() as connection:
        held = connection.from_arrow(pa.table({"x": pa.array(codes, pa.string())}))
        found = held.select(leaving(term, Held("x", "VARCHAR"), KEY)).fetchall()
        assert [row[0] for row in found] == [slow(code) for code in codes]
        numbers = [int(code) for code in codes if code and slow(code) and code[0] != "0"]
        held = connection.from_arrow(pa.table({"x": pa.array(numbers, pa.int64())}))
        found = held.select(leaving(term, Held("x", "BIGINT"), KEY)).fetchall()
        assert [row[0] for row in found] == [int(slow(str(each)) or 0) for each in numbers]


def _cell(at: float, step: float, edge: float) -> float:
    return max(-edge, min(edge, round((math.floor(at / step) + 0.5) * step, 9)))


def _point(x: float, y: float) -> bytes:
    return struct.pack("<BIdd", 1, 1, x, y)


def _line(*places: tuple[float, float]) -> bytes:
    return struct.pack(
        f"<BII{2 * len(places)}d", 1, 2, len(places), *(each for place in places for each in place)
    )


PLACES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
SHAPES = st.lists(st.none() | st.lists(PLACES, min_size=1, max_size=3), min_size=1, max_size=8)


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(
    SHAPES | st.lists(st.lists(PLACES, min_size=1, max_size=1), min_size=1),
    st.sampled_from([0.001, 0.01, 0.3, 10.0]),
)
def test_a_shape_becomes_the_centre_of_the_cell_of_its_middle(
    shapes: list[list[tuple[float, float]] | None], step: float
) -> None:
    given_ = [
        None if each is None else _point(*each[0]) if len(each) == 1 else _line(*each) for each in shapes
    ]
    wanted = []
    for each in shapes:
        if each is None:
            wanted.append(None)
            continue
        xs, ys = zip(*each, strict=True)
        x, y = ((min(of) + max(of)) / 2 for of in (xs, ys))
        wanted.append(_point(_cell(x, step, 180), _cell(y, step, 90)))
    with engine_of(200, Path("/tmp")) as connection:  # noqa: S108 - nothing is written

        def masked(values: list[bytes | None]) -> list[bytes | None]:
            held = connection.from_arrow(pa.table({"place": pa.array(values, pa.binary())}))
            found = held.select(leaving(_grid(step), Held("place", "BLOB"), KEY)).fetchall()
            return [None if row[0] is None else bytes(row[0]) for row in found]

        found = masked(given_)
        assert found == wanted
        assert masked(found) == found  # a cell's centre stays where it is


def _release(folder: Path, *, as_text: bool = False) -> Path:
    texts = ["POINT (114.05861 22.54333)", None, "LINESTRING (114.11 22.51, 114.33 22.93)", "POINT EMPTY"]
    with converter() as engine:
        shapes = pa.array(texts) if as_text else engine.wkb(pa.array(texts))
    extent = Extent()
    if not as_text:
        extent.add(shapes)
    table = pa.table({"name": list("abcd"), "place": shapes})
    notes = None if as_text else {"geo": geo_metadata({"place": extent}, "WGS84")}
    pq.write_table(table.replace_schema_metadata(notes), folder / "release.parquet")
    return folder / "release.parquet"


@pytest.mark.parametrize(
    "form", [DeliveryForm.EXTRACT_PARQUET, DeliveryForm.EXTRACT_GEOJSON, DeliveryForm.EXTRACT_CSV]
)
def test_no_file_holds_the_place_itself(tmp_path: Path, form: DeliveryForm) -> None:
    out = tmp_path / "out"
    terms = (ColumnTerm(name="name", use="plain"), _grid(0.1))
    build(_release(tmp_path), Recipe(terms, None, form, KEY, {}), out, memory_limit_mb=200, scratch=tmp_path)
    raw = out.read_bytes()
    assert struct.pack("<d", 114.05861) not in raw
    assert b"114.05861" not in raw
    if form is DeliveryForm.EXTRACT_PARQUET:
        made = pq.read_table(out)
        told = json.loads(made.schema.metadata[b"geo"])["columns"]["place"]
        assert told["geometry_types"] == ["Point"]
        assert "bbox" not in told
        found = dict(zip(made["name"].to_pylist(), made["place"].to_pylist(), strict=True))
        assert found == {"a": _point(114.05, 22.55), "b": None, "c": _point(114.25, 22.75), "d": None}
    elif form is DeliveryForm.EXTRACT_GEOJSON:
        features = json.loads(raw)["features"]
        assert {each["properties"]["name"]: (each["geometry"] or {}).get("coordinates") for each in features} == {
            "a": [114.05, 22.55], "b": None, "c": [114.25, 22.75], "d": None
        }  # fmt: skip
    else:
        assert b"POINT (114.05 22.55)" in raw


def test_a_column_that_stayed_text_is_refused_and_not_delivered(tmp_path: Path) -> None:
    recipe = Recipe((_grid(0.1),), None, DeliveryForm.EXTRACT_PARQUET, KEY, {})
    with pytest.raises(Conflict, match="grid"):
        build(
            _release(tmp_path, as_text=True), recipe, tmp_path / "out", memory_limit_mb=200, scratch=tmp_path
        )
