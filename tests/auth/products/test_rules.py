"""Free where it serves the public, never above the cap, built on one's own grants within their scenario."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from auth.products.rules import (
    CHECKS,
    Cap,
    Source,
    agreed_objections,
    cap_of,
    price_objections,
    product_objections,
    sold_objections,
    yuan,
)

CAPS = (
    Cap("*", "times", 100, date(2026, 1, 1)),
    Cap("safety", "times", 50, date(2026, 3, 1)),
    Cap("safety", "times", 60, date(2026, 6, 1)),
    Cap("parking", "product", 10, date(2026, 1, 1)),
)


@pytest.mark.parametrize(
    ("scenario", "unit", "day", "expected"),
    [
        ("safety", "times", date(2026, 2, 1), 100), ("safety", "times", date(2026, 3, 1), 50),
        ("safety", "times", date(2026, 6, 1), 60), ("weather", "times", date(2026, 6, 1), 100),
        ("safety", "times", date(2025, 12, 31), None), ("safety", "product", date(2026, 6, 1), None),
    ],
)  # fmt: skip
def test_the_scenarios_own_and_newest_cap_counts(
    scenario: str, unit: str, day: date, expected: int | None
) -> None:
    found = cap_of(CAPS, scenario, unit, day)
    assert (found.cap_fen if found else None) == expected


@pytest.mark.parametrize(
    ("price", "is_public", "cap", "code"),
    [
        (price, is_public, cap, _code)
        for price, is_public, cap in product((0, 50, 51), (True, False), (None, 50))
        for _code in (
            "" if price == 0 else "public-is-free" if is_public else "no-fee-cap" if cap is None
            else "price-above-cap" if price > cap else "",
        )
    ],
)  # fmt: skip
def test_prices(price: int, is_public: bool, cap: int | None, code: str) -> None:
    held = Cap("*", "times", cap, date(2026, 1, 1)) if cap is not None else None
    assert [r.code for r in price_objections(price, is_public=is_public, cap=held)] == (
        [code] if code else []
    )


@pytest.mark.parametrize(
    ("price", "unit", "codes"),
    [(50, "times", []), (51, "times", ["price-above-agreed"]), (11, "product", ["price-above-agreed"]), (99, "period", [])],
)  # fmt: skip
def test_an_agreed_price_rule_binds_its_own_unit(price: int, unit: str, codes: list[str]) -> None:
    assert [each.code for each in agreed_objections(price, unit, [CAPS[1], CAPS[3]])] == codes


GOOD = Source("g", "insurer", "safety", ("risk-pricing",), True)


@pytest.mark.parametrize(
    ("sources", "checks", "codes"),
    [
        ([GOOD], list(CHECKS), []),
        ([], list(CHECKS), ["no-source"]),
        ([Source("g", "mapper", "safety", ("risk-pricing",), True)], list(CHECKS), ["grant-of-another"]),
        ([Source("g", "insurer", "safety", ("risk-pricing",), False)], list(CHECKS), ["grant-not-effective"]),
        ([Source("g", "insurer", "parking", ("risk-pricing",), True)], list(CHECKS), ["outside-the-scenario"]),
        ([Source("g", "insurer", "safety", ("research",), True)], list(CHECKS), ["outside-the-scenario"]),
        ([Source("g", "insurer", "safety", ("risk-pricing",), True, False)], list(CHECKS), ["file-not-delivered"]),
        ([GOOD], list(CHECKS)[1:], ["check-not-affirmed"]),
        ([], [], ["no-source", *["check-not-affirmed"] * len(CHECKS)]),
    ],
)  # fmt: skip
def test_products(sources: list[Source], checks: list[str], codes: list[str]) -> None:
    assert [r.code for r in product_objections("insurer", "safety", "risk-pricing", sources, checks)] == codes


def test_money_is_written_as_people_write_it() -> None:
    said = {0: "0.00", 5: "0.05", 99: "0.99", 100: "1.00", 1234: "12.34", -205: "-2.05", 1234567: "12345.67"}
    assert {fen: yuan(fen) for fen in said} == said


@pytest.mark.parametrize(
    ("first", "said"), [(None, "has counted yet"), (date(2026, 3, 3), "counts from 2026-03-03 on")]
)
def test_nothing_is_charged_before_a_grant_counted(first: date | None, said: str) -> None:
    (found,) = sold_objections(date(2026, 3, 2), first, [])
    assert (found.code, said in found.text.en) == ("product-not-sold-then", True)
    assert "None" not in found.text.zh


@pytest.mark.parametrize(
    ("last_days", "named"),
    [
        ([], None),
        ([date(2026, 3, 2)], None),
        ([date(2026, 3, 1)], "2026-03-01"),
        ([date(2026, 3, 1), date(2026, 2, 1), date(2026, 4, 1)], "2026-02-01"),
    ],
)
def test_nothing_is_charged_after_the_first_of_the_last_days(
    last_days: list[date], named: str | None
) -> None:
    found = sold_objections(date(2026, 3, 2), date(2026, 3, 2), last_days)
    assert [each.code for each in found] == (["product-not-sold-then"] if named else [])
    assert all(str(named) in each.text.en for each in found)
