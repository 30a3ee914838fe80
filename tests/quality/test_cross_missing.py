"""Groups and keys that only the other side has: counted and refused where the rule asks, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from core.errors import InputRefused
from quality.engine import run_suite
from quality.references import References, ReferenceTable
from quality.verdict import EngineName
from quality.wording import describe
from tests.quality.cross_cases import suite_of, written

pytestmark = pytest.mark.gx
TOTALS = {"dataset": "FLOWS", "group_columns": ["lot"], "column": "n", "other_column": "n"}
GROWS = {"keys": ["lot"], "column": "n"}
TYPES = ("expect_totals_to_agree_with_dataset", "expect_counters_to_grow_since_last_release")
CASES = [
    (name, {**kwargs, **asked})
    for name, kwargs in zip(TYPES, (TOTALS, GROWS), strict=True)
    for asked in ({}, {"also_missing": True}, {"also_missing": False})
]


def _table(lots: list[str | None]) -> dict[str, pa.Array]:
    return {"lot": pa.array(lots, pa.string()), "n": pa.array([3] * len(lots), pa.int64())}


def _known(folder: Path, lots: list[str | None]) -> References:
    there = ReferenceTable("FLOWS", written(folder, "there", _table(lots)), sha256="0" * 64)
    return References({"FLOWS": there}, last_release=there, knows_last=True)


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_what_vanished_fails_only_where_the_rule_asks(engine: EngineName, tmp_path: Path) -> None:
    known = _known(tmp_path, ["A", "B", "C", None])
    verdict = run_suite(
        suite_of(CASES), written(tmp_path, "t", _table(["A", None])), engine=engine, references=known
    )
    lacking = {"keys_there": 3, "keys_missing": 2}
    assert [(each.outcome, each.observed_value, each.failing_rows) for each in verdict.expectations] == [
        ("passed", None, []),
        ("failed", lacking, []),
        ("passed", None, []),
    ] * 2


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
@pytest.mark.parametrize("here", [["A", "B"], []])
def test_a_whole_and_an_empty_table_are_told_apart(
    engine: EngineName, here: list[str | None], tmp_path: Path
) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [CASES[1], CASES[4]]
    table = written(tmp_path, "t", _table(here))
    found = run_suite(suite_of(cases), table, engine=engine, references=_known(tmp_path, ["A", "B"]))
    assert {each.outcome for each in found.expectations} == {"passed" if here else "failed"}
    first = run_suite(suite_of(cases[1:]), table, engine=engine, references=References(knows_last=True))
    assert first.expectations[0].outcome == "passed"


def test_it_looks_at_the_whole_table_and_says_so() -> None:
    asked = {**GROWS, "also_missing": True}
    with pytest.raises(InputRefused, match="whole table"):
        suite_of([(TYPES[1], {**asked, "row_condition": "n > 1", "condition_parser": "pandas"})])
    rule = suite_of([(TYPES[1], asked)]).expectations[0]
    said = describe(rule)
    assert "本表不得缺少" in said.zh
    assert "missing here" in said.en
