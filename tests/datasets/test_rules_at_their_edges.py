"""Rules of sharing, sources, harvests, pushes and waivers where they turn: what is refused, what is said, what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.errors import InputRefused
from core.text import Text
from datasets.harvest.rules import dataset_id_of, difference, key_of
from datasets.push.rules import KEY, seen
from datasets.sharing.rules import (
    Version,
    changes_between,
    day_of,
    page_of,
    version_at,
    version_from,
    view_id,
)
from datasets.sources.rules import Schedule, next_due, period, retry_at, schedule, schedule_words
from datasets.tickets import policy as ticket_policy
from datasets.waivers.rules import Failure, Terms, _extent, term_objections

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
THREE = [Version(n, f"r{n}", FIRST + timedelta(days=n)) for n in (1, 2, 3)]
HOLED = [each for each in THREE if each.number != 2]


def test_reading_in_place_begins_with_the_newest_version_unless_told() -> None:
    assert version_from(THREE, None) is THREE[2]
    assert version_from(THREE, THREE[1].published_at) is THREE[1]
    assert version_at(THREE, None, THREE[1].published_at) is THREE[1]
    with pytest.raises(InputRefused, match="at that time or after"):
        version_from(THREE, THREE[2].published_at + timedelta(seconds=1))


def test_changes_are_read_forwards_between_versions_that_are_all_there() -> None:
    assert changes_between(THREE, 2, None, None, None) == (THREE[0], THREE[1:])
    assert changes_between(THREE, 1, None, 1, None) == (None, THREE[:1])
    for versions, start, end, end_at, said in (
        (THREE, 1, 2, FIRST, "endingTimestamp, not both"), (THREE, 3, 2, None, "begins after its end"), (HOLED, 1, 3, None, "withdrawn or retired"),
        (HOLED, 2, 3, None, "no version 2; there are: 1, 3"),
    ):  # fmt: skip
        with pytest.raises(InputRefused, match=said):
            changes_between(versions, start, None, end, end_at)
    for none_or_both in ((None, None), (1, FIRST)):
        with pytest.raises(InputRefused, match="Give one of"):
            changes_between(THREE, *none_or_both, None, None)


def test_a_page_has_no_negative_length() -> None:
    names = [("b", 2), ("a", 1), ("c", 3)]
    assert page_of(names, 2, None) == ([1, 2], "b")
    assert page_of(names, 2, "b") == ([3], None)
    assert page_of(names, 0, None) == ([1, 2, 3], None)
    with pytest.raises(InputRefused, match="negative"):
        page_of(names, -1, None)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Schedule("manual"), "Only when asked"), (Schedule("frequency"), "By the update frequency (monthly)"),
        (Schedule("daily", at=time(6, 30)), "Daily at 06:30"), (Schedule("every", "P1M"), "monthly"),
    ],
)  # fmt: skip
def test_a_schedule_is_told_in_words(plan: Schedule, said: str) -> None:
    assert schedule_words(plan, Text("每月", "monthly")).en == said


def test_a_report_of_changes_cuts_long_texts_and_lists_and_leaves_numbers() -> None:
    old = {"title": "a", "keywords": ["x"], "level": 1, "same": 0}
    new = {"title": "b" * 301, "keywords": list("abcdefg"), "level": 2, "same": 0}
    assert difference(old, new) == {
        "title": ["a", "b" * 300 + "…"], "keywords": [["x"], ["a", "b", "c", "d", "e"]], "level": [1, 2],
    }  # fmt: skip


def test_of_a_portals_resources_those_alone_count_that_bear_our_mark() -> None:
    package = {
        "resources": [{KEY: "csv", "url": "https://here/a", "position": 3}, {"url": "https://theirs/b"}]
    }
    found = {key for key in seen(package, ()) if key.startswith("resources.")}
    assert "resources.csv.url" in found
    assert all(key.startswith("resources.csv.") for key in found)


def test_of_a_portals_extras_those_alone_count_that_are_ours() -> None:
    package = {"extras": [{"key": "guid", "value": "ours"}, {"key": "notes", "value": "theirs"}]}
    found = seen(package, {"guid"})
    assert {key: value for key, value in found.items() if key.startswith("extras.")} == {
        "extras.guid": "ours"
    }


@pytest.mark.parametrize(("severity", "objects"), [("critical", False), ("warning", False), ("info", True)])
def test_what_blocks_nothing_has_nothing_to_waive(severity: str, *, objects: bool) -> None:
    today = date(2026, 3, 2)
    terms = {
        "reason": "上游系统六月改版",
        "valid_to": today + timedelta(days=30),
        "longest_days": 90,
        "reason_min": 5,
    }
    found = term_objections(severity=severity, today=today, **terms)  # type: ignore[arg-type]
    assert [each.code for each in found] == (["nothing-to-waive"] if objects else [])


@pytest.mark.parametrize(
    ("rows", "said"),
    [(7, "7 failing rows; the waiver allows 5"), (None, "An unknown number of failing rows")],
)
def test_failing_rows_beyond_a_waiver_are_told_by_their_number_or_as_unknown(
    rows: int | None, said: str
) -> None:
    terms = Terms("w", "ACTIVE", "d", date(2026, 6, 30), "a", "b", max_count=5, max_share=None)
    (reason,) = _extent(terms, Failure("d", "critical", rows, 100, False))
    assert said in reason.text.en
    assert ("无法计数" in reason.text.zh) is (rows is None)


def test_a_policy_of_tickets_counts_from_its_very_day(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ticket_policy.policy(date.min)
    later = replace(first, effective_from=first.effective_from + timedelta(days=400))
    monkeypatch.setattr(ticket_policy, "_periods", lambda: (first, later))
    asked = (first.effective_from, later.effective_from - timedelta(days=1), later.effective_from)
    assert [ticket_policy.policy(day) for day in asked] == [first, first, later]
    assert ticket_policy.policy(first.effective_from - timedelta(days=1)) is first


def test_a_version_is_asked_for_by_number_or_by_time_and_the_first_is_named_where_none_was_there() -> None:
    with pytest.raises(InputRefused, match="version or timestamp, not both"):
        version_at(THREE, 1, FIRST)
    with pytest.raises(InputRefused, match=r"the first was published at 2026-03-03T00:00:00\+00:00"):
        version_at(THREE, None, FIRST)
    many = [Version(n, f"r{n}", FIRST) for n in range(1, 31)]
    with pytest.raises(InputRefused, match=r"no version 99; there are: 11, 12, .*, 30\."):
        version_at(many, 99, None)
    assert version_at(THREE, 2, None) is THREE[1]


def test_a_range_reaches_back_to_the_version_before_it_and_no_further() -> None:
    assert changes_between(THREE, 3, None, 3, None) == (THREE[1], [THREE[2]])
    holed = [THREE[0], *(replace_number(each) for each in THREE[1:])]
    assert changes_between(holed, 4, None, 4, None) == (holed[1], [holed[2]])
    with pytest.raises(InputRefused, match="withdrawn or retired"):
        changes_between(holed, 3, None, 4, None)
    for given in ((None, None), (1, FIRST)):
        with pytest.raises(InputRefused, match="one of startingVersion and startingTimestamp"):
            changes_between(THREE, *given, None, None)


def replace_number(version: Version) -> Version:
    """One later, so that a number is missing before it."""
    return version._replace(number=version.number + 1)


def test_a_page_goes_on_after_its_last_name_and_has_five_hundred_at_most_unless_told() -> None:
    names = [(f"n{at:04}", at) for at in range(501)]
    first, token = page_of(names, None, None)
    assert (len(first), token) == (500, "n0499")
    assert page_of(names, None, token) == ([500], None)
    assert page_of([("b", 1), ("a", 9)], 1, None) == ([9], "a")
    assert page_of([("b", 1), ("a", 9), ("ab", 2)], 2, "a") == ([2, 1], None)
    assert page_of([], 5, None) == ([], None)


def test_a_view_is_named_by_all_that_it_is_made_of() -> None:
    facts = {"release_sha256": "r", "grant_id": "g", "policy_hash": "p", "suite_id": "s"}
    names = [
        view_id(**facts), *(view_id(**facts | {key: "x"}) for key in facts), view_id(**facts, cells="c"), view_id(**facts, checkers=1),
        view_id(**facts, checkers=2), view_id(**facts, marks={"v": 0.1}), view_id(**facts, marks={"v": 0.2}),
        view_id(**facts, checkers=1, marks={"v": 0.1}),
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert all(len(name) == 64 for name in names)
    assert view_id(**facts, marks={"b": 1, "a": 2}) == view_id(**facts, marks={"a": 2, "b": 1})
    assert view_id(**facts, marks={}, checkers=0) == names[0]


def test_a_file_is_charged_once_in_a_local_day() -> None:
    assert day_of(datetime(2026, 3, 1, 15, 59, tzinfo=UTC)) == "2026-03-01"
    assert day_of(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == "2026-03-02"


def test_the_shortest_rhythm_is_a_minute_and_the_longest_wait_six_hours() -> None:
    assert [period(each) is not None for each in ("PT59S", "PT60S", "PT61S", "P0D", "P1M", "P0Y")] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    waits = [retry_at(failures, FIRST) - FIRST for failures in (1, 2, 8, 9, 40)]
    assert waits == [timedelta(minutes=each) for each in (2, 4, 256, 360, 360)]


def test_a_look_that_is_due_this_very_instant_is_over() -> None:
    hourly, hour = Schedule("every", "PT1H"), timedelta(hours=1)
    assert next_due(hourly, None, FIRST - hour, FIRST) == FIRST + hour
    assert next_due(hourly, None, FIRST - hour / 2, FIRST) == FIRST + hour / 2
    assert next_due(hourly, None, FIRST - 5 * hour, FIRST) == FIRST + hour
    daily = Schedule("daily", at=time(8, 0))  # FIRST is eight o'clock by local time
    assert next_due(daily, None, None, FIRST) == FIRST + timedelta(days=1)
    assert next_due(daily, None, None, FIRST - timedelta(seconds=1)) == FIRST


def test_what_is_no_schedule_is_repeated_by_its_first_sixty_letters() -> None:
    with pytest.raises(InputRefused) as caught:
        schedule("x" * 61)
    assert all(f"“{'x' * 60}”" in told for told in (caught.value.detail.zh, caught.value.detail.en))
    for said in ("manual now", "frequency 2", "every PT1S", "daily 24:00", "daily", ""):
        with pytest.raises(InputRefused):
            schedule(said)


def test_a_foreign_record_has_one_code_for_life_and_a_number_in_a_later_one() -> None:
    key = key_of("urn:1")
    code = dataset_id_of("source", key, 1)
    assert (len(key), len(code), code[0], code) == (64, 25, "H", code.upper())
    assert dataset_id_of("source", key, 2) == f"{code}-2"
    assert dataset_id_of("source", key, 3) == f"{code}-3"
    assert len({code, dataset_id_of("other", key, 1), dataset_id_of("source", key_of("urn:2"), 1)}) == 3
    assert difference({}, {"a": "x" * 300})["a"] == [None, "x" * 300]
