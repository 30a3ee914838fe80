"""Every anomaly rule at its limit and one below it, within and outside its window, and after a person has closed a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.anomalies.config import NUMBER_NAMES, shipped
from auth.anomalies.rules import (
    ACTION_NAMES,
    JUDGES,
    NEEDS_FILTERS,
    Action,
    Rule,
    Seen,
    Watched,
    judge,
    key_spans,
    shape,
)
from auth.policy.filters.model import parse

NOW = datetime(2026, 6, 10, 4, 0, tzinfo=UTC)  # noon by local time
NIGHT = datetime(2026, 6, 9, 15, 0, tzinfo=UTC)  # 23:00
GRANT = Watched(NOW - timedelta(days=100), NOW + timedelta(days=265), {})


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def asked(value: Any, op: str = "eq", column: str = "key") -> Any:
    return parse({"op": op, "column": column, "value": value})


def request(at: datetime, wanted: Any = None, columns: Sequence[str] = ("a",)) -> Seen:
    return Seen(at, "charge", extracts=1, columns=tuple(columns), asked=wanted)


def days(rows: Sequence[int], today: int) -> list[Seen]:
    past = [Seen(ago(days=n + 1), "delivery", rows=count) for n, count in enumerate(rows)]
    return [*past, Seen(ago(hours=1), "delivery", rows=today)]


def downloads(networks: int, at: datetime = NOW, subject: str = "x") -> list[Seen]:
    return [Seen(at, "download", subject, f"10.0.{n}.0/24") for n in range(networks)]


def refusals(times: int, seconds: float, last: datetime = NOW) -> list[Seen]:
    return [Seen(last - timedelta(seconds=seconds * n), "refused") for n in range(times)]


def walk(steps: int, first: int = 1, stride: int = 1) -> list[Seen]:
    return [request(ago(minutes=n), asked(first + n * stride)) for n in range(steps)]


TABLE: list[tuple[str, Rule, list[Seen], int | None]] = [
    ("volume at five times the median", Rule.VOLUME, days([400] * 5, 2000), None),
    ("volume above it", Rule.VOLUME, days([400] * 5, 2001), 2001),
    ("volume with too few days before", Rule.VOLUME, days([400] * 4, 9999), None),
    ("volume small in rows", Rule.VOLUME, days([10] * 9, 1000), None),
    ("volume one outlier does not move the median", Rule.VOLUME, days([400, 400, 400, 400, 90000], 2001), 2001),
    ("volume counts deliveries alone", Rule.VOLUME,
     [*days([400] * 5, 0), Seen(NOW, "refund", rows=9999), Seen(NOW, "download", rows=9999)], None),
    ("nights, four", Rule.OFF_HOURS, [request(NIGHT)] * 4, None),
    ("nights, five", Rule.OFF_HOURS, [request(NIGHT)] * 4 + [Seen(NIGHT, "download")], 5),
    ("nights, deliveries are the service's own", Rule.OFF_HOURS, [Seen(NIGHT, "delivery")] * 9, None),
    ("nights, a day and more ago", Rule.OFF_HOURS, [request(NIGHT - timedelta(days=1))] * 9, None),
    ("by day", Rule.OFF_HOURS, [request(ago(hours=1))] * 9, None),
    ("at six it is day", Rule.OFF_HOURS, [request(datetime(2026, 6, 9, 22, 0, tzinfo=UTC))] * 9, None),
    ("before six it is night", Rule.OFF_HOURS, [request(datetime(2026, 6, 9, 21, 59, tzinfo=UTC))] * 9, 9),
    ("nine refusals", Rule.DENIED_BURST, refusals(9, 1), None),
    ("ten refusals", Rule.DENIED_BURST, refusals(10, 1), 10),
    ("ten refusals spread over ten minutes", Rule.DENIED_BURST, refusals(10, 67), None),
    ("ten within ten minutes, hours ago", Rule.DENIED_BURST, refusals(10, 60, ago(hours=9)), 10),
    ("a burst of the day before yesterday", Rule.DENIED_BURST, refusals(30, 1, ago(days=2)), None),
    ("19 filters", Rule.SIMILAR_FILTERS, [request(NOW, asked(f"q{n * 7}")) for n in range(19)], None),
    ("20 filters", Rule.SIMILAR_FILTERS, [request(NOW, asked(f"q{n * 7}")) for n in range(20)], 20),
    ("one filter twenty times", Rule.SIMILAR_FILTERS, [request(NOW, asked("q"))] * 20, None),
    ("20 filters over different columns", Rule.SIMILAR_FILTERS,
     [request(NOW, asked(n, column=f"c{n}")) for n in range(20)], None),
    ("20 requests without filter", Rule.SIMILAR_FILTERS, [request(NOW)] * 20, None),
    ("a walk of 19", Rule.SEQUENTIAL_KEYS, walk(19), None),
    ("a walk of 20", Rule.SEQUENTIAL_KEYS, walk(20), 20),
    ("every second key is no walk", Rule.SEQUENTIAL_KEYS, walk(30, stride=2), None),
    ("a walk in words", Rule.SEQUENTIAL_KEYS, [request(NOW, asked(f"V{n:04d}")) for n in range(20)], 20),
    ("a walk in any order", Rule.SEQUENTIAL_KEYS, [request(NOW, asked(n * 7 % 20)) for n in range(20)], 20),
    ("two prefixes are two walks", Rule.SEQUENTIAL_KEYS,
     [request(NOW, asked(f"{'AB'[n > 9]}{n}")) for n in range(20)], None),
    ("day after day is no walk", Rule.SEQUENTIAL_KEYS,
     [request(NOW, asked(f"2026-05-{n + 1:02d}")) for n in range(25)], None),
    ("the same key again", Rule.SEQUENTIAL_KEYS, [request(NOW, asked(5))] * 40, None),
    ("ranges that meet", Rule.SEQUENTIAL_KEYS,
     [request(NOW, parse({"op": "between", "column": "k", "low": n * 100, "high": n * 100 + 99})) for n in range(20)], 20),
    ("ranges by their edges", Rule.SEQUENTIAL_KEYS,
     [request(NOW, parse({"op": "and", "args": [
         {"op": "ge", "column": "k", "value": n * 10}, {"op": "lt", "column": "k", "value": n * 10 + 10}]})) for n in range(20)], 20),
    ("one list of many keys is one request", Rule.SEQUENTIAL_KEYS,
     [request(NOW, parse({"op": "in", "column": "k", "values": list(range(500))}))], None),
    ("three networks", Rule.MANY_ADDRESSES, downloads(3), None),
    ("four networks", Rule.MANY_ADDRESSES, downloads(4), 4),
    ("four downloads to one network", Rule.MANY_ADDRESSES, downloads(1) * 4, None),
    ("two files to two networks each", Rule.MANY_ADDRESSES, downloads(2) + downloads(2, subject="y"), None),
    ("four networks over two days", Rule.MANY_ADDRESSES, downloads(3) + downloads(9, ago(days=1)), None),
    ("no lines", Rule.VOLUME, [], None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "lines", "seen"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_rules_at_and_below_their_limits(rule: Rule, lines: list[Seen], seen: int | None) -> None:
    found = judge(rule, GRANT, lines, NOW, shipped()[rule].numbers)
    assert (found and found.seen) == seen
    if found:
        assert found.rule is rule
        assert found.seen >= found.limit
        assert str(found.seen) in found.text.zh
        assert str(found.seen) in found.text.en


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.EARLY_QUOTA])
def test_what_a_person_has_looked_at_does_not_count_again(rule: Rule) -> None:
    hits = [lines for _, each, lines, seen in TABLE if each is rule and seen]
    for lines in hits:
        assert judge(rule, GRANT, lines, NOW, shipped()[rule].numbers, since=ago(days=3))
        assert judge(rule, GRANT, lines, NOW, shipped()[rule].numbers, since=NOW) is None


@pytest.mark.parametrize(
    ("day", "used", "quota", "seen"),
    [(9, 91, 100, 91), (9, 90, 100, None), (10, 100, 100, None), (0, 1, 0, 100), (9, 0, 0, None), (9, 95, 100, 95),
     (9, 999, 1000, 99), (9.95, 91, 100, 91), (9, 900, 1000, None)],
)  # fmt: skip
def test_a_quota_used_up_early(day: float, used: int, quota: int, seen: int | None) -> None:
    watched = Watched(ago(days=day), ago(days=day) + timedelta(days=100), {"rows": (used, quota)})
    numbers = shipped()[Rule.EARLY_QUOTA].numbers
    found = judge(Rule.EARLY_QUOTA, watched, [], NOW, numbers)
    assert (found and found.seen) == seen
    assert judge(Rule.EARLY_QUOTA, watched, [], NOW, numbers, since=NOW) is None, "said once"


def test_night_hours_that_do_not_pass_midnight() -> None:
    numbers = {**shipped()[Rule.OFF_HOURS].numbers, "from_hour": 12, "to_hour": 14}
    assert judge(Rule.OFF_HOURS, GRANT, [request(NOW)] * 5, NOW, numbers)
    assert not judge(Rule.OFF_HOURS, GRANT, [request(NIGHT)] * 5, NOW, numbers)


def test_every_rule_is_shipped_with_a_source_and_names_for_its_numbers() -> None:
    assert set(shipped()) == set(Rule) == set(JUDGES)
    for setting in shipped().values():
        assert setting.source
        assert set(setting.numbers) <= set(NUMBER_NAMES)


@pytest.mark.parametrize(
    ("tree", "spans"),
    [
        ({"op": "eq", "column": "k", "value": True}, []),
        ({"op": "eq", "column": "k", "value": 1.5}, []),
        ({"op": "ne", "column": "k", "value": 1}, []),
        ({"op": "is_null", "column": "k"}, []),
        ({"op": "eq", "column": "k", "value": "none"}, []),
        ({"op": "in", "column": "k", "values": ["A1", "B2"]}, []),
        ({"op": "gt", "column": "k", "value": 4}, []),
        ({"op": "in", "column": "k", "values": ["A1", "A9"]}, [("k\0A", 1, 9)]),
        ({"op": "and", "args": [{"op": "gt", "column": "k", "value": 4}, {"op": "le", "column": "k", "value": 9}]}, [("k\0", 5, 9)]),
        ({"op": "and", "args": [{"op": "ge", "column": "k", "value": 4}, {"op": "lt", "column": "k", "value": 9}]}, [("k\0", 4, 8)]),
        ({"op": "and", "args": [{"op": "ge", "column": "k", "value": "A4"}, {"op": "lt", "column": "k", "value": "B9"}]}, []),
        ({"op": "or", "args": [{"op": "eq", "column": "k", "value": 4}]}, []),
    ],
)  # fmt: skip
def test_the_keys_a_filter_asks_for(tree: Any, spans: list[tuple[str, int, int]]) -> None:
    assert list(key_spans(parse(tree))) == spans


def test_a_shape_has_no_values() -> None:
    one = parse({"op": "not", "arg": {"op": "and", "args": [{"op": "is_null", "column": "b"}, {"op": "eq", "column": "a", "value": "secret"}]}})  # fmt: skip
    two = parse({"op": "not", "arg": {"op": "and", "args": [{"op": "eq", "column": "a", "value": "other"}, {"op": "is_null", "column": "b"}]}})  # fmt: skip
    assert shape(one) == shape(two) == "not(and(eq:a,is_null:b))"


def set_to(rule: Rule, **numbers: int) -> dict[str, int]:
    return {**shipped()[rule].numbers, **numbers}


@pytest.mark.parametrize("rule", list(Rule))
def test_where_nothing_happened_nothing_is_found_however_low_the_limit(rule: Rule) -> None:
    lowest = set_to(rule, least=1, least_days=0 if rule is not Rule.VOLUME else 1)
    assert judge(rule, GRANT, [], NOW, lowest) is None


def test_what_is_no_request_and_what_went_nowhere_counts_for_nothing() -> None:
    """A file made later repeats its request's filter; a download without a known network is no network."""
    made = [Seen(ago(minutes=n), "delivery", asked=asked(n)) for n in range(5)]
    for rule in NEEDS_FILTERS:
        assert judge(rule, GRANT, made, NOW, set_to(rule, least=2)) is None
    unknown = [Seen(NOW, "download", "x"), Seen(NOW, "refused", "x", "10.0.0.0/24")]
    assert judge(Rule.MANY_ADDRESSES, GRANT, unknown, NOW, set_to(Rule.MANY_ADDRESSES, least=1)) is None
    line = Seen(NOW, "charge")
    assert (line.is_request, line.rows, line.extracts) == (False, 0, 0)
    assert [Seen(NOW, kind, extracts=1).is_request for kind in ("charge", "delivery", "refund")] == [True, True, False]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "seen"),
    [((0, 10), 1), ((0, 9.9), 2), ((0, 5, 10, 11), 3), ((0, 1, 2, 10), 3), ((0,), 1)],
)
def test_a_burst_is_what_falls_within_the_window_its_end_left_out(
    minutes: tuple[float, ...], seen: int
) -> None:
    lines = [Seen(ago(hours=1) + timedelta(minutes=each), "refused") for each in minutes]
    found = judge(Rule.DENIED_BURST, GRANT, lines, NOW, set_to(Rule.DENIED_BURST, least=1, within_minutes=10))
    assert found is not None
    assert found.seen == seen


@pytest.mark.parametrize(
    ("spans", "seen"),
    [(((1, 5), (6, 9)), 2), (((1, 5), (5, 9)), 2), (((1, 5), (5, 5)), 1), (((1, 5), (6, 6)), 2),
     (((1, 5), (7, 9)), 1), (((1, 5), (2, 5), (6, 9), (10, 12)), 3), (((1, 2), (3, 9), (5, 9), (10, 12)), 3)],
)  # fmt: skip
def test_a_chain_goes_on_where_a_span_ends_or_right_after(
    spans: tuple[tuple[int, int], ...], seen: int
) -> None:
    lines = [
        request(NOW, parse({"op": "between", "column": "k", "low": low, "high": high})) for low, high in spans
    ]
    found = judge(Rule.SEQUENTIAL_KEYS, GRANT, lines, NOW, set_to(Rule.SEQUENTIAL_KEYS, least=1))
    assert found is not None
    assert found.seen == seen
    assert "沿“k”列" in found.text.zh
    assert "along the column k (" in found.text.en


@pytest.mark.parametrize(
    ("begins", "ends", "hour", "is_night"),
    [(22, 6, 22, True), (22, 6, 21, False), (22, 6, 5, True), (22, 6, 6, False),
     (12, 14, 12, True), (12, 14, 11, False), (12, 14, 13, True), (12, 14, 14, False), (7, 7, 7, False), (7, 7, 8, False)],
)  # fmt: skip
def test_the_first_hour_of_the_night_belongs_to_it_and_the_last_does_not(
    begins: int, ends: int, hour: int, is_night: bool
) -> None:
    at = datetime(2026, 6, 9, 16, 0, tzinfo=UTC) + timedelta(hours=hour)  # midnight by local time
    numbers = set_to(Rule.OFF_HOURS, least=1, from_hour=begins, to_hour=ends, window_minutes=1440)
    found = judge(Rule.OFF_HOURS, GRANT, [request(at)], at + timedelta(minutes=1), numbers)
    assert (found is not None) is is_night


def test_a_line_of_the_very_instant_of_closing_is_settled() -> None:
    for rule in Rule:
        for lines in [lines for _, each, lines, seen in TABLE if each is rule and seen]:
            last = max(line.at for line in lines)
            assert judge(rule, GRANT, lines, NOW, shipped()[rule].numbers, since=last) is None


def test_filters_are_read_for_the_rules_that_find_nothing_without_them() -> None:
    blind = {
        rule
        for _, rule, lines, seen in TABLE
        if seen and not judge(rule, GRANT, [replace(line, asked=None) for line in lines], NOW, shipped()[rule].numbers)
    }  # fmt: skip
    assert blind == NEEDS_FILTERS
    assert set(ACTION_NAMES) == set(Action)
