"""What a plan tells: enough to choose by, and no way to read values by counting."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from api.house import House
from api.routes.extracts import plan
from auth.audit import AuditEventRow
from auth.grants.tables import UsageEventRow
from auth.policy.filters.model import parse
from auth.policy.filters.rules import matches
from auth.policy.limits import Limits
from catalog.tables import DatasetRow
from core.errors import TooMany
from datasets.extracts import planning, telling
from datasets.extracts.models import PlanRead
from tests.datasets.extracts.scene import GRANTED, ROWS, VENUES, Scene, a_scene, a_table
from tests.examples import examples

MANY = [(f"V{n}", *row[1:3], n, *row[4:]) for n, row in enumerate(ROWS * 8)]  # rooms: 0 to 39
COLUMNS = [
    *(each for each in GRANTED if each != "rooms"),
    {"name": "rooms", "reason": "按房间数筛选", "use": "filter_only"},
]


def a_scene_without_checkers(house: House) -> Scene:
    """Level 1: no checker stands between."""
    found = a_scene(house, table=a_table(MANY), columns=COLUMNS)
    with house.write() as work:
        work.db.get_one(DatasetRow, VENUES).data_level = 1
    return found


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene_without_checkers(sqlite_house)


def _plan(scene: Scene, where: Any = None) -> PlanRead:
    with scene.house.read() as work:
        from tests.people import actor_of

        actor = actor_of(work, "analyst")
    return plan(scene.house, actor, scene.body(columns=["venue_id"], filter=where), "en")


def _one(op: str, value: int, venue: str = "V7") -> dict[str, Any]:
    parts = [
        {"op": "eq", "column": "venue_id", "value": venue},
        {"op": op, "column": "rooms", "value": value},
    ]
    return {"op": "and", "args": parts}


def test_bisection_over_plans_learns_nothing_of_a_column_that_only_filters(scene: Scene) -> None:
    """V7 has 7 rooms: no plan about rooms differs from another, whether the condition holds or not."""
    told = {_plan(scene, _one("lt", value)).rows for value in (5, 7, 8, 9, 40)}
    wide = {_plan(scene, {"op": "lt", "column": "rooms", "value": value}).rows for value in (1, 8, 40)}
    assert (len(told), len(wide)) == (1, 1)
    assert wide <= {40, 30, 50}


def test_a_plan_of_columns_that_leave_is_exact_and_of_a_whole_grant_too(scene: Scene) -> None:
    whole = _plan(scene)
    assert (whole.rows, whole.rows_within) == (40, 0)
    some = _plan(scene, {"op": "eq", "column": "venue_id", "value": "V7"})
    assert (some.rows, some.rows_within) == (1, 0)
    assert _plan(scene, _one("lt", 3)).rows_within == 10


class _Two:
    """The limits, with two plans a day."""

    def __init__(self, given: Limits) -> None:
        self.given = given

    def __getitem__(self, key: str) -> int:
        return 2 if key == "extract_plans_per_day" else self.given[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.given, name)


def test_plans_by_a_filter_are_on_record_and_have_their_number_of_a_day(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _plan(scene)
    given = planning.limits_now
    monkeypatch.setattr(planning, "limits_now", lambda work: _Two(given(work)))
    for value in (1, 2):
        _plan(scene, _one("lt", value))
    with pytest.raises(TooMany) as refused:
        _plan(scene, _one("lt", 3))
    assert [reason.code for reason in refused.value.reasons] == ["plans-of-the-day"]
    with scene.house.read() as work:
        lines = work.db.exec(select(UsageEventRow).where(UsageEventRow.kind == "plan")).all()
        events = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "extract.planned")).all()
    assert len(lines) == len(events) == 2
    assert len({each.filter_hash for each in lines}) == 2
    assert scene.view().used.extracts == 0


# ---- the pure rules

_LEAF = st.builds(
    lambda column, op, value: {"op": op, "column": column, "value": value},
    st.sampled_from("ab"), st.sampled_from(["lt", "ge", "eq"]), st.integers(0, 4),
)  # fmt: skip
_TREE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.builds(lambda op, args: {"op": op, "args": args}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda arg: {"op": "not", "arg": arg}, inner),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(_TREE, st.integers(0, 4))
def test_a_widened_filter_reads_no_hidden_column_and_lets_all_through_that_could_pass(
    tree: Any, a: int
) -> None:
    where = parse(tree)
    wide = telling.widened(where, frozenset("b"))
    assert wide is None or "b" not in telling.columns_of(wide)
    if any(matches(where, {"a": a, "b": b}) for b in range(-1, 6)):
        assert wide is None or matches(wide, {"a": a})


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 50), st.text(max_size=8))
def test_rounded_numbers_are_steps_near_the_truth(rows: int, step: int, question: str) -> None:
    told = telling.rounded(rows, step, b"k" * 32, question)
    assert told % step == 0
    assert abs(told - rows) < step


def test_no_padding_finds_the_edge_of_the_steps() -> None:
    """The same number of rows is told as either neighbour, by question; without the key nobody knows which."""
    told = {telling.rounded(15, 10, b"k" * 32, str(question)) for question in range(40)}
    assert told == {10, 20}


@pytest.mark.parametrize(
    ("where", "checkers", "exact", "counted"),
    [
        (None, 0, True, False), (None, 1, False, True),
        ({"op": "eq", "column": "venue_id", "value": "x"}, 0, True, True),
        ({"op": "eq", "column": "venue_id", "value": "x"}, 2, False, True),
        ({"op": "eq", "column": "rooms", "value": 1}, 0, False, True),
        ({"op": "not", "arg": {"op": "is_null", "column": "rooms"}}, 0, False, True),
    ],
)  # fmt: skip
def test_what_is_told_as_it_is_and_what_is_on_record(
    scene: Scene, where: Any, checkers: int, exact: bool, counted: bool
) -> None:
    asked = parse(where) if where else None
    policy = scene.view().policy
    found = telling.is_exact(asked, policy, checkers), telling.is_counted(asked, checkers)
    assert found == (exact, counted)
