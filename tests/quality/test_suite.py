"""Reading suites: Great Expectations' own form in, every fault named."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from core.errors import InputRefused
from quality.suite import Suite

GOOD = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}


def _parse(*expectations: Any) -> Suite:
    return Suite.parse(json.dumps({"name": "s", "expectations": list(expectations)}))


def _codes(*expectations: Any) -> list[str]:
    with pytest.raises(InputRefused) as refused:
        _parse(*expectations)
    return [reason.code for reason in refused.value.reasons]


def test_a_suite_as_great_expectations_exports_it_is_read() -> None:
    exported = {
        "name": "exported",
        "id": "c1f2",
        "meta": {"great_expectations_version": "1.24.1"},
        "notes": None,
        "expectations": [
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {
                    "column": "a",
                    "min_value": 1.0,
                    "max_value": None,
                    "batch_id": "x",
                    "mostly": 0.9,
                },
                "meta": {"gbt36344": "0301"},
                "id": "7e",
                "notes": "n",
                "severity": "warning",
                "rendered_content": [{"name": "atomic"}],
            }
        ],
    }
    (read,) = Suite.parse(json.dumps(exported)).expectations
    assert read.kwargs == {"column": "a", "min_value": 1.0, "mostly": 0.9}
    assert (read.severity, read.meta) == ("warning", {"gbt36344": "0301"})


def test_severity_is_critical_unless_said_otherwise() -> None:
    assert _parse(GOOD).expectations[0].severity == "critical"


def test_class_names_are_taken_for_type_names() -> None:
    kwargs = {"column_A": "a", "column_B": "b"}
    read = _parse({"type": "ExpectColumnPairValuesAToBeGreaterThanB", "kwargs": kwargs}).expectations[0]
    assert read.type == "expect_column_pair_values_a_to_be_greater_than_b"


def test_a_suite_without_a_rule_is_refused() -> None:
    with pytest.raises(InputRefused, match="no gate"):
        _parse()


def test_broken_json_is_refused_with_line_and_column() -> None:
    with pytest.raises(InputRefused, match="line 2, column 3") as refused:
        Suite.parse('{"name": "s",\n  oops}')
    assert "第 2 行第 3 列" in refused.value.detail.zh


@pytest.mark.parametrize(
    "kwargs",
    [
        {"column": 5},
        {"column": ""},
        {"column": "a", "row_condition": {"type": "and"}},
        {
            "column": "a",
            "row_condition": {
                "type": "comparison",
                "column": {"name": "a"},
                "operator": "IN",
                "parameter": 5,
            },
        },
        {"column": "a", "row_condition": "col() > 1"},
        {"column": "a", "row_condition": "not " * 5000 + "a"},
        {"column": "a", "row_condition": "__import__('os').system('x') == 1"},
    ],
)
def test_odd_arguments_are_refused_not_stumbled_over(kwargs: dict[str, Any]) -> None:
    assert _codes({**GOOD, "kwargs": kwargs})


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"', '"a\\u0000b"'])
def test_what_json_cannot_keep_is_refused(value: str) -> None:
    text = '{"expectations": [{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "value_set": [%s]}}]}'
    with pytest.raises(InputRefused) as refused:
        Suite.parse(text % value)
    assert [reason.code for reason in refused.value.reasons] == ["not-storable"]


def test_a_byte_order_mark_is_no_fault() -> None:
    assert Suite.parse("\ufeff" + json.dumps({"expectations": [GOOD]})).expectations


@pytest.mark.parametrize(
    ("expectation", "code"),
    [
        ("text", "not-an-object"),
        ({"kwargs": {}}, "no-type"),
        ({"type": "expect_magic", "kwargs": {}}, "unknown-type"),
        (
            {"type": "expect_table_row_count_to_equal_other_table", "kwargs": {"other_table_name": "t"}},
            "needs-second-table",
        ),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {}}, "missing-argument"),
        ({**GOOD, "kwargs": {"column": "a", "mostyl": 0.9}}, "unknown-argument"),
        ({**GOOD, "kwargs": {"column": "a", "mostly": 90}}, "wrong-form"),
        ({**GOOD, "severity": "fatal"}, "unknown-severity"),
        ({**GOOD, "kwargs": {"column": "a", "row_condition": "import os"}}, "wrong-row-condition"),
        ({**GOOD, "kwargs": {"column": "a", "row_condition": "a.eval('1')"}}, "wrong-row-condition"),
        ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "a"}}, "missing-bound"),
        (
            {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "value_set": []}},
            "wrong-form",
        ),
        (
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "a", "regex": "("}},
            "wrong-regex",
        ),
        (
            {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": "a", "value": 1.5}},
            "wrong-form",
        ),
        (
            {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT 1"}},
            "no-batch",
        ),
        ({"type": "expect_groups_to_hold_at_least_k_rows", "kwargs": {"column_list": ["a"]}}, "missing-argument"),
        ({"type": "expect_groups_to_hold_at_least_k_rows", "kwargs": {"column_list": ["a"], "k": 0}}, "wrong-form"),
        ({"type": "expect_column_values_to_be_fresh", "kwargs": {"column": "a", "max_age": "1 day"}}, "wrong-form"),
        ({"type": "expect_column_values_to_be_fresh", "kwargs": {"column": "a", "max_age": "P1D", "reference": "soon"}}, "wrong-form"),
        ({"type": "expect_coordinates_to_lie_in_area", "kwargs": {"longitude": "x", "latitude": "y", "area": [115, 22, 113, 24]}}, "wrong-form"),
        ({"type": "expect_coordinates_to_lie_in_area", "kwargs": {"longitude": "x", "latitude": "y", "area": {"type": "Polygon", "coordinates": [[[1, 2]]]}}}, "wrong-form"),
        ({"type": "expect_coordinates_to_lie_in_area", "kwargs": {"column_A": "x", "longitude": "x", "latitude": "y", "area": [0, 0, 1, 1]}}, "unknown-argument"),
        ({"type": "expect_groups_to_report", "kwargs": {"column": "a", "value_set": ["A"], "daily_share": 0.9}}, "no-time-column"),
    ],
)  # fmt: skip
def test_each_fault_is_named(expectation: Any, code: str) -> None:
    assert _codes(GOOD, expectation) == [code]


def test_all_faults_are_told_at_once_with_their_places() -> None:
    with pytest.raises(InputRefused) as refused:
        _parse({"type": "expect_magic"}, GOOD, {"type": "expect_magic"})
    assert [reason.facts["place"] for reason in refused.value.reasons] == [1, 3]
    assert "第 3 条" in refused.value.detail.zh


def test_reading_a_suite_does_not_import_great_expectations() -> None:
    code = "import sys; import quality.engine, quality.suite; print('great_expectations' in sys.modules, 'pandas' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("COMPLETE", None),
        ({"result_format": "COMPLETE", "include_unexpected_rows": False}, None),
        ("ALL", "must be one of"),
        ({"result_format": "COMPLETE", "unexpected_index_column_names": ["id"]}, None),
        ({"unexpected_index_column_names": "id"}, "must be a list of column names"),
        ({"unexpected_index_column_names": ["id", "id"]}, "must be a list of column names"),
        ({"unexpected_index_column_names": [7]}, "must be a list of column names"),
        ({"include_unexpected_rows": True, "partial_unexpected_count": 5}, None),
        ({"return_unexpected_index_query": False, "partial_unexpected_count": 0}, None),
        ({"exclude_unexpected_values": True}, "exclude_unexpected_values"),
    ],
)  # fmt: skip
def test_a_result_format_is_honoured_or_refused_by_name(given: Any, said: str | None) -> None:
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a", "result_format": given}}
    if said is None:
        assert Suite.from_data({"expectations": [rule]}).expectations[0].kwargs == {"column": "a"}
        return
    with pytest.raises(InputRefused, match=said):
        Suite.from_data({"expectations": [rule]})


def test_key_columns_go_and_come_in_great_expectations_form() -> None:
    asked = {"result_format": "COMPLETE", "unexpected_index_column_names": ["id", "day"]}
    kwargs = {"column": "a", "result_format": asked}
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs, "meta": {"x": 1}}
    suite = Suite.from_data({"name": "s", "expectations": [rule]})
    assert suite.expectations[0].key_columns == ["id", "day"]
    written = suite.as_gx("1.24")
    assert written["expectations"] == [{**rule, "severity": "critical"}]
    assert Suite.from_data(written) == suite == Suite.from_data(suite.as_json())
