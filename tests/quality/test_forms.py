"""A rule as a form: what is filled in comes back as the arguments that a suite would have said."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from quality import forms
from quality.suite import Suite
from quality.templates import templates, type_name
from quality.vocabulary import TYPES


class Col(NamedTuple):
    name: str
    type: str


COLUMNS = (Col("code", "string"), Col("total", "integer"), Col("day", "date"))


def _again(type_: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Through the form and back, untouched."""
    shown = forms.fields(type_, kwargs, COLUMNS)
    typed = {each.name: each.value if isinstance(each.value, list) else [each.value] for each in shown}
    return forms.read(type_, typed, COLUMNS)


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        ("expect_column_values_to_be_between", {"column": "total", "min_value": 1, "max_value": 2.5, "strict_min": True}),
        ("expect_column_values_to_be_between", {"column": "day", "min_value": "2026-01-01", "mostly": 0.9}),
        ("expect_column_values_to_be_in_set", {"column": "code", "value_set": ["01", "12", "true", "甲", '"x"']}),
        ("expect_column_values_to_be_in_set", {"column": "total", "value_set": [1, 2, None, True]}),
        ("expect_column_values_to_match_regex", {"column": "code", "regex": r"^\d{4}$"}),
        ("expect_column_values_to_match_regex", {"column": "code", "regex": " x "}),
        ("expect_column_values_to_match_regex_list", {"column": "code", "regex_list": ["^a", "b$"], "match_on": "all"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["code", "day"]}),
        ("expect_table_columns_to_match_ordered_list", {"column_list": ["day", "code"]}),
        ("expect_coordinates_to_lie_in_area", {"longitude": "x", "latitude": "y", "area": [1, 2, 3, 4]}),
        ("expect_column_quantile_values_to_be_between",
         {"column": "total", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, None]]}}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT *\nFROM {batch} WHERE total < 0"}),
    ],
)  # fmt: skip
def test_a_rule_survives_its_form(type_: str, kwargs: dict[str, Any]) -> None:
    assert _again(type_, kwargs) == kwargs


def test_a_bare_number_is_text_in_a_column_of_text_only() -> None:
    typed = {"column": ["code"], "value_set": ["12\n007"]}
    assert forms.read("expect_column_values_to_be_in_set", typed, COLUMNS)["value_set"] == ["12", "007"]
    typed["column"] = ["total"]
    assert forms.read("expect_column_values_to_be_in_set", typed, COLUMNS)["value_set"] == [12, "007"]


def test_what_cannot_be_read_stays_as_typed_for_the_suite_to_refuse() -> None:
    typed = {"longitude": ["x"], "latitude": ["y"], "area": ["[1, 2"], "mostly": ["many"]}
    assert forms.read("expect_coordinates_to_lie_in_area", typed) == {
        "longitude": "x",
        "latitude": "y",
        "area": "[1, 2",
        "mostly": "many",
    }


def test_yes_and_no_are_read_as_such() -> None:
    typed = {"keys": ["a"], "column": ["n"], "also_missing": ["true"]}
    read = forms.read("expect_counters_to_grow_since_last_release", typed)
    assert read == {"keys": ["a"], "column": "n", "also_missing": True}


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_has_a_name_and_a_form(type_: str) -> None:
    assert type_name(type_).zh != type_
    shown = forms.fields(type_, {}, COLUMNS)
    assert {each.name for each in shown} >= set(TYPES[type_].all_required)
    assert all(each.label.zh != each.name or each.name in ("k", "json_schema") for each in shown), type_


def test_ready_rules_are_right_but_for_what_their_writer_must_say() -> None:
    for each in templates():
        rule = each.rule("code")
        assert Suite.from_data({"name": "t", "expectations": [rule]}).expectations[0].type == each.type
        assert set(each.kinds) <= {
            "table",
            "string",
            "integer",
            "number",
            "boolean",
            "date",
            "datetime",
            "time",
            "geometry",
        }
