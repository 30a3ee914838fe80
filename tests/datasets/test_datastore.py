"""Reading rows in place: what may be asked of a table, and how its pages go on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputRefused
from datasets.datastore import Ask, _plain, fields_of, pages, read, rows_in

CITIES = ["成都", "大鹏", "成都成都", None, "上海"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "t.parquet"
    pq.write_table(pa.table({"city": CITIES, "n": [1, 2, 3, 4, 5], "note": ["成", "b", "c", "d", "e"]}), path)
    return path


def ids(table: Path, **how: Any) -> list[int]:
    return [row["_id"] for row in read(table, Ask(**({"filters": {}} | how)), 256).records]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"city": "成都"}, [1]),
        ({"city": None}, [4]),
        ({"n": {"gte": 2, "lt": 4}}, [2, 3]),
        ({"$or": [{"n": 1}, {"n": {"gt": 4}}]}, [1, 5]),
        ([{"n": 1}, {"n": 2}], [1, 2]),
        ({"$and": [{"n": {"gt": 1}}, {"$or": [{"city": "大鹏"}, {"city": "上海"}]}]}, [2, 5]),
        ({"n": []}, []),
        ({"n": {}}, [1, 2, 3, 4, 5]),
    ],
)
def test_filters_choose_rows(table: Path, filters: Any, found: list[int]) -> None:
    assert ids(table, filters=filters) == found


def test_each_of_several_values_is_compared_as_it_is_alone(tmp_path: Path) -> None:
    when = [datetime(2024, 1, day) for day in (1, 2, 3)]  # noqa: DTZ001 - a column without a zone
    kinds = {
        "x": [1.0, 2.5, 3.0],
        "flag": [True, False, None],
        "at": when,
        "word": ["1", "true", "c"],
        "n": [1, 2, 3],
    }
    pq.write_table(pa.table(kinds), path := tmp_path / "k.parquet")
    for column, values in {
        "x": [1, 2.5, "3"], "flag": [True, "false"], "at": ["2024-01-01T00:00:00", "2024-01-03"], "word": [1, True], "n": [3, "1", 2.0],
    }.items():  # fmt: skip
        alone = sorted(one for value in values for one in ids(path, filters={column: value}))
        assert alone
        assert ids(path, filters={column: values}) == alone
    assert ids(path, filters={"n": list(range(1000))}) == [1, 2, 3]


def test_one_character_finds_its_words_and_the_best_fit_stands_first(table: Path) -> None:
    found = read(table, Ask({}, words="成"), 256)
    assert [row["_id"] for row in found.records] == [1, 3]
    assert found.fields[-1] == {"id": "rank", "type": "float"}
    assert found.records[0]["rank"] > found.records[1]["rank"] > 0
    only = read(table, Ask({}, words={"city": "成都", "note": "c"}), 256)
    assert [row["_id"] for row in only.records] == [3]
    assert {"rank city", "rank note"} <= set(only.records[0])
    assert ids(table, words={"note": "成"}) == [1]


@pytest.mark.parametrize("sort", ["", "_id", "_id desc"])
def test_pages_by_key_give_every_row_once_and_end(table: Path, sort: str) -> None:
    seen: list[int] = []
    filters: dict[str, Any] = {}
    for _ in range(10):
        page = read(table, Ask(filters, sort=sort, limit=2), 256)
        seen += [row["_id"] for row in page.records]
        if page.next_page is None:
            break
        filters = page.next_page
    assert seen == ([5, 4, 3, 2, 1] if "desc" in sort else [1, 2, 3, 4, 5])


def test_other_orders_have_no_next_page(table: Path) -> None:
    for ask in (
        Ask({}, sort="n desc", limit=2),
        Ask({}, words="成", limit=1),
        Ask({}, limit=1, distinct=True, fields=["n"]),
    ):
        assert read(table, ask, 256).next_page is None


@pytest.mark.parametrize(
    ("ask", "field", "said"),
    [
        (Ask({"zz": 1}), "filters", "Unknown field: zz"),
        (Ask({"n": {"like": 1}}), "filters", "Unknown field: like"),
        (Ask({"$or": {"n": 1}}), "filters", "$and and $or take a list of objects"),
        (Ask({"n": "many"}), "filters", "A value does not fit its column"),
        (Ask({}, sort="zz"), "sort", "Unknown field: zz"),
        (Ask({}, fields=["zz"]), "fields", "Unknown field: zz"),
        (Ask({}, words={"zz": "a"}), "q", "Unknown field: zz"),
        (Ask({}, words=" ".join("a" * 40)), "q", "At most 32 words"),
    ],
)
def test_what_does_not_fit_is_said_by_its_field(table: Path, ask: Ask, field: str, said: str) -> None:
    with pytest.raises(InputRefused) as refused:
        read(table, ask, 256)
    assert (refused.value.facts["field"], refused.value.detail.en) == (field, said)


def test_nesting_ends(table: Path) -> None:
    filters: Any = {"n": 1}
    for _ in range(20):
        filters = {"$or": [filters]}
    with pytest.raises(InputRefused):
        read(table, Ask(filters), 256)


def test_whole_table_is_read_in_order_without_a_limit(table: Path) -> None:
    with pages(table, Ask({}, limit=None), 256) as (fields, rows):
        assert [each["id"] for each in fields] == ["_id", "city", "n", "note"]
        assert [row[1] for row in rows] == CITIES
    assert rows_in(table) == 5
    assert ids(table, sort="city asc nulls first")[0] == 4
    assert fields_of(table)[2]["type"] == "int8"


def test_instants_are_printed_as_ckan_prints_them() -> None:
    assert _plain(datetime(2024, 1, 1)) == "2024-01-01T00:00:00.000"  # noqa: DTZ001 - Parquet without a zone
    assert _plain(datetime(2024, 1, 1, 8, 30, 0, 120001)) == "2024-01-01T08:30:00.120001"  # noqa: DTZ001
    assert _plain(datetime(2024, 1, 1, 8, tzinfo=UTC)) == "2024-01-01T08:00:00.000+00:00"
    assert _plain(date(2024, 1, 1)) == "2024-01-01"
