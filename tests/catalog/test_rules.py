"""What keeps a record from being published, and when its data count as stale. No database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from catalog import codes, rules
from catalog.fields import FIELDS, GRADING, GUIDE
from catalog.models import DatasetFields
from catalog.workflow import MOVES, State, Step, advance
from core.errors import TransitionRefused
from tests.catalog.records import COLUMNS, COMPLETE

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def _codes(columns: list[dict[str, Any]] | None = None, **changes: Any) -> list[str]:
    record = DatasetFields.model_validate(COMPLETE | changes).model_dump()
    return [reason.code for reason in rules.objections(record, COLUMNS if columns is None else columns)]


def test_complete_record_has_no_objection() -> None:
    assert _codes() == []


@pytest.mark.parametrize("name", [spec.name for spec in FIELDS if spec.need == "mandatory"])
def test_each_mandatory_field_is_missed(name: str) -> None:
    empty: Any = (
        []
        if isinstance(COMPLETE[name], list)
        else None
        if name in ("data_level", "temporal_start", "temporal_end")
        else ""
    )
    assert f"missing-{name.replace('_', '-')}" in _codes(**{name: empty})


def test_empty_record_lists_every_mandatory_field_at_once() -> None:
    found = [reason.code for reason in rules.objections(DatasetFields().model_dump(), [])]
    mandatory = [spec for spec in FIELDS if spec.need == "mandatory"]
    assert len(found) == len(mandatory) + 1  # and that there are no columns


def test_every_objection_says_its_rule_in_both_languages() -> None:
    for reason in rules.objections(DatasetFields().model_dump(), []):
        assert reason.basis
        assert reason.text.zh != reason.text.en
        assert reason.facts["field"]


def test_condition_is_needed_when_sharing_or_opening_is_limited() -> None:
    assert _codes(share_type="2", open_type="C") == ["missing-share-condition", "missing-open-condition"]
    assert (
        _codes(open_type="C", open_condition="签署承诺", share_type="3", share_condition="依法不予共享") == []
    )


def test_other_frequency_needs_an_interval() -> None:
    assert _codes(update_freq="9") == ["missing-update-interval"]
    assert _codes(update_freq="9", update_interval="PT5M") == []


def test_coordinates_need_area_and_reference_system() -> None:
    columns = [*COLUMNS, {"name": "lon", "title_zh": "经度", "type": "number", "level": 1}]
    assert _codes(columns) == ["missing-spatial", "missing-crs"]
    assert _codes(columns, spatial="大鹏新区", crs="CGCS2000") == []


def test_registered_record_needs_code_and_validity() -> None:
    assert _codes(registration_state="registered") == [
        "missing-registration-code",
        "missing-registration-valid-to",
    ]


def test_coverage_may_not_end_before_it_starts() -> None:
    assert _codes(temporal_end=date(2025, 12, 31)) == ["period-reversed"]


def test_dataset_level_is_never_below_a_column() -> None:
    columns = [COLUMNS[0] | {"level": 3}, COLUMNS[1]]
    terms = {"open_type": "C", "open_condition": "签署承诺"}
    assert _codes(columns, data_level=2, **terms) == ["level-below-column"]
    assert _codes(columns, data_level=3, **terms) == []


@pytest.mark.parametrize(
    ("open_type", "level", "fits"),
    [("U", 1, True), ("U", 2, False), ("C", 4, True), ("C", 5, False), ("N", 6, True)],
)
def test_open_type_has_a_highest_level(open_type: str, level: int, fits: bool) -> None:
    found = _codes(open_type=open_type, data_level=level, open_condition="说明")
    assert ("level-not-open" in found) is not fits


def test_columns_need_name_type_and_level() -> None:
    found = _codes([{"name": "a", "title_zh": "", "type": None, "level": None}])
    assert found == ["column-without-title", "column-without-type", "column-without-level"]


def test_direct_identifier_stays_out_of_open_data() -> None:
    columns = [
        *COLUMNS,
        {"name": "phone", "title_zh": "电话", "type": "string", "level": 1, "identifier_kind": "DI"},
    ]
    assert _codes(columns) == ["identifier-in-open-data"]
    assert _codes(columns, open_type="C", open_condition="签署承诺") == []


@pytest.mark.parametrize(
    ("freq", "interval", "age", "expected"),
    [
        ("3", None, timedelta(hours=36), "fresh"),
        ("3", None, timedelta(hours=36, seconds=1), "stale"),
        ("5", None, timedelta(days=40), "fresh"),
        ("1", None, timedelta(days=4000), "unknown"),
        ("9", "PT5M", timedelta(minutes=15), "fresh"),
        ("9", "PT5M", timedelta(minutes=16), "stale"),
        ("9", "PT1H", timedelta(hours=2), "fresh"),
        ("9", "P2D", timedelta(days=4, seconds=1), "stale"),
    ],
)
def test_data_grow_stale_with_their_frequency(
    freq: str, interval: str | None, age: timedelta, expected: str
) -> None:
    record = {"update_freq": freq, "update_interval": interval}
    assert rules.staleness(record, NOW - age, NOW) == expected


def test_data_without_a_date_have_no_staleness() -> None:
    assert rules.staleness({"update_freq": "3"}, None, NOW) == "unknown"


@pytest.mark.parametrize(
    ("iso", "minutes"),
    [("P1Y", 366 * 1440), ("P2M", 62 * 1440), ("P1W", 10080), ("P1DT2H3M", 1563), ("PT30S", 0.5)],
)
def test_durations_are_read(iso: str, minutes: float) -> None:
    assert rules.duration(iso) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("freq", "interval", "zh", "en"),
    [
        ("3", None, "每日", "Daily"),
        ("9", "PT5M", "每 5 分钟", "Every 5 minutes"),
        ("9", "PT1H", "每 1 小时", "Every hour"),
        ("9", "P1M", "每 1 个月", "Every month"),
        ("9", "P1DT12H", "每 1 天12 小时", "Every 1 day 12 hours"),
    ],
)
def test_frequency_is_said_in_words(freq: str, interval: str | None, zh: str, en: str) -> None:
    said = rules.frequency(freq, interval)
    assert (said.zh, said.en) == (zh, en)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_step_from_every_state(state: State, step: Step) -> None:
    if (state, step) in MOVES:
        assert advance(state, step) is MOVES[state, step]
    else:
        with pytest.raises(TransitionRefused):
            advance(state, step)


def test_every_code_list_names_source_day_and_both_languages() -> None:
    assert len(codes.names()) >= 15
    for name in codes.names():
        found = codes.load(name)
        assert found.source, name
        assert found.effective <= date(2026, 11, 23), name
        assert all(code.text.zh and code.text.en for code in found.codes.values()), name


def test_every_coded_field_names_a_list_there_is() -> None:
    assert {spec.codes for spec in FIELDS if spec.codes} <= set(codes.names())


def test_field_table_and_model_name_the_same_fields() -> None:
    assert {spec.name for spec in FIELDS} == set(DatasetFields.model_fields)


def _found(columns: list[dict[str, Any]], **changes: Any) -> dict[str, tuple[str, dict[str, object], str]]:
    record = DatasetFields.model_validate(COMPLETE | changes).model_dump()
    return {each.code: (each.text.en, each.facts, each.basis) for each in rules.objections(record, columns)}


def _column(name: str = "a", **facts: Any) -> dict[str, Any]:
    return COLUMNS[0] | {"name": name} | facts


@pytest.mark.parametrize(
    ("end", "objects"), [("2026-01-01", False), ("2026-01-02", False), ("2025-12-31", True)]
)
def test_a_period_may_be_one_day(end: str, *, objects: bool) -> None:
    assert _codes(temporal_end=date.fromisoformat(end)) == ["period-reversed"] * objects


def test_a_series_needs_what_describes_it_and_nothing_that_is_said_of_data() -> None:
    needed = {spec.name for spec in FIELDS if rules.is_mandatory(spec, "series")}
    assert needed == {
        "title_zh", "title_en", "description_zh", "keywords", "contact", "catalog_class", "domain_code", "lineage",
    }  # fmt: skip
    for kind in ("dataset", None, ""):
        assert {spec.name for spec in FIELDS if rules.is_mandatory(spec, kind)} == {
            spec.name for spec in FIELDS if spec.need == "mandatory"
        }
    assert rules.described_columns({"record_type": "series"}, []) == []


def test_a_column_without_level_is_missed_by_the_grading_standard_and_else_by_the_guide() -> None:
    found = _found([{"name": "a", "title_zh": "", "type": None, "level": None}])
    basis = {code: facts[2] for code, facts in found.items()}
    assert basis == {
        "column-without-title": GUIDE, "column-without-type": GUIDE, "column-without-level": GRADING,
    }  # fmt: skip
    assert all(facts[1] == {"field": "columns", "columns": ["a"]} for facts in found.values())


@pytest.mark.parametrize(
    ("open_type", "scope", "objects"),
    [("N", "no", False), ("N", "yes", True), ("C", "no", True), ("U", "yes", True)],
)
def test_a_classified_column_keeps_the_dataset_closed(open_type: str, scope: str, *, objects: bool) -> None:
    terms = {"open_type": open_type, "auth_op_scope": scope, "open_condition": "说明"}
    found = _found([_column("secret", classified=True)], **terms)
    assert list(found) == ["classified-column"] * objects
    for text, facts, basis in found.values():
        assert "(secret)" in text
        assert facts == {"field": "open_type", "columns": ["secret"]}
        assert basis == "中华人民共和国保守国家秘密法"
    assert list(_found([_column("plain", classified=False)], **terms)) == []


@pytest.mark.parametrize("field", ["open_type", "share_type"])
def test_no_column_is_stricter_than_its_dataset(field: str) -> None:
    """By the order of the code list; what names no code of the list says nothing."""
    order = list(codes.load(field).codes)
    code = f"column-{field.replace('_', '-')}-stricter"
    terms = {"open_condition": "说明", "share_condition": "说明"}
    for at, said in enumerate(order):
        for column_at, own in enumerate([*order, None, "?"]):
            columns = [_column("own", **{field: own}), _column("none")]
            found = rules.columns_not_stricter(COMPLETE | terms | {field: said}, columns)
            stricter = column_at < len(order) and column_at > at
            assert [each.code for each in found] == [code] * stricter
            assert all(each.facts == {"field": field, "columns": ["own"]} for each in found)
        assert rules.columns_not_stricter({field: "?"}, [_column("own", **{field: said})]) == []


@pytest.mark.parametrize(("level", "above"), [(0, False), (None, False), (2, False), (3, True)])
def test_a_column_above_the_dataset_is_named(level: int | None, *, above: bool) -> None:
    for of_dataset in (2, None):
        found = rules.level_covers_columns({"data_level": of_dataset}, [_column("x", level=level)])
        assert [each.facts for each in found] == [{"field": "data_level", "columns": ["x"]}] * (
            above and of_dataset is not None
        )
    assert rules.level_covers_columns({"data_level": 0}, [_column("x", level=1)]) == []
    assert rules.level_covers_columns({"data_level": 1}, [_column("x", level=None)]) == []


@pytest.mark.parametrize(
    ("freq", "interval", "said"),
    [("3", None, "PT2160M"), ("9", "PT5M", "PT15M"), ("9", "PT20M", "PT40M"), ("9", "PT90S", "PT15M"), ("9", "PT7M45S", "PT15M"),
     ("9", "P1D", "PT2880M"), ("9", None, None), ("1", None, None)],
)  # fmt: skip
def test_how_old_data_may_grow_is_told_in_minutes(freq: str, interval: str | None, said: str | None) -> None:
    assert rules.longest_age(freq, interval) == said
