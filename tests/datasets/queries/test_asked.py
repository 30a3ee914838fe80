"""The guard weighs what was asked: whatever a single row holds, adding it to a question told before is refused.

Attacks of one model: a large group is told, then the same with one stay more, found by its number, under every measure and
every condition. If any of these were answered, whether it is would tell what the stay holds.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.house import House
from auth.policy.filters.model import parse
from auth.policy.filters.rules import truth
from datasets.queries import overlap
from datasets.queries.answering import tell
from datasets.queries.asked import either_way
from datasets.queries.engine import Rows
from datasets.queries.model import Count, Extremes, Group, Histogram, Mean, Quantile, QueryAsk, Sum
from datasets.queries.rules import Control
from tests.datasets.queries.scene import QueryScene, a_query_scene, stays
from tests.examples import examples

FEE = {"column": "fee"}
MEASURES: tuple[list[dict[str, Any]], ...] = (
    [{"kind": "count"}],
    [{"kind": "sum", **FEE}],
    [{"kind": "mean", **FEE}],
    [{"kind": "histogram", **FEE, "width": 2}],
    [{"kind": "quantile", **FEE, "q": 0.05, "width": 10}],
    [{"kind": "quantile", **FEE, "q": 0.95, "width": 10}],
    [{"kind": "min_max", **FEE, "width": 4}],
)
LATER = {"op": "ge", "column": "day", "value": 3}
OWNERS = (0, 1, 7, 8, 14, 15)  # they stay on days 1 and 2; fees from 5 to 16


def _stay(owner: int) -> dict[str, Any]:
    return {"op": "in", "column": "stay_id", "values": [f"S{owner}-0"]}


def _with(*more: dict[str, Any]) -> dict[str, Any]:
    return {"op": "or", "args": [LATER, *more]}


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


@pytest.mark.parametrize("select", MEASURES, ids=lambda select: f"{select[0]['kind']}")
def test_one_row_more_is_refused_whatever_it_holds(scene: QueryScene, select: list[dict[str, Any]]) -> None:
    scene.query(select=select, where=LATER)
    codes = [scene.code(select=select, where=_with(_stay(owner))) for owner in OWNERS]
    assert codes == [["suppressed"]] * len(OWNERS)


@pytest.mark.parametrize(("first", "then"), list(itertools.permutations(MEASURES[1:6:2], 2)))
def test_another_measure_is_no_way_round(scene: QueryScene, first: Any, then: Any) -> None:
    scene.query(select=first, where=LATER)
    assert scene.code(select=then, where=_with(_stay(7))) == ["suppressed"]


def test_groups_that_stay_in_are_no_way_round(scene: QueryScene) -> None:
    """In groups by class the one row may fall into a group that is told or into one that is not."""
    groups = [{"column": "fee", "width": 1}]
    scene.query(where=LATER, group_by=groups)
    codes = [scene.code(where=_with(_stay(owner)), group_by=groups) for owner in OWNERS]
    assert codes == [["suppressed"]] * len(OWNERS)


def test_a_row_without_a_value_is_a_row_asked_about(sqlite_house: House) -> None:
    rows = [(*row[:4], None if row[0] == "S7-0" else row[4], *row[5:]) for row in stays()]
    scene = a_query_scene(sqlite_house, rows=rows)
    scene.query(select=[{"kind": "sum", **FEE}], where=LATER)
    codes = [scene.code(select=[{"kind": "sum", **FEE}], where=_with(_stay(owner))) for owner in (7, 8)]
    assert codes == [["suppressed"]] * 2


def test_a_sum_by_its_mean_is_a_count_for_other_columns_too(sqlite_house: House) -> None:
    """A column that three stays lack: its rows by sum and mean, less those of a complete column, would count the three."""
    rows = [(*row[:4], None if row[0] in ("S7-0", "S8-0", "S9-0") else row[4], *row[5:]) for row in stays()]
    scene = a_query_scene(sqlite_house, rows=rows)
    scene.query(select=[{"kind": "sum", "column": "minutes"}, {"kind": "mean", "column": "minutes"}])
    assert scene.code(select=[{"kind": "sum", **FEE}, {"kind": "mean", **FEE}]) == ["suppressed"]


@pytest.mark.parametrize("column", ["minutes", "fee"])
@pytest.mark.parametrize("told", [True, False])
def test_a_condition_on_one_row_is_refused_whether_it_holds_or_not(
    scene: QueryScene, column: str, told: bool
) -> None:
    """`everybody later, or this stay if it was on day 1`: owner 7 was, owner 8 was not."""
    select = [{"kind": "sum", "column": column}]
    if told:
        scene.query(select=[{"kind": "sum", "column": "minutes"}], where=LATER)
    first_day = {"op": "lt", "column": "day", "value": 2}
    forms = [
        lambda one: {"op": "and", "args": [one, first_day]},
        lambda one: {"op": "not", "arg": {"op": "or", "args": [{"op": "not", "arg": one}, {"op": "not", "arg": first_day}]}},
    ]  # fmt: skip
    codes = [scene.code(select=select, where=_with(form(_stay(owner)))) for owner in (7, 8) for form in forms]
    assert codes == [["suppressed"]] * 4


def test_conditions_on_many_that_differ_by_one_are_refused_in_turn(scene: QueryScene) -> None:
    """Twelve stays or eleven of them, if on day 1: the second is refused whatever the twelfth holds."""
    first_day = {"op": "lt", "column": "day", "value": 2}

    def where(stays: list[str]) -> dict[str, Any]:
        some = {"op": "in", "column": "stay_id", "values": stays}
        return _with({"op": "and", "args": [some, first_day]})

    eleven = [f"S{owner}-0" for owner in range(0, 77, 7)]  # all on day 1
    codes = []
    for twelfth in ("S84-0", "S85-0"):  # on day 1, and not
        scene.code(where=where([*eleven, twelfth]))
        codes.append(scene.code(where=where(eleven)))
    assert codes == [["suppressed"]] * 2


def test_a_filter_of_too_many_conditions_says_so(scene: QueryScene) -> None:
    where = {"op": "or", "args": [{"op": "eq", "column": "day", "value": day} for day in range(17)]}
    assert scene.code(where=where) == ["filter-too-complex"]


# ---- a random attacker, with every measure -----------------------------------------------------------------------------

ROWS, LEAST = 24, 4
CONTROL = Control(LEAST, 1, 85, 10, 4)
WIDE = st.sampled_from([1.0, 3.0, 8.0])
MEASURED = st.one_of(
    st.just(Count()),
    st.sampled_from([Sum(kind="sum", column="fee"), Mean(kind="mean", column="fee")]),
    st.builds(lambda width: Histogram(kind="histogram", column="fee", width=width), WIDE),
    st.builds(lambda width: Extremes(kind="min_max", column="fee", width=width), WIDE),
    st.builds(lambda width, q: Quantile(kind="quantile", column="fee", width=width, q=q), WIDE, st.sampled_from([0.05, 0.5, 0.95])),
)  # fmt: skip
VALUES = st.lists(st.one_of(st.integers(0, 12), st.just(float("nan"))), min_size=ROWS, max_size=ROWS)
QUESTION = st.tuples(MEASURED, st.sets(st.integers(0, ROWS - 1), min_size=LEAST), st.booleans())


class Guarded:
    """Answers as the service does, over few rows in memory: the rules first, then every chain under the guard."""

    def __init__(self, fees: list[float], per: int) -> None:
        self.fees, self.who = np.array(fees, float), (np.arange(ROWS) // per).astype(np.uint32)
        self.chains: dict[str, overlap.Atoms] = {}

    def is_told(self, measure: Any, rows: set[int], *, by_class: bool) -> bool:
        places = np.array(sorted(rows), np.int64)
        cell = (places % 3 if by_class else places * 0).astype(np.int64)
        found = Rows(
            [(at,) for at in range(3)] if by_class else [()], cell, places, {"fee": self.fees[places]}
        )
        groups = (Group(column="lot"),) if by_class else ()
        ask = QueryAsk.model_construct(select=(measure,), group_by=groups)
        told = tell(ask, found, self.who, CONTROL, {})
        if told.is_empty:
            return False
        tried = dict(self.chains)
        for chain, partitions in told.partitions.items():
            atoms = tried.get(chain, overlap.no_atoms(ROWS))
            for sets in partitions:
                atoms = overlap.refined(atoms, sets) or atoms
            if overlap.betrays(atoms, self.who, LEAST):
                return False
            tried[chain] = atoms
        self.chains = tried
        return True


@settings(max_examples=examples(60), deadline=None)
@given(VALUES, st.integers(1, 2), st.lists(QUESTION, min_size=1, max_size=4), MEASURED, st.booleans())
def test_after_any_history_one_contributor_more_or_less_is_never_answered(
    fees: list[float], per: int, asked: list[Any], then: Any, by_class: bool
) -> None:
    """Also not under another measure, and whatever the one holds: a value in any class, or none."""
    guarded = Guarded(fees, per)
    told = [rows for measure, rows, classed in asked if guarded.is_told(measure, rows, by_class=classed)]
    for rows in told[:1]:
        for one in range(0, ROWS, 5):
            assert not guarded.is_told(then, rows ^ {one}, by_class=by_class)


# ---- the pure rule -----------------------------------------------------------------------------------------------------


_LEAF = st.one_of(
    st.builds(lambda op, value: {"op": op, "column": "day", "value": value}, st.sampled_from(["ge", "lt", "eq"]), st.integers(1, 7)),
    st.sampled_from(OWNERS).map(_stay),
)  # fmt: skip
_TREE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        st.builds(lambda arg: {"op": "not", "arg": arg}, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=examples(200), deadline=None)
@given(_TREE, st.integers(1, 7), st.sampled_from(OWNERS))
def test_either_way_is_the_filter_with_one_condition_set(tree: Any, day: int, owner: int) -> None:
    """Where a row passes with a condition true and with it false, it passes; where with neither, it does not."""
    where, row = parse(tree), {"day": day, "stay_id": f"S{owner}-0"}
    passes = truth(where, row)
    for true, false in either_way(where):
        both = [each if isinstance(each, bool) else truth(each, row) for each in (true, false)]
        assert both[0] != both[1] or both[0] == passes
        assert passes in both
