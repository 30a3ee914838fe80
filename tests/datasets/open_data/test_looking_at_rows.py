"""Rows, numbers and places of a table, and the pictures made of them."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputRefused, NotFound
from core.ids import DatasetId
from datasets import datastore
from datasets.open_data import drawing, service
from datasets.open_data.conditions import Condition, question
from datasets.open_data.service import Opened

MEMORY = 256


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = tmp_path_factory.mktemp("open") / "t.parquet"
    table = pa.table(
        {
            "lot": ["P1", "P2", "P3", None], "free": pa.array([3, 10, 7, None], pa.int64()), "share": [0.5, float("nan"), 2.5, 1.5],
            "day": [dt.date(2026, 3, n) for n in (1, 2, 3, 4)], "open": [True, False, True, None],
            'q"t': ["x", "x", "y", None], "lon": [114.5, 114.6, 999.0, None], "lat": [22.5, 22.6, 22.7, 22.8],
        }
    )  # fmt: skip
    pq.write_table(table, path)
    return Opened(DatasetId("D-1"), "r", 1, path, ("lon", "lat"), "EPSG:4490", datastore.fields_of(path))


@pytest.mark.parametrize(
    ("conditions", "words", "rows"),
    [
        ([], "", [1, 2, 3, 4]),
        ([("free", "gte", "7")], "", [2, 3]),
        ([("free", "gte", "4"), ("free", "lte", "9")], "", [3]),
        ([("lot", "has", "p")], "", [1, 2, 3]),
        ([("lot", "ne", "P1")], "", [2, 3]),
        ([("lot", "empty", "")], "", [4]),
        ([("day", "lte", "2026-03-02")], "", [1, 2]),
        ([("share", "eq", "2.5")], "", [3]),
        ([("open", "eq", "是")], "", [1, 3]),
        ([('q"t', "eq", "y")], "", [3]),
        ([("lot", "eq", "'; DROP TABLE x; --")], "", []),
        ([], "p2", [2]),
    ],
)
def test_conditions(opened: Opened, conditions: list[Condition], words: str, rows: list[int]) -> None:
    found = service.rows(opened, conditions, words, "", 50, 0, MEMORY)
    assert [each["_id"] for each in found.records] == rows
    assert found.total == len(rows)


def test_sorting_and_paging(opened: Opened) -> None:
    found = service.rows(opened, [], "", "-free", 2, 1, MEMORY)
    assert ([each["free"] for each in found.records], found.total) == ([7, 3], 4)
    assert [each["id"] for each in found.fields][:2] == ["_id", "lot"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (("nothing", "eq", "1"), "no column"),
        (("free", "eq", "viele"), "none"),
        (("free", "sounds like", "1"), "no operator"),
        (("day", "eq", "morgen"), "does not fit"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(opened: Opened, condition: Condition, said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        service.rows(opened, [condition], "", "", 5, 0, MEMORY)


def test_words_and_contains_are_not_mixed(opened: Opened) -> None:
    with pytest.raises(InputRefused, match="not both"):
        question(opened.fields, [("lot", "has", "P")], "x", "", 5, 0)


def test_columns_in_numbers(opened: Opened) -> None:
    found = {each.name: each for each in service.columns(opened, MEMORY).columns}
    free = found["free"]
    assert (free.filled, free.least, free.most, free.is_binned) == (3, "3", "10", True)
    assert free.mean == pytest.approx(20 / 3)
    assert (sum(each.rows for each in free.bins), len(free.bins)) == (3, 12)
    assert [(each.label, each.rows) for each in found['q"t'].bins] == [("x", 2), ("y", 1)]
    assert (found["day"].least, found["day"].bins[0].label, found["day"].bins[-1].rows) == (
        "2026-03-01", "2026-03-01", 1,
    )  # fmt: skip
    assert found["open"].bins[0].label == "true"
    assert sum(each.rows for each in found["share"].bins) <= 4


def test_places_outside_the_world_are_left_out(opened: Opened) -> None:
    found = service.points(opened, [], "", MEMORY)
    assert (found.points, found.total) == ([(114.5, 22.5), (114.6, 22.6)], 2)
    assert service.points(opened, [("lot", "eq", "P2")], "", MEMORY).points == [(114.6, 22.6)]
    bare = Opened("D-1", "r", 1, opened.path, None, None, opened.fields)
    with pytest.raises(NotFound):
        service.points(bare, [], "", MEMORY)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20))
def test_every_place_lies_inside_the_frame(points: list[tuple[float, float]]) -> None:
    made = drawing.drawn(points)
    assert all(0 <= x <= drawing.WIDTH and 0 <= y <= drawing.HEIGHT for x, y in made.points)
    assert len(made.meridians) <= 8
    assert len(made.parallels) <= 8


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_bars_stay_inside_their_picture(rows: list[int]) -> None:
    made = drawing.bars(rows)
    assert len(made) == len(rows)
    assert all(
        y >= 0 and y + high <= 28.02 and (high > 0) == (n > 0)
        for (_, y, _, high), n in zip(made, rows, strict=True)
    )
