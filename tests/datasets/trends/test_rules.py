"""Which days stand for a month, and what releases were worth at a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime

from datasets.trends.rules import MOST_MONTHS, InForce, Means, at, by_month, mean, month_ends


def test_month_ends_are_those_that_are_over_and_the_newest_ones() -> None:
    assert month_ends(date(2026, 1, 31), date(2026, 3, 31)) == [date(2026, 1, 31), date(2026, 2, 28)]
    assert month_ends(date(2026, 3, 1), date(2026, 3, 31)) == []
    assert month_ends(date(2026, 3, 1), date(2026, 4, 1)) == [date(2026, 3, 31)]
    many = month_ends(date(2010, 1, 1), date(2026, 3, 1))
    assert (len(many), many[-1]) == (MOST_MONTHS, date(2026, 2, 28))


def test_last_known_day_stands_for_its_month() -> None:
    days = [date(2026, 1, 3), date(2026, 1, 2), date(2026, 2, 1), date(2025, 1, 30)]
    assert by_month(days) == {date(2026, 1, 3), date(2026, 2, 1), date(2025, 1, 30)}


def test_means_are_of_what_was_in_force_and_known() -> None:
    def moment(day: int) -> datetime:
        return datetime(2026, 1, day, tzinfo=UTC)

    held = [InForce(moment(1), moment(5), 80, 100), InForce(moment(5), None, 90, None), InForce(moment(2), moment(3), None, 50)]  # fmt: skip
    assert at(moment(2), held) == Means(2, 80, 75)
    assert at(moment(5), held) == Means(1, 90, None)
    assert at(datetime(2025, 1, 1, tzinfo=UTC), held) == Means(0, None, None)
    assert mean([]) is None
