"""Proofs are worked out beside the rest, and change nothing but when their answer comes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.engine import run_suite
from quality.gx.door import opened
from quality.suite import Suite
from quality.verdict import Outcome

pytestmark = pytest.mark.gx

UNIQUE, TOGETHER = "expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique"
RISING = "expect_column_values_to_be_increasing"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    columns = {"a": ["x", "y", None, "x"], "n": [1, 2, None, 1], "d": [5, 4, 3, 2]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def judged(rules: list[tuple[str, dict[str, Any]]], table: Path) -> list[Outcome]:
    listed = [{"type": name, "kwargs": kwargs} for name, kwargs in rules]
    return run_suite(Suite.from_data({"expectations": listed}), table).expectations


def test_what_is_foretold_is_what_great_expectations_asks_for(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    from quality.gx.proofs import Proofs

    asked: Counter[str] = Counter()
    later = Proofs._later

    def counted(self: Proofs, lane: Any, key: str, proof: Any) -> Any:
        asked[key] += 1
        return later(self, lane, key, proof)

    monkeypatch.setattr(Proofs, "_later", counted)
    filtered = {"row_condition": 'col("n")>1', "condition_parser": "great_expectations"}
    rules = [
        (UNIQUE, {"column": "a"}),
        (UNIQUE, {"column": "a", **filtered}),
        (TOGETHER, {"column_list": ["a", "n"]}),
        (TOGETHER, {"column_list": ["a", "d"], **filtered}),
        (TOGETHER, {"column_list": ["a", "n"], "ignore_row_if": "never"}),
        (TOGETHER, {"column_list": ["a", "n"], "ignore_row_if": "any_value_is_missing"}),
    ]
    outcomes = judged(rules, table)
    assert [each.outcome for each in outcomes] == [
        "failed",
        "passed",
        "failed",
        "passed",
        "failed",
        "failed",
    ]
    assert len(asked) == len(rules)
    assert min(asked.values()) >= 2, "begun for nothing, or begun only when asked for"


def test_a_proof_that_breaks_is_the_error_of_the_rules_that_need_it(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    from quality.gx import repeats

    def breaks(*_: Any, **__: Any) -> Any:
        raise ValueError("no room for hashes")

    monkeypatch.setattr(repeats, "unrepeated", breaks)
    rules = [
        (UNIQUE, {"column": "a"}),
        ("expect_column_values_to_not_be_null", {"column": "a"}),
        (TOGETHER, {"column_list": ["a", "n"]}),
        (RISING, {"column": "d"}),
        (UNIQUE, {"column": "d"}),
    ]
    outcomes = judged(rules, table)
    assert [each.outcome for each in outcomes] == ["error", "failed", "error", "failed", "error"]
    assert all("no room for hashes" in str(outcomes[at].error) for at in (0, 2))
    assert outcomes[3].failing_rows == [2, 3, 4]


def test_a_run_that_ends_early_stops_its_proofs(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    from quality.gx import run

    def fails(*_: Any) -> None:
        raise RuntimeError("ended early")

    monkeypatch.setattr(run, "_evaluate", fails)
    with pytest.raises(RuntimeError, match="ended early"):
        judged([(UNIQUE, {"column": "a"}), (RISING, {"column": "d"})], table)
