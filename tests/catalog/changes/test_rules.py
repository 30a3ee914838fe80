"""Cells, operations, and what undoing meets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import codes
from catalog.changes import rules, sheets
from catalog.fields import BY_NAME, FIELDS
from catalog.models import DatasetUpdate
from core.sheets import csv_of, xlsx_of
from tests.catalog.changes.texts import texts

TEXTS = texts(20)
WORDS = st.lists(TEXTS.filter(bool), max_size=4, unique=True)


@given(WORDS)
def test_list_comes_back_from_its_cell(words: list[str]) -> None:
    spec = BY_NAME["keywords"]
    assert rules.value_of(spec, rules.cell(spec, words)) == words


@pytest.mark.slow
@given(st.lists(st.tuples(TEXTS, WORDS), min_size=1, max_size=3))
def test_record_comes_back_from_both_tables(said: list[tuple[str, list[str]]]) -> None:
    empty: dict[str, Any] = DatasetUpdate().model_dump(mode="json")
    records = [
        empty
        | {"title_zh": title, "contact": f"={title}", "keywords": words, "data_level": 2, "formats": ["csv", "json"]}
        | {"temporal_start": "2026-01-31", "spatial_resolution_m": 2.5, "resource_code": f"R-{n}", "version": n, "publisher": "p"}
        for n, (title, words) in enumerate(said, 1)
    ]  # fmt: skip
    for content in (b"".join(csv_of(sheets.sheet(records))), xlsx_of([sheets.sheet(records)])):
        wishes, problems = sheets.read(content)
        assert problems == []
        assert [(wish.dataset_id, wish.version) for wish in wishes] == [
            (each["resource_code"], each["version"]) for each in records
        ]
        for wish, each in zip(wishes, records, strict=True):
            read = DatasetUpdate.model_validate(wish.fields).model_dump(mode="json")
            assert {spec.name: read[spec.name] for spec in FIELDS} == {
                spec.name: each[spec.name] for spec in FIELDS
            }


@pytest.mark.parametrize(
    ("name", "present", "op", "value", "gives"),
    [
        ("keywords", ["a"], "add", ["b", "a", "b"], ["a", "b"]),
        ("keywords", ["a", "b"], "remove", ["a", "c"], ["b"]),
        ("keywords", ["a"], "set", [], []),
        ("formats", None, "add", ["csv"], ["csv"]),
        ("contact", "x", "set", "y", "y"),
    ],
)
def test_operations(name: str, present: Any, op: str, value: Any, gives: Any) -> None:
    assert rules.operated(BY_NAME[name], present, op, value) == gives


def test_single_value_takes_no_additions() -> None:
    with pytest.raises(rules.Unfit, match="one value"):
        rules.operated(BY_NAME["contact"], "x", "add", "y")


@pytest.mark.parametrize(
    ("present", "waits", "state", "changed"),
    [
        ({"a": 2, "b": 2}, False, "stands", []),
        ({"a": 1, "b": 1}, False, "back", []),
        ({"a": 1, "b": 2}, False, "stands", []),
        ({"a": 3, "b": 2}, False, "changed", ["a"]),
        ({"a": 1, "b": 1}, True, "waiting", []),
    ],
)
def test_what_undoing_meets(present: dict[str, int], waits: bool, state: str, changed: list[str]) -> None:
    assert rules.standing({"a": [1, 2], "b": [1, 2]}, present, waits) == (state, changed)


def test_bad_cells_are_named_by_line_and_column() -> None:
    content = (
        "resource_code,版本,open_type,data_level\r\n# 说明,,,\r\nR-1,x,随便,1\r\n\r\nR-1,,有条件开放,2\r\n"
    )
    wishes, problems = sheets.read(content.encode("gb18030"))
    assert [(each.line, each.column, each.code) for each in problems] == [
        (1, "B", "unknown-column"), (3, "C", "value"), (5, "A", "twice"),
    ]  # fmt: skip
    assert wishes[1].fields == {"open_type": "C", "data_level": 2}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "no column resource_code"),
        (b"resource_code\n", "no record"),
        (b"resource_code,contact,contact\nR,1,2\n", "more than once"),
        (b"PK\x03\x04 no zip", "cannot be opened"),
        (b"\xff\xff\xff", "GB18030"),
        (b"x" * (sheets.LARGEST + 1), "8 MiB"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(Exception, match=said):
        sheets.read(content)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("keywords", None, ""), ("keywords", [], ""), ("keywords", ["a", "b c"], "a、b c"), ("keywords", ["a,b"], '["a,b"]'),
        ("keywords", ["[a"], '["[a"]'), ("keywords", ["甲；乙", "c"], '["甲；乙", "c"]'), ("formats", ["csv", "json"], "csv、json"),
        ("spatial_resolution_m", 2.0, "2"), ("spatial_resolution_m", 2.5, "2.5"), ("data_level", 3, "3"), ("contact", "x", "x"),
    ],
)  # fmt: skip
def test_a_value_as_a_cell(name: str, value: Any, said: str) -> None:
    assert rules.cell(BY_NAME[name], value) == said


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("keywords", " a，b ; ;c\nd ", ["a", "b", "c", "d"]), ("keywords", "", []), ("keywords", '["a, b"]', ["a, b"]),
        ("formats", "CSV、json", ["csv", "json"]), ("formats", "", []),
        ("data_level", "3", 3), ("data_level", "", None), ("temporal_start", "", None), ("spatial_resolution_m", "", None),
        ("contact", "", ""), ("open_type", "", ""), ("open_type", "u", "u"), ("open_type", "U", "U"),
        ("spatial_resolution_m", "2.5", 2.5), ("contact", " x ", "x"), ("temporal_start", "2026-01-31", "2026-01-31"),
    ],
)  # fmt: skip
def test_a_cell_as_a_value(name: str, text: str, value: Any) -> None:
    if text == "u":  # the list knows it in one spelling alone
        with pytest.raises(rules.Unfit, match="is not in the code list"):
            rules.value_of(BY_NAME[name], text)
    else:
        assert rules.value_of(BY_NAME[name], text) == value


def test_a_code_is_given_by_its_label_too_and_a_strange_one_hears_which_are_known() -> None:
    for spec in (each for each in FIELDS if each.codes):
        known = codes.load(str(spec.codes)).codes
        for value, code in known.items():
            for said in (value, code.text.zh, code.text.en):
                read = rules.value_of(spec, said)
                assert known[str(read[0] if isinstance(read, list) else read)].text == code.text
        with pytest.raises(rules.Unfit) as caught:
            rules.value_of(spec, "no such code")
        text = caught.value.text
        assert text.zh.partition("可用：")[2] == "、".join(f"{v} {c.text.zh}" for v, c in known.items())
        assert text.en.partition("there are: ")[2] == ", ".join(f"{v} {c.text.en}" for v, c in known.items())
        assert str(caught.value) == text.en


@pytest.mark.parametrize(
    ("place", "said"),
    [(0, "A"), (25, "Z"), (26, "AA"), (27, "AB"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")],
)
def test_columns_bear_the_letters_of_spreadsheets(place: int, said: str) -> None:
    assert rules.letters(place) == said


def test_a_field_is_found_by_its_name_or_either_label() -> None:
    for spec in FIELDS:
        assert {rules.spec_of(said).label for said in (spec.name, spec.label.zh, spec.label.en)} == {
            spec.label
        }
    with pytest.raises(rules.Unfit, match="no field “x”"):
        rules.spec_of("x")
