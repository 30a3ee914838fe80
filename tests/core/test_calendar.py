"""Working days as a bureau counts them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from api.house import House
from core.calendar import CalendarDayRow, UnknownYearWarning, add_working_days, is_working_day


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 14), True),  # a Saturday worked for the Spring Festival
        (date(2026, 2, 16), False),
        (date(2026, 9, 20), True),
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),
        (date(2026, 11, 23), True),
        (date(2026, 11, 22), False),
    ],
)
def test_national_calendar(house: House, day: date, works: bool) -> None:
    with house.read() as work:
        assert is_working_day(work.db, day) is works


def test_the_bureaus_own_day_overrides(house: House) -> None:
    with house.write() as work:
        work.db.add(CalendarDayRow(day=date(2026, 11, 23), is_working=False, note="台风停课停工"))
    with house.read() as work:
        assert not is_working_day(work.db, date(2026, 11, 23))
        assert add_working_days(work.db, date(2026, 11, 20), 1) == date(2026, 11, 24)


def test_a_clock_runs_over_a_long_holiday(house: House) -> None:
    with house.read() as work:
        assert add_working_days(work.db, date(2026, 9, 30), 1) == date(2026, 10, 8)


def test_a_year_without_a_table_falls_back_loudly(house: House) -> None:
    with house.read() as work, pytest.warns(UnknownYearWarning, match="2031"):
        assert is_working_day(work.db, date(2031, 1, 1))  # a Wednesday


def test_no_days_is_the_same_day_and_less_is_refused(house: House) -> None:
    with house.read() as work:
        assert add_working_days(work.db, date(2026, 10, 1), 0) == date(2026, 10, 1)
        with pytest.raises(ValueError, match="negative"):
            add_working_days(work.db, date(2026, 10, 1), -1)


@pytest.mark.shared
@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_agrees_with_the_published_holidays(house: House, shared: Path, year: int) -> None:
    days = json.loads((shared / f"data/visitors/holiday-cn_{year}.json").read_text(encoding="utf-8"))["days"]
    with house.read() as work:
        for each in days:
            assert is_working_day(work.db, date.fromisoformat(each["date"])) is not each["isOffDay"], each
