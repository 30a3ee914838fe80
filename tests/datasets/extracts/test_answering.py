"""Refusals that the rows gave: without their numbers, and not for nothing, wherever rows are not told as they are."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from api.routes.extracts import ask
from auth.actor import SYSTEM
from auth.grants.tables import UsageEventRow
from catalog.assets import asset
from catalog.tables import ColumnRow, DatasetRow
from core.errors import AccessRefused, AppError, Conflict, QuotaExceeded, Reason
from core.jobs import JobRow
from core.text import Text
from datasets.extracts import answering, export_suite
from datasets.extracts.models import ExtractRead
from datasets.formats import fitting
from quality.suite import Suite
from tests.datasets.extracts.scene import GRANTED, ROWS, VENUES, Scene, a_scene, a_table
from tests.people import actor_of, browser_as, client_as

MANY = [(f"V{n}", *row[1:3], n, *row[4:]) for n, row in enumerate(ROWS * 8)]  # rooms: 0 to 39
HIDDEN = [
    *(each for each in GRANTED if each != "rooms"),
    {"name": "rooms", "reason": "按房间数筛选", "use": "filter_only"},
]
SEVENTEEN = {"op": "le", "column": "rooms", "value": 16}
SHEETS = ["extract_parquet", "extract_xlsx"]


def _scene(house: House, level: int, **grant: Any) -> Scene:
    """Forty venues, filtered by their rooms, which never leave. Level 1: no checker stands between; level 2: one."""
    found = a_scene(house, table=a_table(MANY), columns=HIDDEN, **grant)
    with house.write() as work:
        work.db.get_one(DatasetRow, VENUES).data_level = level
    return found


def _fails(scene: Scene, **asked: Any) -> tuple[ExtractRead, str]:
    """What was asked for and could not be made, and all that its requester can read of why."""
    made = scene.asks(**asked)
    scene.works()
    found = scene.extract(made.id)
    assert found.state == "failed"
    client = client_as(scene.house, "analyst")
    return found, "".join(
        client.get(f"/api/v1/{at}").text for at in (f"extracts/{made.id}", f"jobs/{found.job_id}")
    )


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w.:-])\d+(?![\w.:-])", text))


@pytest.mark.parametrize("level", [1, 2])
def test_a_quota_of_rows_counts_nobodys_filter_for_nothing(house: House, level: int) -> None:
    """Otherwise a quota of one row would count the rows of any condition on a column that never leaves."""
    scene = _scene(house, level, quotas={"rows": 1, "extracts": 3})
    found, told = _fails(scene, filter=SEVENTEEN)
    assert "Not enough rows or bytes are left" in str(found.failed_en)
    assert "仍计入次数" in str(found.failed_zh)
    assert "17" not in _numbers(told)
    assert (scene.view().used.extracts, scene.view().used.rows) == (1, 0)
    again, _ = _fails(scene, filter={"op": "le", "column": "rooms", "value": 25})
    assert (again.failed_zh, again.failed_en) == (found.failed_zh, found.failed_en)
    assert scene.view().used.extracts == 2
    with house.read() as work:
        lines = work.db.exec(select(UsageEventRow).where(UsageEventRow.grant_id == scene.grant_id)).all()
        assert sum(line.extracts for line in lines) == 2
        reasons = work.db.get_one(JobRow, found.job_id).error
    assert "quota-exceeded" in str(reasons)
    assert scene.events("extract.failed")[-1][1]["stays_taken"] is True


def test_a_filter_on_columns_that_leave_is_told_in_numbers_and_costs_nothing(sqlite_house: House) -> None:
    """The plan of it is exact as well."""
    scene = _scene(sqlite_house, 1, quotas={"rows": 1})
    found, _ = _fails(scene, filter={"op": "in", "column": "venue_id", "values": ["V1", "V2", "V3"]})
    assert "3 needed, 1 of 1 left" in str(found.failed_en)
    assert scene.view().used.extracts == 0


def test_what_is_no_answer_of_the_rows_costs_nothing(sqlite_house: House) -> None:
    scene = _scene(sqlite_house, 1)
    made = scene.asks(filter=SEVENTEEN)
    scene.suspends()
    scene.works()
    assert scene.extract(made.id).state == "failed"
    assert scene.view().used.extracts == 0


@pytest.mark.parametrize("level", [1, 2])
def test_whether_a_sheet_holds_it_is_judged_by_what_may_be_told(
    sqlite_house: House, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conditions on columns that only filter are left open, so the answer does not follow them; it is free, and has no number."""
    monkeypatch.setattr(fitting, "MOST_ROWS_OF_SHEET", 10)
    scene = _scene(sqlite_house, level, forms=SHEETS)
    with scene.house.read() as work:
        actor = actor_of(work, "analyst")
    told = set()
    for most in (2, 8, 12, 30):
        where = {"op": "le", "column": "rooms", "value": most}
        with pytest.raises(AccessRefused) as refused:
            ask(scene.house, actor, scene.body(form="extract_xlsx", filter=where))
        (reason,) = refused.value.reasons
        told.add((reason.code, reason.text.zh, reason.text.en, str(reason.facts)))
    assert len(told) == 1
    assert told.pop()[0] == "too-many-rows-for-form"
    assert scene.view().used.extracts == 0


def test_a_sheet_that_is_too_small_in_the_end_costs_the_extract(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "MOST_ROWS_OF_SHEET", 10)
    scene = _scene(sqlite_house, 2, forms=SHEETS)
    found, told = _fails(scene, form="extract_xlsx", filter=SEVENTEEN)
    assert "17" not in _numbers(told)
    assert scene.view().used.extracts == 1
    assert "stays taken" in str(found.failed_en)
    shown = browser_as(scene.house, "analyst").get(f"/extracts/{found.id}").text
    assert ("文件未生成" in shown, "已退还" in shown) == (True, False)


@pytest.mark.gx
def test_an_export_suite_counts_no_rows_for_nothing(sqlite_house: House) -> None:
    scene = _scene(sqlite_house, 1)
    rule = {
        "type": "expect_column_values_to_not_match_regex",
        "kwargs": {"column": "venue_name", "regex": "^[=＝]"},
    }
    with sqlite_house.write() as work:
        suite = Suite.from_data({"expectations": [rule]})
        export_suite.save(work, SYSTEM, asset(work, VENUES), suite)
    found, told = _fails(scene, filter=SEVENTEEN)  # it fails in 7 of 17 rows
    assert not _numbers(told) & {"7", "17"}
    assert "does not hold" in str(found.failed_en)
    assert "given back" not in str(found.failed_en)
    assert scene.view().used.extracts == 1


def test_small_cells_answer_no_filter_for_nothing(sqlite_house: House) -> None:
    scene = _scene(sqlite_house, 3)
    with sqlite_house.write() as work:
        wanted = select(ColumnRow).where(ColumnRow.dataset_id == VENUES, ColumnRow.name == "district")
        work.db.exec(wanted).one().identifier_kind = "QI"
    few = {"op": "le", "column": "rooms", "value": 3}
    found, _ = _fails(scene, columns=["venue_id"], filter=few)
    assert "rule of small cells" in str(found.failed_en)
    assert scene.view().used.extracts == 1


def test_what_waits_takes_all_that_is_left_where_less_is_left_than_a_step(sqlite_house: House) -> None:
    """Neither the exact number, nor a file that fits kept out by rounding, also after others were delivered."""
    scene = _scene(sqlite_house, 2, quotas={"rows": 24})
    scene.asks(filter=SEVENTEEN)
    scene.works()
    assert scene.view().used.rows == 17
    made = scene.asks(filter={"op": "le", "column": "rooms", "value": 2})
    scene.works(releases=False)
    assert (scene.extract(made.id).state, scene.view().used.rows) == ("in_review", 24)
    scene.checks()
    assert scene.view().used.rows == 20


def test_an_answer_says_the_rule_and_no_number_of_rows() -> None:
    quota = answering.answered(
        QuotaExceeded(Text("需要 17", "17 needed"), unit="rows", needed=17, left=1, limit=1)
    )
    assert quota is not None
    assert not re.search(r"\d", quota.detail.en + quota.detail.zh)
    assert (quota.facts, [each.facts for each in quota.reasons]) == ({}, [{}])
    other = Reason("column-not-granted", Text("未授权", "Not granted"), "x")
    for refusal in (AppError(Text("内部", "Inside")), Conflict(Text("列", "Column"), reasons=[other])):
        assert answering.answered(refusal) is None
