"""Moments in the search language of CKAN."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from catalog.ckan.errors import CkanError
from catalog.ckan.moments import moment

NOW = datetime(2026, 3, 31, 15, 20, 30, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("NOW", "2026-03-31T15:20:30.123456"), ("NOW-7DAYS", "2026-03-24T15:20:30.123456"), ("NOW-1MONTH", "2026-02-28T15:20:30.123456"),
        ("NOW/DAY", "2026-03-31T00:00:00"), ("NOW/YEAR", "2026-01-01T00:00:00"), ("NOW/MONTH+1MONTH", "2026-04-01T00:00:00"),
        ("NOW-2HOURS/HOUR", "2026-03-31T13:00:00"), ("NOW/MILLISECOND", "2026-03-31T15:20:30.123000"), ("NOW+1WEEK", "2026-04-07T15:20:30.123456"),
        ("2024-02-29T00:00:00Z+1YEAR", "2025-02-28T00:00:00"), ("2024-02-29T01:02:03Z", "2024-02-29T01:02:03"), ("2024-02-29", "2024-02-29T00:00:00"),
        ("2024-02-29T08:00:00+08:00", "2024-02-29T00:00:00"),
    ],
)  # fmt: skip
def test_sums_of_solr(told: str, means: str) -> None:
    assert moment(told, NOW) == datetime.fromisoformat(means).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "told", ["", "now", "NOW-", "NOW-7", "NOW-7PARSECS", "NOW/WEEK", "NOW-999999YEARS", "NOW-9999YEARS", "NOW NOW", "yesterday", "2024-13-01", "0001-01-01"]
)  # fmt: skip
def test_what_is_no_moment_is_named(told: str) -> None:
    with pytest.raises(CkanError, match="Invalid Date String"):
        moment(told, NOW)
