"""Every rule as a sentence in both languages."""

from __future__ import annotations

import pytest

from quality.suite import Expectation
from quality.wording import describe
from tests.quality.cases import CASES

ONE_PER_TYPE = dict(reversed(CASES))


@pytest.mark.parametrize("name", ONE_PER_TYPE)
def test_each_type_has_a_sentence_that_names_what_it_looks_at(name: str) -> None:
    kwargs = ONE_PER_TYPE[name]
    said = describe(Expectation(type=name, kwargs=kwargs))
    assert said.zh != said.en
    for key in ("column", "column_A", "column_B"):
        if key in kwargs:
            assert str(kwargs[key]) in said.zh
            assert str(kwargs[key]) in said.en


@pytest.mark.parametrize(
    ("name", "kwargs", "zh", "en"),
    [
        ("expect_column_values_to_be_between", {"column": "票价", "min_value": 0, "max_value": 300, "strict_max": True}, "“票价”须不小于 0 且小于 300", '"票价" must be at least 0 and less than 300'),
        ("expect_column_values_to_not_be_null", {"column": "a", "mostly": 0.95}, "“a”不得为空（至少 95% 满足）", '"a" must not be empty (in at least 95% of the rows)'),
        ("expect_column_values_to_be_unique", {"column": "a", "row_condition": "b > 1"}, "当 b > 1 时，“a”不得重复", 'where b > 1: "a" must not repeat'),
        ("expect_column_values_to_match_regex", {"column": "{a}", "regex": "^{2}$"}, "“{a}”须符合正则表达式 ^{2}$", '"{a}" must match the regular expression ^{2}$'),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1 FROM {batch}", "description": "车位不得超过总数"}, "车位不得超过总数", "车位不得超过总数"),
    ],
)  # fmt: skip
def test_sentences_read_well(name: str, kwargs: dict[str, object], zh: str, en: str) -> None:
    said = describe(Expectation(type=name, kwargs=kwargs))
    assert (said.zh, said.en) == (zh, en)


def test_the_authors_own_words_come_first_in_each_language() -> None:
    rule = Expectation(
        type="expect_column_values_to_not_be_null",
        kwargs={"column": "lot_id", "mostly": 0.9},
        meta={"title_zh": "停车场编码必填", "title_en": "Each row names its lot"},
    )
    assert describe(rule).zh == "停车场编码必填（至少 90% 满足）"
    assert describe(rule).en == "Each row names its lot (in at least 90% of the rows)"
