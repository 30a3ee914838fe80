"""Statistics under a grant: what is told, what stays in, and that every question is charged and on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import col, select

from api.house import House
from auth.anomalies import service as anomalies
from auth.audit import AuditEventRow
from auth.grants import ledger, usage
from core.errors import InputRefused, NotFound
from core.work import Work
from datasets.extracts.queries import filters_of
from datasets.queries import queries
from datasets.queries.model import QueryAsk
from tests.conftest import TestClock
from tests.datasets.queries.scene import QueryScene, a_query_scene, figures, stays

COUNT = {"kind": "count"}
BY_LOT = [{"column": "lot"}]


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


def _kinds(scene: QueryScene) -> list[str]:
    with scene.house.read() as work:
        wanted = select(AuditEventRow.kind).where(col(AuditEventRow.kind).startswith("query."))
        return list(work.db.exec(wanted.order_by(col(AuditEventRow.seq))))


def _last(scene: QueryScene) -> dict[str, Any]:
    """What the record says of the last question."""
    with scene.house.read() as work:
        wanted = select(AuditEventRow.payload).where(col(AuditEventRow.kind).startswith("query."))
        found: dict[str, Any] = json.loads(
            work.db.exec(wanted.order_by(col(AuditEventRow.seq).desc())).first() or "{}"
        )
        return found


def test_groups_that_are_large_enough_are_told_rounded(house: House) -> None:
    scene = a_query_scene(house)
    read = scene.query(
        select=[COUNT, {"kind": "sum", "column": "fee"}, {"kind": "mean", "column": "fee"}], group_by=BY_LOT
    )
    # D has 3 owners and stays in; C (17 owners) stays in as well, so that D is not total less the rest
    assert figures(read) == {"A": 120, "B": 80, "C": None, "D": None, "E": None}
    exact = sum(row[4] for row in stays() if row[2] == "A")
    assert figures(read, "sum(fee)")["A"] == float(f"{exact:.3e}")
    assert figures(read, "mean(fee)")["A"] == float(f"{exact / 120:.3e}")
    assert (read.state, read.groups, read.measures) == (
        "answered",
        ["lot"],
        ["count", "sum(fee)", "mean(fee)"],
    )
    with scene.house.read() as work:
        lines = usage.events(work, scene.grant_id)
    assert [(line.kind, line.extracts, line.rows, line.form) for line in lines] == [
        ("delivery", 1, 5, "query_agg")
    ]
    assert _kinds(scene)[-1] == "query.answered"


def test_classes_tell_no_single_value(scene: QueryScene) -> None:
    spread = {"column": "minutes", "width": 10}
    read = scene.query(
        select=[
            {"kind": "histogram"} | spread,
            {"kind": "quantile", "q": 0.5} | spread,
            {"kind": "min_max"} | spread,
        ],
    )
    told = read.rows[0]["figures"]
    histogram = told["histogram(minutes,10)"]
    assert all(
        bin_["to"] - bin_["from"] == 10 and bin_["count"] % 5 == 0 and bin_["count"] >= 20
        for bin_ in histogram
    )
    assert told["min_max(minutes,10)"] == {"lowest": histogram[0]["from"], "highest": histogram[-1]["to"]}
    assert told["quantile(minutes,10,0.5)"]["from"] in {bin_["from"] for bin_ in histogram}


def test_rows_filter_of_the_grant_and_of_the_question_hold_together(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house, row_filter={"op": "eq", "column": "lot", "value": "A"})
    assert figures(scene.query()) == {None: 120}
    assert figures(scene.query(where={"op": "le", "column": "day", "value": 3})) == {None: 55}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"select": [{"kind": "sum", "column": "plate"}]}, "column-not-for-statistics"),
        ({"select": [{"kind": "sum", "column": "note"}]}, "column-not-for-statistics"),
        ({"group_by": [{"column": "plate"}]}, "column-not-for-statistics"),
        ({"group_by": [{"column": "stay_id"}]}, "column-not-for-statistics"),
        ({"where": {"op": "eq", "column": "lot", "value": "A"}}, "filter-column-denied"),
        ({"where": {"op": "eq", "column": "plate", "value": "粤B00001"}}, "filter-column-denied"),
        ({"select": [{"kind": "sum", "column": "lot"}]}, "measure-type"),
        ({"group_by": [{"column": "fee"}]}, "measure-type"),
        ({"group_by": [{"column": "lot", "unit": "day"}]}, "measure-type"),
        ({"purpose": "research"}, "purpose-mismatch"),
        ({"dataset_id": "DP-BC-002"}, "grant-for-another-dataset"),
        ({"select": [{"kind": "mean", "column": "nowhere"}]}, "column-not-for-statistics"),
    ],
)
def test_what_the_grant_does_not_allow_is_refused_before_a_row_is_read(
    scene: QueryScene, changes: dict[str, Any], code: str
) -> None:
    assert code in scene.code(**changes)
    assert _kinds(scene)[-1] == "query.refused"
    assert code in _last(scene)["reasons"]
    assert _last(scene)["form"] == "query_agg"
    with scene.house.read() as work:
        assert [line.kind for line in usage.events(work, scene.grant_id)] == ["refused"]


@pytest.mark.parametrize(
    "changes",
    [
        {"where": {"op": "eq", "column": "stay_id", "value": "S1-0"}},  # a unique key
        {"where": {"op": "eq", "column": "stay_id", "value": "nobody"}},  # nobody at all
        {
            "where": {
                "op": "in",
                "column": "stay_id",
                "values": [f"S{n}-{k}" for n in range(9) for k in (0, 1)],
            }
        },
        {"group_by": [{"column": "fee", "width": 0.001}, {"column": "lot"}, {"column": "day"}]},
    ],
)
def test_every_refusal_of_disclosure_control_looks_alike_and_is_charged(
    scene: QueryScene, changes: dict[str, Any]
) -> None:
    assert scene.code(**changes) == ["suppressed"]
    with scene.house.read() as work:
        lines = usage.events(work, scene.grant_id)
    assert [(line.kind, line.extracts, line.rows) for line in lines] == [("charge", 1, 0)]
    assert _kinds(scene)[-1] == "query.suppressed"


def test_contributors_count_not_their_rows(sqlite_house: House) -> None:
    rows = [(f"S{n}", f"粤B{n % 9:05}", "A", 1, 5.0, 30, "") for n in range(900)]
    assert a_query_scene(sqlite_house, rows=rows).code() == ["suppressed"]


@pytest.mark.parametrize(
    ("fees", "told"),
    [
        ([5.0] * 20, True),
        ([500.0, 400.0] + [5.0] * 18, False),  # two make more than 85 %
        ([1000.0, 300.0] + [5.0] * 18, False),
        ([100.0] + [5.0] * 20, True),
        ([-1000.0, 1000.0] + [5.0] * 18, False),  # shares are magnitudes: opposite signs hide nothing
        ([0.0] * 20, True),
        ([float("nan")] * 11 + [5.0] * 9, False),  # too few of them have a fee
    ],
)
def test_sums_that_one_or_two_contributors_make_stay_in(
    sqlite_house: House, fees: list[float], told: bool
) -> None:
    rows = [(f"S{n}", f"粤B{n:05}", "A", 1, fee, 30, "") for n, fee in enumerate(fees)]
    scene = a_query_scene(sqlite_house, rows=rows)
    assert scene.code(select=[{"kind": "sum", "column": "fee"}]) == ([] if told else ["suppressed"])
    assert figures(scene.query()) == {None: (len(fees) + 2) // 5 * 5}


def test_without_terms_nothing_is_answered(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house, terms_too=False)
    assert scene.code() == ["query-terms-missing"]
    scene.sets(contributor=None)  # every row its own contributor
    assert figures(scene.query(group_by=BY_LOT)) == {"A": 120, "B": 80, "C": None, "D": None, "E": None}


@pytest.mark.parametrize("bad", [{"contributor": "nobody"}, {"lists": {"fee": ["1"]}}])
def test_terms_that_do_not_fit_the_dataset_are_refused(scene: QueryScene, bad: dict[str, Any]) -> None:
    with pytest.raises(InputRefused):
        scene.sets(**bad)


def test_only_the_departments_steward_sets_terms(scene: QueryScene) -> None:
    for who in ("analyst", "approver", "watch"):
        with pytest.raises(NotFound):
            scene.sets(who)


def test_quota_is_asked_each_time_and_never_exceeded(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house, quotas={"extracts": 2})
    scene.query()
    assert scene.code(where={"op": "eq", "column": "stay_id", "value": "S1-0"}) == ["suppressed"]
    assert scene.code() == ["quota-exhausted"]


def test_suspended_grant_answers_nothing(scene: QueryScene) -> None:
    from auth.grants import service as grants
    from auth.grants.steps import GrantStep

    with scene.desk.write("watch") as (work, actor):
        grants.suspend(work, actor, scene.grant_id, GrantStep(note="例行检查中"))
    assert scene.code() == ["grant-not-active"]


def test_answers_are_seen_by_their_organisation_and_the_watchers(scene: QueryScene) -> None:
    made = scene.query()

    def seen(work: Work, who: str) -> int:
        return queries.listed(work, scene.actor(who))[1]

    with scene.house.read() as work:
        assert [seen(work, who) for who in ("analyst", "officer", "auditor", "officer2", "steward_a")] == [
            1,
            1,
            1,
            0,
            0,
        ]
        assert queries.one(work, scene.actor("auditor"), made.id).rows == made.rows


@pytest.mark.parametrize(
    "bad",
    [
        {"select": []}, {"select": [{"kind": "max", "column": "fee"}]}, {"select": [COUNT, COUNT]}, {"sql": "SELECT 1"},
        {"select": [{"kind": "histogram", "column": "fee", "width": 0}]}, {"select": [{"kind": "quantile", "column": "fee", "q": 1, "width": 1}]},
        {"group_by": [{"column": "lot"}, {"column": "lot", "width": 2}]}, {"group_by": [{"column": "day", "width": 1, "unit": "day"}]},
        {"where": {"op": "sql", "column": "x", "value": "1"}}, {"select": [{"kind": "sum", "column": "fee", "exact": True}]},
    ],
)  # fmt: skip
def test_malformed_queries_are_refused(bad: dict[str, Any]) -> None:
    body = {"grant_id": "g", "dataset_id": "d", "purpose": "p", "scenario_id": "s", "select": [COUNT]}
    QueryAsk.model_validate(body)
    with pytest.raises(ValidationError):
        QueryAsk.model_validate(body | bad)


def test_the_rules_over_use_know_questions_and_their_conditions(scene: QueryScene, clock: TestClock) -> None:
    """A question takes an extract like a file does: the rules space it, count it at night, and read its condition."""
    for number in range(20):
        where = {"op": "eq", "column": "day", "value": number}
        scene.code(select=[COUNT], where=where)  # told or not, it was asked
    with scene.house.write() as work:
        anomalies.sweep(work, lambda work, ids: filters_of(work, ids) | queries.conditions_of(work, ids))
    with scene.desk.read("auditor") as (work, actor):
        found = {each.rule for each in anomalies.anomalies(work, actor)[0]}
    assert "similar_filters" in found


def test_a_throttle_spaces_questions(scene: QueryScene, clock: TestClock) -> None:
    scene.query(select=[COUNT])
    with scene.house.write() as work:
        for _ in range(10):
            ledger.enter(work, scene.grant_id, ledger.REFUSED, subject="x", reasons=("column-not-granted",))
    assert scene.code(select=[COUNT]) == ["throttled"]
    clock.forward(minutes=60)
    assert scene.code(select=[COUNT]) == []
