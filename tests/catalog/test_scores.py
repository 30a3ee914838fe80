"""Scores of records: every indicator counts once, the list follows them, and strangers see none."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from auth.actor import ANYONE
from catalog import queries, service
from catalog.fields import BY_NAME
from catalog.rules import objections
from catalog.scores import service as scores
from catalog.scores.rules import (
    DIMENSIONS,
    GRADES,
    INDICATORS,
    MAXIMUM,
    OF_DATA,
    card,
    grade,
    grade_name,
    series_card,
)
from core.errors import NotFound
from tests.catalog.records import COLUMNS, COMPLETE, a_dataset, a_department
from tests.people import client_as

PERFECT: dict[str, Any] = COMPLETE | {
    "publisher": "traffic", "spatial": "大鹏新区", "release_no": 1, "size_bytes": 9, "issued": "x", "modified": "x",
    "staleness": "fresh",
}  # fmt: skip
DEFINED = [column | {"definition_zh": "定义"} for column in COLUMNS]
# What breaks each indicator, and nothing but what hangs on the same field.
BREAKS: dict[str, dict[str, Any]] = {
    "keywords": {"keywords": []}, "theme": {"domain_code": ""}, "spatial": {"spatial": ""}, "temporal": {"temporal_end": None},
    "obtainable": {"release_no": None}, "fresh": {"staleness": "stale"}, "downloadable": {"open_type": "C"}, "whole": {"title_en": ""},
    "format": {"formats": []}, "media_type": {"formats": ["api"]}, "machine_readable": {"formats": ["xls"]},
    "non_proprietary": {"formats": ["xlsx"]}, "licence": {"license_id": ""}, "known_licence": {"license_id": "other"},
    "access_rights": {"open_type": ""}, "contact": {"contact": ""}, "publisher": {"publisher": ""},
    "rights": {"open_type": "C", "open_condition": ""}, "size": {"size_bytes": None}, "issued": {"issued": None},
    "modified": {"modified": None},
}  # fmt: skip


def test_the_table_adds_up_and_names_fields_of_the_form() -> None:
    assert MAXIMUM == 405
    assert {each.dimension for each in INDICATORS} == set(DIMENSIONS)
    assert {each.field for each in INDICATORS} <= {"", "columns", "publisher", *BY_NAME}
    assert len({each.key for each in INDICATORS}) == len(INDICATORS)
    assert [grade(least) for least, _, _ in GRADES] == [name for _, name, _ in GRADES]
    assert grade(GRADES[0][0] - 1) == "good"
    assert [grade_name(name).en for _, name, _ in GRADES] == ["Excellent", "Good", "Sufficient", "Poor"]


def test_a_perfect_record_has_every_point() -> None:
    found = card(PERFECT, DEFINED)
    assert (found.points, found.grade, found.failing) == (405, "excellent", ())
    assert all(got == most for got, most in found.dimensions.values())


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda each: each.key)
def test_each_indicator_fails_on_its_own_ground_and_costs_its_points(indicator: Any) -> None:
    record = PERFECT | BREAKS.get(indicator.key, {})
    columns = COLUMNS if indicator.key == "dictionary" else DEFINED
    found = card(record, columns)
    assert indicator in found.failing
    assert found.points == 405 - sum(each.points for each in found.failing)
    assert [each.points for each in found.failing] == sorted((e.points for e in found.failing), reverse=True)


def test_empty_record_has_nothing_but_is_scored() -> None:
    found = card({}, [])
    assert (found.points, found.grade, found.filled) == (0, "bad", 0)


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda each: each.key)
def test_a_series_has_of_its_data_what_every_member_has(indicator: Any) -> None:
    own = {key: value for key, value in PERFECT.items() if key not in ("formats", "license_id", "release_no", "size_bytes")} | {"record_type": "series"}  # fmt: skip
    whole = (PERFECT, DEFINED)
    assert (series_card(own, [whole, whole]).points, series_card(own, [whole, whole]).filled) == (405, 1)
    broken = (
        PERFECT | BREAKS.get(indicator.key, {}),
        COLUMNS if indicator.key == "dictionary" else DEFINED,
    )
    for members in ([whole, broken], []):
        found = series_card(own, members)
        failing = {each.key: each for each in found.failing}
        assert (indicator.key in failing) is (indicator.key in OF_DATA)
        assert found.points == 405 - sum(each.points for each in found.failing)
        assert all(each.field == "" for key, each in failing.items() if key in OF_DATA)
    if indicator.key not in OF_DATA:
        found = series_card(own | BREAKS[indicator.key], [whole])
        assert indicator in found.failing


@pytest.mark.parametrize("name", ["title_en", "description_zh", "lineage"])
def test_of_a_series_filled_counts_what_it_must_say_and_does_not(name: str) -> None:
    own = {key: value for key, value in PERFECT.items() if key != name} | {"record_type": "series"}
    assert series_card(own | {name: "x"}, []).filled == 1
    assert 0 < series_card(own, []).filled < 1


def test_a_series_is_scored_by_the_members_that_are_published(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        a_dataset(work, "DP-PK-S01", "traffic", record_type="series", columns=[], formats=[], update_freq="")
        for code, found, draft in (("DP-PK-001", 90.0, False), ("DP-PK-002", 81.0, False), ("DP-PK-003", 10.0, True), ("DP-PK-004", None, False)):  # fmt: skip
            a_dataset(work, code, "traffic", relations=["inSeries:DP-PK-S01"], draft=draft)
            queries.by_id(work, code).quality_score = found
    with house.read() as work:
        public = scores.score(work, ANYONE, "DP-PK-S01")
        own = scores.score(work, steward, "DP-PK-S01")
        listed, total = scores.scores(work, steward)
        assert scores.score(work, ANYONE, "DP-PK-001").members is None
    assert (public.members, public.quality_score) == (3, 85.5)
    assert (own.members, own.quality_score) == (3, 85.5), "a draft is no member yet"
    assert (total, next(each for each in listed if each.dataset_id == "DP-PK-S01").points) == (5, own.points)
    page = client_as(house).get("/datasets/DP-PK-S01?lang=en").text
    assert ("85.5" in page, 'id="score"' in page) == (True, True)
    found = client_as(house).get("/api/v1/datasets", params={"sort": "score"}).json()["items"]
    assert [each["id"] for each in found] == ["DP-PK-001", "DP-PK-002", "DP-PK-004", "DP-PK-S01"]


def test_list_is_the_departments_own_worst_first(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        stranger = a_department(work, "culture")
        a_dataset(work, "DP-PK-001", "traffic")
        a_dataset(work, "DP-PK-002", "traffic", draft=True, keywords=[], contact="")
        found, total = scores.scores(work, steward)
        assert ([each.dataset_id for each in found], total) == (["DP-PK-002", "DP-PK-001"], 2)
        assert found[0].mend_first[0].key == "obtainable"
        assert scores.scores(work, stranger) == ([], 0)
        with pytest.raises(NotFound):
            scores.score(work, stranger, "DP-PK-002")
        assert scores.score(work, stranger, "DP-PK-001").points == found[1].points


@pytest.mark.parametrize(
    ("record", "column", "code"),
    [
        ({"open_type": "U"}, {"classified": True}, "classified-column"),
        ({"open_type": "N", "auth_op_scope": "yes"}, {"classified": True}, "classified-column"),
        ({"open_type": "N", "auth_op_scope": "no"}, {"classified": True}, ""),
        ({"open_type": "U"}, {"open_type": "C"}, "column-open-type-stricter"),
        ({"open_type": "C"}, {"open_type": "U"}, ""),
        ({"share_type": "1"}, {"share_type": "3"}, "column-share-type-stricter"),
        ({"share_type": "2"}, {"share_type": "2"}, ""),
    ],
)
def test_columns_bind_the_dataset(record: dict[str, Any], column: dict[str, Any], code: str) -> None:
    told = COMPLETE | {"open_condition": "x", "share_condition": "x"} | record
    found = [reason.code for reason in objections(told, [COLUMNS[0] | column])]
    assert found == ([code] if code else [])


def test_new_facts_are_kept_and_told(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        facts = {
            "timestamp": True,
            "sensitive": True,
            "standard_code": "DE0001",
            "open_type": "U",
            "condition_zh": "仅限统计",
        }
        a_dataset(
            work, "DP-PK-001", "traffic", data_kind=["8", "2"], source_system_level="5", columns=[COLUMNS[0] | facts]
        )  # fmt: skip
        (column,) = service.dictionary(work, "DP-PK-001")
        assert column.model_dump().items() >= facts.items()
        assert queries.by_id(work, "DP-PK-001").data_kind == ["2", "8"]
