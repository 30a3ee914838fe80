"""What counts as a use, and as which."""

from __future__ import annotations

from datetime import date

import pytest

from catalog.use.rules import is_counted, is_person, kind_of_reading
from catalog.use.service import DayRead, first_day, months

MIB = 1024 * 1024
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("asked", "size", "kind"),
    [
        ("", 5 * MIB, "download"),
        ("", None, "download"),
        ("bytes=0-", 5 * MIB, "download"),
        ("bytes=0-99", 5 * MIB, "download"),
        ("Bytes = 0 - 99", None, "download"),
        ("bytes=-8", 5 * MIB, "call"),
        ("bytes=-65536", 5 * MIB, "call"),
        (f"bytes=-{6 * MIB}", 5 * MIB, "download"),
        (f"bytes={5 * MIB - 8}-{5 * MIB - 1}", 5 * MIB, "call"),
        (f"bytes={5 * MIB - 8}-", 5 * MIB, "call"),
        (f"bytes={5 * MIB - 900}-{5 * MIB - 9}", 5 * MIB, None),
        ("bytes=4-1000", 5 * MIB, None),
        (f"bytes={2 * MIB}-", 5 * MIB, None),
        (f"bytes={5 * MIB}-", 5 * MIB, None),
        ("bytes=-8", None, None),
        ("bytes=100-", None, None),
        ("bytes=0-1,5-9", 5 * MIB, "download"),
        ("items=1-2", 5 * MIB, "download"),
        ("bytes=-", 5 * MIB, "download"),
    ],
)
def test_a_piece_of_a_file_counts_once(asked: str, size: int | None, kind: str | None) -> None:
    assert kind_of_reading(asked, size) == kind


@pytest.mark.parametrize(
    ("agent", "purpose", "yes"),
    [
        (FIREFOX, "", True),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36", "", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 MicroMessenger/8.0", "", True),
        (FIREFOX, "prefetch", False),
        (FIREFOX, "prefetch;prerender", False),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", False),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)", "", False),
        ("Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (compatible; Bytespider)", "", False),
        ("curl/8.9.1", "", False),
        ("python-httpx/0.28", "", False),
        ("", "", False),
    ],
)  # fmt: skip
def test_people_visit_and_programs_do_not(agent: str, purpose: str, yes: bool) -> None:
    assert is_person(agent, purpose) is yes


@pytest.mark.parametrize("state", ["draft", "published", "withdrawn"])
@pytest.mark.parametrize("open_type", ["U", "C", "N", ""])
@pytest.mark.parametrize("level", [None, 1, 2, 3, 4, 5])
def test_only_published_open_data_are_counted(state: str, open_type: str, level: int | None) -> None:
    assert is_counted(state, open_type, level) is (
        state == "published" and open_type == "U" and level in (None, 1)
    )


def test_months_go_over_the_turn_of_the_year_and_tell_empty_ones() -> None:
    days = [
        DayRead(day=date(2025, 2, 28), release_id="", visits=9),  # too long ago
        DayRead(day=date(2025, 12, 31), release_id="", visits=1),
        DayRead(day=date(2026, 1, 1), release_id="a", downloads=2),
        DayRead(day=date(2026, 1, 31), release_id="b", downloads=3, calls=4),
    ]
    told = months(days, date(2026, 2, 10))
    assert [each.month for each in told][:1] + [each.month for each in told][-3:] == [
        "2025-03", "2025-12", "2026-01", "2026-02",
    ]  # fmt: skip
    assert [(each.visits, each.downloads, each.calls) for each in told[-3:]] == [
        (1, 0, 0),
        (0, 5, 4),
        (0, 0, 0),
    ]
    assert len(told) == 12
    assert first_day(date(2026, 2, 10)) == date(2025, 3, 1)
    assert first_day(date(2026, 12, 31)) == date(2026, 1, 1)


MEGA = 1024 * 1024


@pytest.mark.parametrize(
    ("asked", "size", "kind"),
    [
        ("bytes=-100", 100, "download"), ("bytes=-99", 100, "call"), ("bytes=-101", 100, "download"), ("bytes=-0", 100, "call"),
        ("bytes=-0", 1, "call"), ("bytes=5-98", 100, None), ("bytes=5-99", 100, "call"), ("bytes=5-", 100, "call"), ("bytes=5-200", 100, "call"),
        (f"bytes={MEGA}-", 2 * MEGA, "call"), (f"bytes={MEGA - 1}-", 2 * MEGA, None), (f"bytes={MEGA + 1}-", 2 * MEGA, "call"),
        ("bytes=100-", 100, None), ("bytes=99-", 100, "call"), ("bytes=0-5", 100, "download"), ("bytes=5-", None, None),
    ],
)  # fmt: skip
def test_the_last_part_of_a_parquet_file_is_how_programs_open_it(
    asked: str, size: int | None, kind: str | None
) -> None:
    assert kind_of_reading(asked, size) == kind


@pytest.mark.parametrize(("level", "counted"), [(None, True), (0, True), (1, True), (2, False)])
def test_a_record_above_level_one_is_not_counted(level: int | None, *, counted: bool) -> None:
    assert is_counted("published", "U", level) is counted
