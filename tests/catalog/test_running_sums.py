"""Numbers of use in a period are those of its days, in whatever order and by whomever they were written."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Final

import pytest
from sqlmodel import select

from api.house import House
from catalog.use import service
from catalog.use.rules import KINDS, Kind
from catalog.use.tables import UseRow, UseUntilRow
from tests.catalog.records import a_dataset
from tests.people import an_org

FIRST: Final = date(2026, 1, 1)
DAYS: Final = 40
CODES: Final = ("DP-PK-001", "DP-PK-002", "DP-PK-003")


@pytest.fixture
def records(house: House) -> House:
    with house.write() as work:
        an_org(work, "traffic", kind="source_department")
        for code in CODES:
            a_dataset(work, code, "traffic", open_type="U", data_level=1)
    return house


def _expected(house: House, since: date | None, until: date | None) -> dict[str, tuple[int, ...]]:
    """Added up from the rows of the days."""
    found = {code: dict.fromkeys(KINDS, 0) for code in CODES}
    with house.read() as work:
        for row in work.db.exec(select(UseRow)):
            if (since is None or row.day >= since) and (until is None or row.day <= until):
                found[row.dataset_id][row.kind] += row.number  # type: ignore[index]
    return {code: tuple(each.values()) for code, each in found.items()}


def _told(house: House, since: date | None, until: date | None) -> dict[str, tuple[int, ...]]:
    with house.read() as work:
        lines, total, sums = service.listed(work, since=since, until=until)
        beyond = service.listed(work, since=since, until=until, offset=50)
    assert total == len(CODES)
    assert sums.visits == sum(line.visits for line in lines)
    assert beyond == ([], total, sums), "a page beyond the last tells the same sums"
    return {line.dataset_id: (line.visits, line.downloads, line.calls) for line in lines}


def test_late_and_early_days_are_all_counted(records: House) -> None:
    chance = random.Random(7)  # noqa: S311 - choices, no secret
    assert _told(records, FIRST, None) == dict.fromkeys(CODES, (0, 0, 0))
    for _ in range(25):
        with records.write() as work:
            for _ in range(6):
                kind: Kind = chance.choice(tuple(KINDS))
                day = FIRST + timedelta(days=chance.randrange(DAYS))
                service.count(
                    work, chance.choice(CODES[:2]), kind, release_id=chance.choice(("", "one", "two")), number=chance.randint(1, 9), day=day
                )  # fmt: skip
    ends = [None, date.min, date.max, *(FIRST + timedelta(days=n) for n in (0, 1, 9, 20, DAYS))]
    for since in ends:
        for until in ends:
            if since is None or until is None or since <= until:
                assert _told(records, since, until) == _expected(records, since, until), (since, until)


def test_writers_at_the_same_moment_miss_nothing(records: House) -> None:
    def write(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        for _ in range(12):
            day = FIRST + timedelta(days=chance.randrange(6))
            with records.write() as work:
                service.count(work, CODES[0], "download", release_id="one", day=day)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    for n in range(6):
        day = FIRST + timedelta(days=n)
        assert _told(records, day, day) == _expected(records, day, day)
    with records.read() as work:
        last = max(work.db.exec(select(UseUntilRow)).all(), key=lambda row: row.day)
    assert last.downloads == 48
