"""Attacks on statistics: each tries to learn about fewer contributors than the least group, and gains nothing.

One attacker model runs through all: whoever asks keeps every figure ever told to the organisation, and combines them at will.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from api.house import House
from auth.grants.tables import GrantRow
from datasets.queries import overlap
from tests.datasets.queries.scene import QueryScene, a_query_scene, figures, stays
from tests.examples import examples
from tests.people import a_person

SUM = [{"kind": "sum", "column": "fee"}]
BY_LOT = [{"column": "lot"}]
ALL_BUT_ONE = {"op": "not", "arg": {"op": "in", "column": "stay_id", "values": ["S7-0", "S7-1"]}}


def _day(op: str, value: int) -> dict[str, Any]:
    return {"op": op, "column": "day", "value": value}


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


@pytest.mark.parametrize("select", [SUM, [{"kind": "count"}], [{"kind": "mean", "column": "fee"}]])
def test_differencing_by_one_contributor_is_refused_in_either_order(scene: QueryScene, select: Any) -> None:
    scene.query(select=select)
    assert scene.code(select=select, where=ALL_BUT_ONE) == ["suppressed"]


def test_the_narrower_question_first_is_no_way_round(scene: QueryScene) -> None:
    scene.query(select=SUM, where=ALL_BUT_ONE)
    assert scene.code(select=SUM) == ["suppressed"]


def test_a_tracker_padded_to_a_large_group_is_refused(scene: QueryScene) -> None:
    """sum(A or target) − sum(A), where A is large; and its three-question form sum(all) − sum(not A) − …"""
    target = {"op": "in", "column": "stay_id", "values": ["S7-0", "S7-1"]}
    scene.query(select=SUM, where=_day("ge", 3))
    padded = {"op": "or", "args": [_day("ge", 3), target]}  # owner 7 stays on day 1
    assert scene.code(select=SUM, where=padded) == ["suppressed"]
    scene.query(select=SUM)
    inverse = {"op": "and", "args": [{"op": "not", "arg": target}, _day("lt", 3)]}
    assert scene.code(select=SUM, where=inverse) == ["suppressed"]  # all − (≥3) − this one = the target


def test_a_negated_question_is_the_same_question(scene: QueryScene) -> None:
    only = {"op": "in", "column": "stay_id", "values": [f"S{n}-{k}" for n in range(5) for k in (0, 1)]}
    assert scene.code(select=SUM, where=only) == ["suppressed"]
    scene.query(select=SUM)
    assert scene.code(select=SUM, where={"op": "not", "arg": only}) == ["suppressed"]


def test_groups_left_out_cannot_be_had_from_the_total(scene: QueryScene) -> None:
    told = figures(scene.query(select=SUM, group_by=BY_LOT), "sum(fee)")
    assert (told["C"], told["D"]) == (None, None)
    scene.query(select=SUM)  # may be told: what it leaves is C and D together, 20 owners
    rest = sum(row[4] for row in stays() if row[2] in "CD")
    assert rest > 0


def test_asking_often_gives_the_same_answer_and_nothing_to_average(scene: QueryScene) -> None:
    answers = {str(scene.query(select=SUM, group_by=BY_LOT).rows) for _ in range(5)}
    assert len(answers) == 1


def test_grants_of_one_organisation_are_held_against_each_other(scene: QueryScene) -> None:
    """Two grants whose row filters differ by one owner; and two accounts that share what they learn."""
    other = scene.grants(
        columns=[{"name": "fee", "reason": "另一场景的停车统计", "use": "aggregate_only"}], forms=["query_agg"],
        row_filter={"op": "not", "arg": {"op": "in", "column": "stay_id", "values": ["S7-0", "S7-1"]}}, scenario_id="parking",
        purposes=["risk-pricing"],
    )  # fmt: skip
    with scene.house.write() as work:
        a_person(work, "colleague", "insurer", ["analyst"])
    scene.query(select=SUM)
    assert scene.code("colleague", grant_id=other, scenario_id="parking", select=SUM) == ["suppressed"]
    scene.query("colleague", select=SUM)  # the same figure for both


@pytest.mark.parametrize(("guards_all", "codes"), [(False, []), (True, ["suppressed"])])
def test_colluding_organisations_are_held_against_each_other_where_the_terms_say_so(
    scene: QueryScene, guards_all: bool, codes: list[str]
) -> None:
    scene.sets(guards_all=guards_all)
    other = scene.grants(
        columns=[{"name": "fee", "reason": "另一场景的停车统计", "use": "aggregate_only"}], forms=["query_agg"],
        row_filter={"op": "not", "arg": {"op": "in", "column": "stay_id", "values": ["S7-0", "S7-1"]}}, scenario_id="parking",
        purposes=["risk-pricing"],
    )  # fmt: skip
    with scene.house.write() as work:
        a_person(work, "partner", "mapper", ["analyst"])
        work.db.get_one(GrantRow, other).org_id = "mapper"
    scene.query(select=SUM)
    assert scene.code("partner", grant_id=other, scenario_id="parking", select=SUM) == codes


def test_empty_groups_look_like_small_ones(scene: QueryScene) -> None:
    read = scene.query(group_by=BY_LOT)
    empty, small = (next(row for row in read.rows if row["group"]["lot"] == lot) for lot in "ED")
    assert empty["figures"] == small["figures"] == {"count": None}
    nobody = {"op": "eq", "column": "stay_id", "value": "no such"}
    someone = {"op": "eq", "column": "stay_id", "value": "S1-0"}
    texts = []
    for where in (nobody, someone):
        with pytest.raises(Exception, match="disclosure") as refused:
            scene.query(where=where)
        texts.append(str(refused.value))
    assert texts[0] == texts[1]


def test_many_harmless_figures_are_told(scene: QueryScene) -> None:
    """The guard does not stop ordinary work: groups by lot, by day, thresholds far apart."""
    scene.query(select=SUM, group_by=BY_LOT)
    scene.query(select=SUM, group_by=[{"column": "day"}])
    assert scene.code(select=SUM, where=_day("le", 4)) == []


# ---- the guard itself, on anything -------------------------------------------------------------------------------------

ROWS, LEAST = 24, 4


def _told(asked: list[set[int]], who: Any) -> list[set[int]]:
    """Which of these sets the guard lets out, in order."""
    atoms, told = overlap.no_atoms(ROWS), []
    for rows in asked:
        if len({who[row] for row in rows} if who is not None else rows) < LEAST:
            continue
        tried = overlap.refined(atoms, [BitMap(rows)])
        if tried is not None and not overlap.betrays(tried, who, LEAST):
            atoms, told = tried, [*told, rows]
    return told


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.sets(st.integers(0, ROWS - 1), min_size=1), min_size=1, max_size=9),
    st.sampled_from([None, 1, 2, 3]),
)
def test_no_combination_of_what_is_told_is_about_one_contributor(
    asked: list[set[int]], per: int | None
) -> None:
    """An attacker who solves the linear system of everything told learns no contributor's rows: least squares as judge."""
    who = None if per is None else (np.arange(ROWS) // per).astype(np.uint32)
    told = _told(asked, who)
    if not told:
        return
    matrix = np.array([[row in rows for row in range(ROWS)] for rows in told], float)
    rank = np.linalg.matrix_rank(matrix)
    for owner in range(ROWS if who is None else int(who.max()) + 1):
        own = np.array([(row == owner) if who is None else who[row] == owner for row in range(ROWS)])
        for target in np.eye(ROWS)[own]:
            assert np.linalg.matrix_rank(np.vstack((matrix, target))) == rank + 1
        assert np.linalg.matrix_rank(np.vstack((matrix, own.astype(float)))) == rank + 1


def test_sets_without_overlap_are_all_told() -> None:
    asked = [set(range(at, at + LEAST)) for at in range(0, ROWS, LEAST)]
    assert _told(asked, None) == asked
