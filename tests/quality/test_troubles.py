"""What could not run is said in the reader's language; nothing that is not known is hidden."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputRefused
from quality.engine import run_suite
from quality.suite import Suite
from quality.troubles import trouble

RULES: list[tuple[str, dict[str, Any], str]] = [
    ("expect_column_values_to_not_be_null", {"column": "gone"}, "表中没有列“gone”（现有：n, t, d）"),
    (
        "expect_column_max_to_be_between",
        {"column": "gone", "max_value": 1},
        "表中没有列“gone”（现有：n, t, d）",
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "n", "min_value": "a"},
        "值 'a' 不能与列“n”比较：该列为整数",
    ),
    (
        "expect_column_mean_to_be_between",
        {"column": "t", "min_value": 1},
        "列“t”为文本，本规则只适用于：小数、整数、数值",
    ),
    (
        "expect_column_pair_values_to_be_equal",
        {"column_A": "n", "column_B": "t"},
        "列“n”（整数）与“t”（文本）不能比较",
    ),
    ("expect_column_values_to_be_of_type", {"column": "n", "type_": "nonsense"}, "不认识类型名 'nonsense'"),
    (
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "SELECT * FROM {batch} WHERE gone = 1"},
        "查询提到的列“gone”不存在",
    ),
    (
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "SELECT * FROM {batch} -- {batch:>9}"},
        "unexpected_rows_query 第 26 个字符是单个花括号；除 {batch} 外，花括号须写两遍",
    ),
    (
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "DELETE FROM {batch}"},
        "unexpected_rows_query 须为一条 SELECT 语句",
    ),
]


@pytest.mark.gx
def test_errors_of_rules_are_said_in_both_languages(tmp_path: Path) -> None:
    table = tmp_path / "t.parquet"
    days = pa.array([1, 2], pa.date32())
    pq.write_table(pa.table({"n": [1, 2], "t": ["a", "b"], "d": days}), table)
    rules = [{"type": type_, "kwargs": kwargs} for type_, kwargs, _ in RULES]
    verdict = run_suite(Suite.from_data({"name": "x", "expectations": rules}), table)
    assert [each.outcome for each in verdict.expectations] == ["error"] * len(RULES)
    said = [trouble(str(each.error)) for each in verdict.expectations]
    assert [each.zh for each in said] == [zh for _, _, zh in RULES]
    assert not any(re.search("[\u4e00-\u9fff]", each.en) for each in said)


def test_several_faults_of_arguments_are_translated_one_by_one() -> None:
    assert trouble("max_value: field required; mostly: Input should be a valid number").zh == (
        "缺少参数 max_value；参数 mostly 应为数值"
    )


def test_a_message_in_both_languages_is_taken_apart() -> None:
    said = trouble("DP-1 中没有列“x”（现有：y）。 DP-1 has no column “x” (it has: y).")
    assert (said.zh, said.en) in {
        ("DP-1 中没有列“x”（现有：y）。", "DP-1 has no column “x” (it has: y)."),
    }


def test_what_is_not_known_keeps_its_words() -> None:
    said = trouble("Something quite new happened")
    assert "Something quite new happened" in said.zh
    assert said.en == "Something quite new happened"


def test_a_broken_text_is_told_in_chinese() -> None:
    for text, zh in (
        ('{"name": 1,}', "不是合法的 JSON"),
        (
            '{"expectations": [{"type": "expect_column_values_to_match_regex", "kwargs": {"column": "a", "regex": "(["}}]}',
            "第 1 位的 [ 没有对应的 ]",
        ),
    ):
        with pytest.raises(InputRefused) as refused:
            Suite.parse(text)
        assert zh in refused.value.detail.zh
        assert "Expecting" not in refused.value.detail.zh
        assert "unterminated" not in refused.value.detail.zh
