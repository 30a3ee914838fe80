"""Policies in plain words: every kind of mask and filter, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy.filters.model import MAX_IN_LIST, parse
from auth.policy.limits import Coded
from auth.policy.model import ColumnTerm, DeliveryForm, Use
from auth.policy.wording import (
    FORM_NAMES,
    USE_NAMES,
    coded_named,
    fee_in_words,
    filter_in_words,
    form_named,
    forms_named,
    identifier_named,
    members_in_words,
    networks_in_words,
    release_in_words,
    safeguard_in_words,
    term_in_words,
)
from core.text import Text

ROOMS = {"op": "eq", "column": "rooms", "value": 3}
NAME = {"op": "ne", "column": "名称", "value": "公园"}


@pytest.mark.parametrize(
    ("mask", "zh", "en"),
    [
        ({"kind": "drop"}, "脱敏：置空", "Masked: left empty"),
        ({"kind": "redact"}, "脱敏：替换为 ***", "Masked: replaced by ***"),
        ({"kind": "keep", "head": 3, "tail": 2}, "脱敏：保留前 3 位和后 2 位", "Masked: first 3 and last 2 characters kept"),
        ({"kind": "round", "step": 0.5}, "脱敏：向下取整到 0.5 的倍数", "Masked: rounded down to a multiple of 0.5"),
        ({"kind": "truncate", "unit": "month"}, "脱敏：截断到月", "Masked: cut to the month"),
        ({"kind": "clamp", "low": 1}, "脱敏：限制在 1 至 … 之间（超出者取边界值）", "Masked: held between 1 and … (values beyond become the bound)"),
        ({"kind": "clamp", "high": 9}, "脱敏：限制在 … 至 9 之间（超出者取边界值）", "Masked: held between … and 9 (values beyond become the bound)"),
        ({"kind": "grid", "step": 0.01}, "脱敏：位置取所在 0.01° 网格（南北约 1.1 公里）的中心", "Masked: placed at the centre of a grid cell of 0.01° (about 1.1 km from north to south)"),
        ({"kind": "division", "level": "city"}, "脱敏：行政区划代码上卷到地市级", "Masked: division code raised to the city"),
    ],
)  # fmt: skip
def test_masks_are_told(mask: dict[str, Any], zh: str, en: str) -> None:
    said = term_in_words(ColumnTerm.model_validate({"name": "c", "use": "masked", "mask": mask}))
    assert (said.zh, said.en) == (zh, en)


@pytest.mark.parametrize("use", [use for use in Use if use is not Use.MASKED])
def test_uses_without_mask_are_told_by_their_name(use: Use) -> None:
    assert term_in_words(ColumnTerm(name="c", use=use)) == USE_NAMES[use]


def test_every_form_and_use_has_a_name() -> None:
    assert set(FORM_NAMES) == set(DeliveryForm)
    assert set(USE_NAMES) == set(Use)


@pytest.mark.parametrize(
    ("tree", "zh", "en"),
    [
        (None, "所有行", "all rows"),
        (ROOMS, "rooms 等于 3", "rooms is 3"),
        (NAME, "名称 不等于 “公园”", "名称 is not “公园”"),
        ({"op": "lt", "column": "a", "value": 1}, "a 小于 1", "a is less than 1"),
        ({"op": "le", "column": "a", "value": 1}, "a 不大于 1", "a is at most 1"),
        ({"op": "gt", "column": "a", "value": 1}, "a 大于 1", "a is more than 1"),
        ({"op": "ge", "column": "a", "value": 1}, "a 不小于 1", "a is at least 1"),
        ({"op": "in", "column": "a", "values": [1, "x"]}, "a 属于 1, “x”", "a is one of 1, “x”"),
        ({"op": "between", "column": "a", "low": 1, "high": 2}, "a 介于 1 与 2 之间（含）", "a lies from 1 to 2"),
        ({"op": "is_null", "column": "a"}, "a 为空", "a is empty"),
        ({"op": "not", "arg": ROOMS}, "非（rooms 等于 3）", "not (rooms is 3)"),
        ({"op": "and", "args": [ROOMS]}, "rooms 等于 3", "rooms is 3"),
        ({"op": "and", "args": [ROOMS, NAME]}, "（rooms 等于 3），且（名称 不等于 “公园”）", "(rooms is 3) and (名称 is not “公园”)"),
        ({"op": "or", "args": [ROOMS, NAME]}, "（rooms 等于 3），或（名称 不等于 “公园”）", "(rooms is 3) or (名称 is not “公园”)"),
    ],
)  # fmt: skip
def test_filters_are_told(tree: dict[str, Any] | None, zh: str, en: str) -> None:
    said = filter_in_words(parse(tree) if tree is not None else None)
    assert (said.zh, said.en) == (zh, en)


def test_a_long_list_is_cut_and_says_so() -> None:
    said = filter_in_words(parse({"op": "in", "column": "a", "values": list(range(MAX_IN_LIST))}))
    assert said.zh == f"a 属于 {', '.join(map(str, range(20)))}…"
    whole = filter_in_words(parse({"op": "in", "column": "a", "values": list(range(20))}))
    assert whole.en == f"a is one of {', '.join(map(str, range(20)))}"


def test_a_filter_is_told_with_the_titles_of_columns() -> None:
    titles = {"rooms": Text("客房数", "Rooms"), "a": Text("名称", "Name"), "b": Text("名称", "Name")}

    def told(tree: dict[str, Any]) -> tuple[str, str]:
        said = filter_in_words(parse(tree), titles)
        return said.zh, said.en

    assert told({"op": "not", "arg": ROOMS}) == ("非（客房数 等于 3）", "not (Rooms is 3)")
    assert told({"op": "is_null", "column": "a"}) == ("名称（a） 为空", "Name (a) is empty"), (
        "another has the same title"
    )
    assert told({"op": "is_null", "column": "gone"}) == ("gone 为空", "gone is empty")


def test_networks_and_release_are_named_or_said_not_to_be_bound() -> None:
    assert networks_in_words(["10.0.0.0/8", "fd00::/8"]) == Text(
        "10.0.0.0/8、fd00::/8", "10.0.0.0/8, fd00::/8"
    )
    assert networks_in_words([]) == Text("不限", "any")
    assert release_in_words("r1") == Text("r1", "r1")
    assert release_in_words(None) == Text("不固定，随当前版本", "none: the current one")


def test_what_has_no_name_is_told_as_it_was_said() -> None:
    """A refusal quotes what was asked for, known or not."""
    assert form_named("extract_csv") == FORM_NAMES[DeliveryForm.EXTRACT_CSV]
    assert form_named("api_page") == Text("api_page", "api_page")
    assert forms_named(["query_agg", "api_page"]) == Text(
        "统计查询、api_page", "Statistics by query, api_page"
    )
    assert forms_named([]) == Text("—", "—")
    known = {"s": Coded("s", Text("安全", "Safety"))}
    assert coded_named(known, "s") == Text("安全", "Safety")
    assert coded_named(known, "t") == Text("t", "t")
    assert identifier_named("none") == Text("非标识", "not identifying")
    assert identifier_named("XI") == Text("XI", "XI")


def test_members_and_fee_are_named_or_said_not_to_be_chosen() -> None:
    assert members_in_words([]) == Text("本机构所有获担保人员", "every vouched member")
    assert members_in_words(["b", "a"], {"b": "aa"}) == Text("2 人：a、aa", "2 persons: a, aa")
    assert members_in_words(["a"]).en == "1 person: a"
    assert fee_in_words("F1") == Text("F1", "F1")
    assert fee_in_words(None) == Text("未约定", "none agreed")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("min_group", 20, Text("至少 20", "20 or more")), ("checkers", 1, Text("至少 1", "1 or more")),
        ("epsilon_micro", 2_500_000, Text("ε 2.5", "epsilon 2.5")), ("epsilon_each_micro", 50_000, Text("ε 0.05", "epsilon 0.05")),
        ("watermark", True, Text("必须带有，否则不交付", "required, or nothing leaves")), ("watermark", False, Text("按策略配置", "as the policy profile says")),
        ("min_group", None, Text("按策略配置", "as the policy profile says")),
    ],
)  # fmt: skip
def test_each_safeguard_is_told_as_it_holds(name: str, value: int | bool | None, said: Text) -> None:
    assert safeguard_in_words(name, value) == said


def test_a_list_of_one_more_than_is_shown_says_that_it_goes_on() -> None:
    said = filter_in_words(parse({"op": "in", "column": "a", "values": list(range(21))}))
    assert said.en == f"a is one of {', '.join(map(str, range(20)))}…"


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (Text("名称", "Label"), Text("名称（a） 为空", "Name (a) is empty")),
        (Text("标签", "Name"), Text("名称（a） 为空", "Name (a) is empty")),
        (Text("标签", "Label"), Text("名称 为空", "Name is empty")),
    ],
)
def test_a_title_that_is_another_columns_in_either_language_is_told_with_the_name(
    other: Text, wanted: Text
) -> None:
    titles = {"a": Text("名称", "Name"), "b": other}
    assert filter_in_words(parse({"op": "is_null", "column": "a"}), titles) == wanted


@pytest.mark.parametrize("title", [Text("", "Name"), Text("名称", "")])
def test_a_title_in_one_language_alone_names_nothing(title: Text) -> None:
    assert filter_in_words(parse({"op": "is_null", "column": "a"}), {"a": title}) == Text(
        "a 为空", "a is empty"
    )
