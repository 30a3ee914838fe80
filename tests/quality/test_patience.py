"""A pattern that would run for ever is an error of its rule, on both engines, and nothing else waits for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality import patience
from quality.engine import run_suite
from quality.patience import Patience, TookTooLong
from quality.suite import Suite
from quality.verdict import EngineName

HOSTILE = r"(?=a)(a+)+$"
TEXTS = ["a" * 40 + "!", "ab", "b"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "CHUNK_S", 0.3)


@pytest.fixture
def asked() -> Any:
    made = Patience()
    yield made
    made.close()


def test_answers_come_in_order_and_repeated_texts_are_asked_once(asked: Patience) -> None:
    texts = [f"{n % 3}元" for n in range(5000)]
    assert asked.ask("matches", texts, r"^[01](?=元)") == [text[0] in "01" for text in texts]
    assert asked.ask("obeys_schema", ['{"a": "x1"}', "{", '{"a": "2"}'], '{"properties": {"a": {"pattern": "^x"}}}') == [
        True, False, False,
    ]  # fmt: skip


@pytest.mark.usefixtures("impatient")
def test_too_slow_is_said_once_with_waiting_and_then_at_once(asked: Patience) -> None:
    begun = time.monotonic()
    with pytest.raises(TookTooLong, match="pattern took too long"):
        asked.ask("matches", TEXTS, HOSTILE)
    child = asked._child
    with pytest.raises(TookTooLong):
        asked.ask("matches", ["b"], HOSTILE)
    assert time.monotonic() - begun < 20
    assert asked.ask("matches", ["ab"], r"a(?=b)") == [True]
    assert asked._child is child  # interrupted, not killed
    asked.forget()
    assert asked.ask("matches", ["b"], HOSTILE) == [False]


def test_many_slow_chunks_together_are_too_slow_as_well(
    asked: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "CHUNK", 1)
    monkeypatch.setattr(patience, "START_S", 0.0)
    monkeypatch.setattr(patience, "PER_VALUE_S", 1e-9)
    with pytest.raises(TookTooLong):
        asked.ask("matches", [f"{n}" for n in range(50)], r"(?=\d)5")


@pytest.mark.usefixtures("impatient")
def test_a_child_that_dies_is_replaced(asked: Patience) -> None:
    assert asked.ask("matches", ["ab"], r"a(?=b)") == [True]
    assert asked._child is not None
    asked._child.kill()
    asked._child.wait()
    assert asked.ask("matches", ["ab"], r"a(?=b)") == [True]


@pytest.mark.gx
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_a_hostile_pattern_is_an_error_and_the_other_rules_are_judged(
    tmp_path: Path, engine: EngineName
) -> None:
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": TEXTS}), table)
    schema = {"type": "string", "pattern": "^(a+)+$"}
    suite = Suite.from_data(
        {
            "name": "x",
            "expectations": [
                {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "v", "regex": HOSTILE}},
                {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "v"}},
                {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "v", "regex": "a(?=b)"}},
                {
                    "type": "expect_column_values_to_match_json_schema",
                    "kwargs": {"column": "v", "json_schema": schema},
                },
            ],
        }
    )
    verdict = run_suite(suite, table, engine=engine)
    assert [each.outcome for each in verdict.expectations] == ["error", "passed", "failed", "failed"]
    assert "pattern took too long" in str(verdict.expectations[0].error)
    assert verdict.expectations[2].failing_rows == [1, 3]
    assert verdict.verdict == "error"
