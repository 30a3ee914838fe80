"""The same question over two releases must not show what fewer than ten contributors changed in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlmodel import select as one_of_them

from api.house import House
from catalog.tables import ColumnRow
from datasets.queries import across, alike, combined
from datasets.queries.across import Side, changed
from tests.datasets.queries.scene import STAYS, QueryScene, a_query_scene, figures, stays
from tests.examples import examples

Rows = list[tuple[Any, ...]]
COUNT: list[dict[str, Any]] = [{"kind": "count"}]
SUM: list[dict[str, Any]] = [{"kind": "sum", "column": "fee"}]
MEAN: list[dict[str, Any]] = [{"kind": "mean", "column": "fee"}]
BY_LOT = [{"column": "lot"}]
LATER = {"op": "ge", "column": "day", "value": 3}


def _more(owners: int) -> Rows:
    """The stays, and so many owners more in lot B, two stays each."""
    return stays() + [
        (f"S{at}-{n}", f"粤B{at:05}", "B", 5, 9.0, 40, "新")
        for at in range(900, 900 + owners)
        for n in range(2)
    ]


def _with_fee(owners: int, fee: float = 11.0) -> Rows:
    return [
        (*row[:4], row[4] + fee if at // 2 < owners else row[4], *row[5:]) for at, row in enumerate(stays())
    ]


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


@pytest.mark.parametrize("select", [COUNT, SUM, MEAN, [{"kind": "histogram", "column": "fee", "width": 8}]])
@pytest.mark.parametrize(("owners", "code"), [(0, []), (1, ["suppressed"]), (9, ["suppressed"]), (10, [])])
def test_what_few_new_contributors_add_is_not_shown(
    scene: QueryScene, select: list[dict[str, Any]], owners: int, code: list[str]
) -> None:
    scene.query(select=select)
    scene.releases(_more(owners), 2)
    assert scene.code(select=select) == code


def test_one_changed_value_shows_in_no_sum_and_a_count_that_is_the_same_is_told(scene: QueryScene) -> None:
    scene.query(select=SUM)
    first = scene.query(select=COUNT)
    scene.releases(_with_fee(1), 2)
    assert scene.code(select=SUM) == scene.code(select=MEAN) == ["suppressed"]
    assert figures(scene.query(select=COUNT)) == figures(first)
    scene.releases(_with_fee(40), 3)
    assert scene.code(select=SUM) == []


def test_neither_groups_nor_another_filter_nor_a_detour_are_a_way_round(scene: QueryScene) -> None:
    """Owner 900 stays on day 5: whoever asks about days 3 and later, or about lot B, must not see him come and go."""
    scene.query(where=LATER)
    scene.query(group_by=BY_LOT)
    scene.releases(_more(1), 2)
    assert scene.code(where=LATER) == scene.code(group_by=BY_LOT) == ["suppressed"]
    same = {"op": "and", "args": [LATER, {"op": "le", "column": "day", "value": 99}]}
    assert scene.code(where=same) == ["suppressed"]
    assert scene.code(group_by=BY_LOT, select=MEAN) == ["suppressed"]  # a mean with its sum is a count
    scene.releases(stays(), 3)
    assert scene.code(where=LATER) == []  # as it was
    scene.releases(_more(1), 4)
    assert scene.code(where=LATER) == ["suppressed"]


DAYS = [{"op": "le", "column": "day", "value": 3}, {"op": "ge", "column": "day", "value": 4}]


def _halves(scene: QueryScene, select: list[dict[str, Any]]) -> list[list[str]]:
    return [scene.code(select=select, where=each) for each in DAYS]


@pytest.mark.parametrize("select", [COUNT, SUM, MEAN])
@pytest.mark.parametrize(("owners", "is_told"), [(1, False), (9, False), (10, True)])
def test_three_figures_over_two_releases_do_not_isolate_new_contributors(
    scene: QueryScene, select: list[dict[str, Any]], owners: int, is_told: bool
) -> None:
    """The whole of one release less both halves of the next is what came: each half alone differs from the whole by many."""
    scene.query(select=select)
    scene.releases(_more(owners), 2)
    assert _halves(scene, select) == [[], [] if is_told else ["suppressed"]]


def test_one_changed_fee_is_not_isolated_by_three_sums(scene: QueryScene) -> None:
    scene.query(select=SUM)
    scene.releases(_with_fee(1), 2)
    assert _halves(scene, SUM) == [[], ["suppressed"]]


def test_halves_first_and_the_whole_later_and_over_three_releases_are_no_way_round(scene: QueryScene) -> None:
    assert _halves(scene, SUM) == [[], []]
    scene.releases([(*row[:4], row[4] + 1, *row[5:]) for row in _more(1)], 2)
    assert scene.code(select=SUM, where=DAYS[0]) == []  # every fee is another: nothing in common
    scene.releases(_more(1), 3)
    assert scene.code(select=SUM) == ["suppressed"]  # the halves were told of release 1


def test_what_many_changed_is_told_in_parts_and_whole(scene: QueryScene) -> None:
    scene.query(select=SUM)
    scene.releases(_with_fee(40), 2)
    assert _halves(scene, SUM) == [[], []]
    scene.releases(_more(30), 3)
    assert _halves(scene, COUNT) == [[], []]
    assert scene.code(select=COUNT, group_by=BY_LOT) == []


def test_where_nothing_can_be_weighed_together_nothing_more_is_told(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.query(select=COUNT)
    scene.releases(_more(10), 2)
    monkeypatch.setattr("datasets.queries.combined.CELLS", 0)
    assert _halves(scene, COUNT) == [
        [],
        ["suppressed"],
    ]  # two figures are compared as before, three are not let through


def test_where_one_release_alone_can_be_weighed_nothing_more_is_told(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.query(select=COUNT)
    scene.releases(_more(10), 2)
    weighed = combined.table_of
    monkeypatch.setattr(combined, "table_of", lambda reads: weighed(reads) if len(reads) == 1 else None)
    assert _halves(scene, COUNT) == [[], ["suppressed"]]


def test_a_release_without_the_contributors_column_adds_no_figure_to_a_combination() -> None:
    class Nameless:
        def names(self, _file: Path) -> None:
            return None

        def values(self, _file: Path, _column: str) -> NDArray[np.float64]:
            return np.ones(3)

    for chain in ("rows", "sum:fee"):
        read = across._reading(cast(Any, Nameless()), chain, Path("old.parquet"), [BitMap([0, 2])], None)
        assert (len(read().names), read().rows) == (0, [])


def test_rows_that_stand_for_themselves_are_compared_as_bags(scene: QueryScene) -> None:
    scene.sets(contributor=None, per_contributor=1)
    scene.query(select=COUNT)
    scene.query(select=SUM)
    scene.releases(_more(1), 2)  # two rows
    assert scene.code(select=COUNT) == ["suppressed"]
    scene.releases([(*row[:4], 7.5 if at == 3 else row[4], *row[5:]) for at, row in enumerate(stays())], 3)
    assert scene.code(select=COUNT) == []
    assert scene.code(select=SUM) == ["suppressed"]


def _rows_more(rows: int, note: str = "私密") -> Rows:
    """The stays, and so many rows more in lot B; `note`: what stands in every row."""
    more = [(f"S{at}", f"粤B{at:05}", "B", 5, 9.0, 40, note) for at in range(900, 900 + rows)]
    return [(*row[:6], note) for row in stays()] + more


def _rows_count(scene: QueryScene, *, has_key: bool) -> None:
    scene.sets(contributor=None, per_contributor=1)
    if has_key:
        with scene.house.write() as work:
            found = one_of_them(ColumnRow).where(ColumnRow.dataset_id == STAYS, ColumnRow.name == "stay_id")
            work.db.exec(found).one().primary = True


@pytest.mark.parametrize("note", ["私密", "全部改写"])
@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize("select", [COUNT, SUM])
@pytest.mark.parametrize(("rows", "is_told"), [(1, False), (9, False), (10, True)])
def test_three_figures_do_not_isolate_new_rows_where_no_column_tells_contributors_apart(
    scene: QueryScene, rows: int, is_told: bool, select: list[dict[str, Any]], has_key: bool, note: str
) -> None:
    """Rows are contributors then: known by the dictionary's key, else by what they hold, changed ones by their place."""
    _rows_count(scene, has_key=has_key)
    scene.query(select=select)
    scene.releases(_rows_more(rows, note), 2)
    assert _halves(scene, select) == [[], [] if is_told else ["suppressed"]]


def test_a_row_that_was_changed_is_no_new_one_and_its_value_is_isolated_by_no_three_sums(
    scene: QueryScene,
) -> None:
    _rows_count(scene, has_key=False)
    scene.query(select=COUNT)
    scene.query(select=SUM)
    scene.releases([(*row[:4], 7.5 if at == 3 else row[4], *row[5:]) for at, row in enumerate(stays())], 2)
    assert _halves(scene, COUNT) == [[], []]
    assert _halves(scene, SUM) == [[], ["suppressed"]]


WORDS = st.lists(st.integers(0, 3), max_size=9)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=3))
def test_equal_rows_are_counted_and_as_many_changed_ones_as_may_be_are_one(held: list[list[int]]) -> None:
    names = [alike.numbered(np.array(each, np.uint64)) for each in held]
    for each, named in zip(held, names, strict=True):
        assert len(set(named.tolist())) == len(each), "each row is one of its own"
    made = alike.aligned(names)
    for at in range(1, len(held)):
        common = set(made[at].tolist()) & set(made[at - 1].tolist())
        assert len(common) >= min(len(held[at]), len(held[at - 1])), (
            "no more is put in or taken out than must be"
        )
        assert len(set(made[at].tolist())) == len(held[at])


def test_a_release_that_is_kept_no_more_stands_against_nothing(scene: QueryScene) -> None:
    """Its file cannot be read again, so nothing is held against it; docs/queries.md says so."""
    from datasets.releases.queries import current

    scene.query()
    with scene.house.read() as work:
        before = current(work, "DP-PK-009")
    assert before is not None
    assert before.sha256 is not None
    scene.releases(_more(1), 2)
    scene.house.files.remove(before.sha256)
    assert scene.code() == []


CELLS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([-1.5, 0.0, 0.1, 2.0])), max_size=12)


@settings(max_examples=examples(80), deadline=None)
@given(CELLS, CELLS, st.booleans(), st.booleans())
def test_changed_contributors_are_those_of_the_slow_count(
    old: list[tuple[int, float]], new: list[tuple[int, float]], has_names: bool, is_sum: bool
) -> None:
    def side(rows: list[tuple[int, float]]) -> Side:
        return Side(Path(), len(rows), np.array([who for who, _ in rows], np.int64) if has_names else None, 5)

    def slow() -> int:
        if has_names:
            sums: list[defaultdict[int, float]] = [defaultdict(float), defaultdict(float)]
            for at, rows in enumerate((old, new)):
                for who, value in rows:
                    sums[at][who] += value if is_sum else 1
            return sum(abs(sums[0][who] - sums[1][who]) > 1e-6 for who in range(5))
        if not is_sum:
            return abs(len(old) - len(new))
        bags = [Counter(value for _, value in rows if value) for rows in (old, new)]
        return max((bags[0] - bags[1]).total(), (bags[1] - bags[0]).total())

    values = (np.array([v for _, v in old], float), np.array([v for _, v in new], float)) if is_sum else None
    places = np.arange(len(old), dtype=np.int64), np.arange(len(new), dtype=np.int64)
    assert changed(*places, (side(old), side(new)), values) == slow()
