"""Cells, operations, and what undoing meets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.changes import rules, sheets
from catalog.fields import BY_NAME, FIELDS
from catalog.models import DatasetUpdate
from core.sheets import csv_of, xlsx_of

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20).map(str.strip)
WORDS = st.lists(TEXTS.filter(bool), max_size=4, unique=True)


@given(WORDS)
def test_list_comes_back_from_its_cell(words: list[str]) -> None:
    spec = BY_NAME["keywords"]
    assert rules.value_of(spec, rules.cell(spec, words)) == words


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
