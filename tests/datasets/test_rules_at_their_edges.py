"""Rules of sharing, sources, harvests, pushes and waivers where they turn: what is refused, what is said, what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.errors import InputRefused
from core.text import Text
from datasets.harvest.rules import difference
from datasets.push.rules import KEY, seen
from datasets.sharing.rules import Version, changes_between, page_of, version_at, version_from
from datasets.sources.rules import Schedule, schedule_words
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
