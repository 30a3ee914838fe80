"""A derived product is graded anew, its places are checked, it is registered where that is compelled; four ticks say how it stands."""

from __future__ import annotations

from itertools import product

import pytest

from auth.products.rules import (
    CHECKS,
    TICKS,
    Grading,
    Source,
    grading_objections,
    registration_objections,
    ticks,
)

REASON = "按街道按月汇总，单元不小于十"


def source(level: int = 2, *, has_places: bool = False, is_effective: bool = True) -> Source:
    return Source("g", "insurer", "safety", ("risk-pricing",), is_effective, None, level, has_places)


def codes(level: int | None, reason: str, surveying: str, *sources: Source) -> list[str]:
    return [each.code for each in grading_objections(Grading(level, reason, surveying), sources)]


@pytest.mark.parametrize(
    ("level", "highest", "reason"),
    list(product((1, 2, 3, 4, 5, 6), (1, 2, 3, 4), ("", "九个字不够多呀嗯", REASON))),
)
def test_the_stricter_level_counts_and_a_lower_one_says_why(level: int, highest: int, reason: str) -> None:
    expected = []
    if level >= 5:
        expected = ["product-level-barred"]
    elif level < highest and reason != REASON:
        expected = ["grade-below-source"]
    assert codes(level, reason, "", source(1), source(highest)) == expected


def test_ten_characters_are_a_reason_and_nine_are_none() -> None:
    assert codes(1, "一二三四五六七八九十", "", source(2)) == []
    assert codes(1, " 一二三四五六七八九 ", "", source(2)) == ["grade-below-source"]
    assert codes(None, REASON, "", source(1)) == ["product-not-graded"]
    assert codes(1, "", "") == []


@pytest.mark.parametrize(
    ("has_places", "surveying", "expected"),
    [(False, "", []), (True, "粤S(2026)01", []), (True, " ", ["surveying-check-missing"])],
)
def test_geographic_sources_want_a_surveying_check(
    *, has_places: bool, surveying: str, expected: list[str]
) -> None:
    assert codes(2, "", surveying, source(), source(has_places=has_places)) == expected


@pytest.mark.parametrize(
    ("mode", "code"), list(product(("off", "encouraged", "required"), ("", "SZ-2026-1")))
)
def test_registration_binds_where_the_profile_says_so(mode: str, code: str) -> None:
    found = [each.code for each in registration_objections(mode, code)]  # type: ignore[arg-type]
    assert found == (["product-not-registered"] if (mode, code) == ("required", "") else [])


GOOD = Grading(2, "", "")


@pytest.mark.parametrize(
    ("sources", "traced", "affirmed", "given", "code", "met"),
    [
        ([source()], [True], [*CHECKS], GOOD, "x", {"source", "scope", "process", "risk"}),
        ([source()], [False], [*CHECKS], GOOD, "x", {"source", "scope", "risk"}),
        ([source(), source()], [True, False], [*CHECKS], GOOD, "x", {"source", "scope", "risk"}),
        ([source(), source(is_effective=False)], [True, True], [*CHECKS], GOOD, "x", {"source", "process", "risk"}),
        ([source()], [True], [*CHECKS][1:], GOOD, "x", {"source", "scope", "process"}),
        ([source(3)], [True], [*CHECKS], GOOD, "x", {"source", "scope", "process"}),
        ([source()], [True], [*CHECKS], GOOD, "", {"source", "scope", "process"}),
        ([], [], [*CHECKS], GOOD, "x", {"risk"}),
    ],
)  # fmt: skip
def test_four_ticks(
    sources: list[Source], traced: list[bool], affirmed: list[str], given: Grading, code: str, met: set[str]
) -> None:
    found = ticks(sources, traced, affirmed, given, registration_objections("required", code))
    assert [each.key for each in found] == list(TICKS)
    assert {each.key for each in found if each.is_met} == met
    assert all(each.why.zh and each.why.en for each in found)
