"""Profiles in words: a value, its name, and what differs are read in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auth.policy.limits import limits
from auth.policy.model import DeliveryForm
from auth.profile.model import Profile, shipped
from auth.profile.wording import differences, items

GENERIC, DISTRICT = (shipped()[key] for key in ("generic-open-data", "district-authorised-operation"))
LATIN = re.compile(r"[A-Za-z]{3,}")
NAMED_IN_LATIN = re.compile(r"Parquet|CSV|XLSX|JSON Lines|GeoJSON")


@pytest.mark.parametrize("profile", [GENERIC, DISTRICT], ids=lambda each: each.key)
def test_every_value_has_words_in_both_languages(profile: Profile) -> None:
    said = items(profile)
    assert {f"numbers.{key}" for key in limits().numbers} <= set(said)
    for each in said.values():
        assert not LATIN.search(each.name.zh), each
        assert each.name.en != each.key
        if each.key not in ("key", "en"):
            assert not LATIN.search(NAMED_IN_LATIN.sub("", each.value.zh)), each
        assert not re.search(r"_|True|False|None", each.value.en), each


@pytest.mark.parametrize("name", sorted(set(Profile.model_fields) - {"numbers", "opinions", "clauses"}))
def test_no_member_of_a_profile_is_left_out(name: str) -> None:
    assert any(key.split(".")[0] == name for key in items(DISTRICT)), name


def test_what_differs_is_told_with_both_values() -> None:
    told = {each.key: each for each in differences(GENERIC, DISTRICT)}
    vouching = told["vouching"]
    assert (vouching.before.zh, vouching.after.zh, vouching.after.en) == ("否", "是", "Yes")
    years = told["numbers.max_grant_years"]
    assert (years.name.zh, years.before.zh, years.after.en) == ("授权期限上限", "5 年", "3 years")
    assert (told["registration"].before.zh, told["registration"].after.zh) == ("不要求", "鼓励")
    checkers = told["checkers.3"]
    assert (checkers.before.zh, checkers.before.en) == (
        "1 人；域内计算（经审核出域）：2 人", "1 person; Enclave (reviewed specification and output): 2 people",
    )  # fmt: skip
    assert checkers.after.zh == "2 人；统计查询、差分隐私查询、核验（是／否）：1 人"
    assert items(GENERIC)["numbers.small_cell_refuses"].value.zh == "否"
    plan = told["papers.security-plan"]
    assert (plan.before.zh, plan.after.zh) == (
        "—",
        "数据安全保护方案：1 级起；可在 10 个工作日内补交；自 2026-01-01 起",
    )
    assert plan.after.en == "Security plan: from level 1; may follow within 10 working days; since 2026-01-01"
    assert told["clauses.scope"].name.zh == "必备条款：授权范围与数据目录"
    assert told["numbers.max_grant_years.source"].name.zh == "授权期限上限：来源"
    assert "papers.broken_bars_months" not in told, "what is alike is left out"
    assert differences(DISTRICT, DISTRICT) == []


def test_what_is_taken_away_is_told_as_well() -> None:
    back = {each.key: each for each in differences(DISTRICT, GENERIC)}
    assert (back["clauses.scope"].before.zh, back["clauses.scope"].after.zh) == ("授权范围与数据目录", "—")


def test_forms_are_listed_in_the_order_of_the_matrix() -> None:
    fewer = GENERIC.model_copy(update={"forms": {4: (DeliveryForm.VERIFY, DeliveryForm.QUERY_AGG)}})
    (told,) = differences(GENERIC, fewer)
    assert (told.key, told.name.zh, told.after.zh) == (
        "forms.4",
        "4 级数据：可用的交付形式",
        "统计查询、核验（是／否）",
    )


def _other(changes: dict[str, Any]) -> Profile:
    return Profile.model_validate(DISTRICT.model_dump(mode="json") | changes)


def _changed(member: str, at: int, **values: Any) -> Profile:
    listed = DISTRICT.model_dump(mode="json")
    held = listed["papers"]["items"] if member == "papers" else listed[member]
    held[at] |= values
    return Profile.model_validate(listed)


PROMISED = next(at for at, each in enumerate(DISTRICT.papers.items) if each.promise)


@pytest.mark.parametrize(
    "other",
    [
        _changed("clauses", 0, zh="另一种说法"), _changed("clauses", 0, en="Said otherwise"),
        _changed("papers", 0, zh="另一种材料"), _changed("papers", PROMISED, promise={"zh": "另一份承诺书的文字内容", "en": "Another commitment"}),
        _changed("opinions", 0, zh="另一个标题"), _changed("opinions", 0, text_zh="另一段意见文字"),
        _other({"numbers": DISTRICT.model_dump(mode="json")["numbers"] | {"max_grant_years": {"value": 3, "source": "another rule"}}}),
    ],
)  # fmt: skip
def test_other_words_under_the_same_key_are_a_difference(other: Profile) -> None:
    """The second person confirms what he is shown."""
    (told,) = differences(DISTRICT, other)
    assert told.before != told.after
