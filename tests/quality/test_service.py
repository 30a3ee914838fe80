"""Suites version by version: who may, what is kept, what is recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.audit import AuditEventRow
from catalog.assets import asset
from core.errors import NotFound, Stale
from quality import service
from quality.suite import Suite
from quality.verdict import Outcome, Verdict
from tests.catalog.records import a_dataset, a_department
from tests.people import actor_of

DATASET = "DP-PK-001"


@pytest.fixture
def desk(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, DATASET, "traffic")
    return house


def _suite(*rules: tuple[str, dict[str, Any], str]) -> Suite:
    return Suite.from_data(
        {"name": "s", "expectations": [{"type": t, "kwargs": k, "severity": s} for t, k, s in rules]}
    )


NOT_NULL = ("expect_column_values_to_not_be_null", {"column": "lot_id"}, "critical")
UNIQUE = ("expect_column_values_to_be_unique", {"column": "lot_id"}, "critical")


def _save(desk: House, who: str, suite: Suite, **how: Any) -> service.SuiteRead:
    with desk.write() as work:
        return service.save_suite(work, actor_of(work, who), asset(work, DATASET), suite, **how)


def test_each_save_makes_a_version_and_an_audit_event(desk: House) -> None:
    first = _save(desk, "traffic-steward", _suite(NOT_NULL), note="初版")
    second = _save(desk, "traffic-steward", _suite(NOT_NULL, UNIQUE), expected_version=1)
    assert (first.number, second.number) == (1, 2)
    with desk.read() as work:
        events = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "suite.saved")).all()
        assert [json.loads(event.payload)["number"] for event in events] == [1, 2]
        assert audit.verify(work)[1] is None
        assert [
            each.number
            for each in service.suite_history(work, actor_of(work, "traffic-steward"), asset(work, DATASET))
        ] == [2, 1]


def test_whole_numbers_of_any_size_are_kept(desk: House) -> None:
    suite = _suite(
        ("expect_column_values_to_be_between", {"column": "n", "max_value": 2**60 + 1}, "critical")
    )
    assert Suite.from_data(_save(desk, "traffic-steward", suite).suite) == suite


def test_unchanged_content_makes_no_version(desk: House) -> None:
    _save(desk, "traffic-steward", _suite(NOT_NULL))
    assert _save(desk, "traffic-steward", _suite(NOT_NULL)).number == 1


def test_whoever_changed_an_older_version_is_told(desk: House) -> None:
    _save(desk, "traffic-steward", _suite(NOT_NULL))
    _save(desk, "traffic-steward", _suite(UNIQUE))
    with pytest.raises(Stale, match="version 2"):
        _save(desk, "traffic-steward", _suite(NOT_NULL, UNIQUE), expected_version=1)


def test_another_department_does_not_see_the_suite(desk: House) -> None:
    _save(desk, "traffic-steward", _suite(NOT_NULL))
    with pytest.raises(NotFound):
        _save(desk, "culture-steward", _suite(UNIQUE))
    with desk.read() as work, pytest.raises(NotFound):
        service.suite(work, actor_of(work, "culture-steward"), asset(work, DATASET))


def test_a_former_version_stays_readable(desk: House) -> None:
    _save(desk, "traffic-steward", _suite(NOT_NULL))
    _save(desk, "traffic-steward", _suite(UNIQUE))
    with desk.read() as work:
        former = service.suite(work, actor_of(work, "traffic-steward"), asset(work, DATASET), 1)
        assert Suite.from_data(former.suite) == _suite(NOT_NULL)


def test_the_difference_names_added_removed_and_changed_rules() -> None:
    before = _suite(NOT_NULL, UNIQUE)
    after = _suite(
        (NOT_NULL[0], NOT_NULL[1], "warning"), ("expect_table_row_count_to_equal", {"value": 3}, "critical")
    )
    changes = {(each.change, each.type) for each in service.difference(before, after)}
    assert changes == {
        ("removed", UNIQUE[0]),
        ("changed", NOT_NULL[0]),
        ("added", "expect_table_row_count_to_equal"),
    }


def test_a_verdict_is_kept_with_the_content_and_the_version_it_was_given_by(desk: House) -> None:
    saved = _save(desk, "traffic-steward", _suite(NOT_NULL))
    outcome = Outcome(
        type=NOT_NULL[0], kwargs=NOT_NULL[1], outcome="failed", unexpected_count=1, failing_rows=[3]
    )
    verdict = Verdict(
        verdict="failed", engine="duckdb", gx_version="1", rows=5, expectations=[outcome], statistics={}
    )
    with desk.write() as work:
        stored = service.store_verdict(
            work, subject="ab" * 32, batch_id="b1", suite_version_id=saved.id, verdict=verdict
        )
    with desk.read() as work:
        found = work.db.get_one(type(stored), stored.id)
        assert (found.content_sha256, found.suite_version_id) == ("ab" * 32, saved.id)
        assert Verdict.model_validate(found.result) == verdict
