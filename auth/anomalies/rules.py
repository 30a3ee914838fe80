"""What is out of the ordinary, as pure functions over one grant's lines of the ledger. Each says what it saw and what its limit is.

A rule counts only lines after `since`: what a person has looked at does not count against the grant again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final, assert_never

from auth.policy.filters.model import All, Any_, Between, Compare, In, IsNull, Not, RowFilter, Scalar
from auth.policy.filters.rules import LOCAL
from core.text import Text, number_of


class Rule(StrEnum):
    VOLUME = "volume"
    OFF_HOURS = "off_hours"
    DENIED_BURST = "denied_burst"
    SIMILAR_FILTERS = "similar_filters"
    SEQUENTIAL_KEYS = "sequential_keys"
    EARLY_QUOTA = "early_quota"
    MANY_ADDRESSES = "many_addresses"


class Action(StrEnum):
    """What follows from a finding. `off`: the rule is not applied."""

    OFF = "off"
    ALERT = "alert"
    THROTTLE = "throttle"
    SUSPEND = "suspend"


ACTION_NAMES: Final[Mapping[Action, Text]] = {
    Action.OFF: Text("停用", "Off"),
    Action.ALERT: Text("告警", "Alert"),
    Action.THROTTLE: Text("限速", "Throttle"),
    Action.SUSPEND: Text("暂停授权", "Suspend the grant"),
}
Numbers = Mapping[str, int]


REQUESTS: Final = ("charge", "delivery")
"""Kinds of ledger lines that are requests where they take an extract from the quota."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the ledger as the rules read it. `asked`: the request's filter, where it is known."""

    at: datetime
    kind: str
    subject: str = ""
    origin: str = ""
    extracts: int = 0
    rows: int = 0
    columns: tuple[str, ...] = ()
    asked: RowFilter | None = None

    @property
    def is_request(self) -> bool:
        """Whether somebody asked: an extract, whose file comes later, or a query, preview or view's reading, delivered at once."""
        return self.kind in REQUESTS and self.extracts > 0


@dataclass(frozen=True, slots=True)
class Watched:
    """The grant: its period, and of each limited unit what was used and what is allowed."""

    starts_at: datetime
    ends_at: datetime
    quotas: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule saw: `seen` reached its `limit`. The text is what people are told."""

    rule: Rule
    seen: int
    limit: int
    text: Text


Judge = Callable[[Watched, Sequence[Seen], datetime, Numbers], Found | None]


def _recent(lines: Sequence[Seen], now: datetime, numbers: Numbers) -> list[Seen]:
    after = now - timedelta(minutes=numbers["window_minutes"])
    return [line for line in lines if line.at > after]


def volume(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """Rows delivered this local day against the median of the days before on which anything was delivered."""
    days: Counter[date] = Counter()
    for line in lines:
        if line.kind == "delivery":
            days[line.at.astimezone(LOCAL).date()] += line.rows
    today = now.astimezone(LOCAL).date()
    before = [
        rows for day, rows in days.items() if today - timedelta(days=numbers["history_days"]) <= day < today
    ]
    if len(before) < numbers["least_days"]:
        return None
    usual = int(median(before))
    limit = max(usual * numbers["times"], numbers["least_rows"])
    if days[today] <= limit:
        return None
    text = Text(
        f"当日交付 {days[today]} 行，超过此前 {len(before)} 个取数日中位数 {usual} 行的 {numbers['times']} 倍。",
        f"{number_of(days[today], 'rows')} delivered today; more than {number_of(numbers['times'], 'times')} the median of {usual} over {number_of(len(before), 'earlier days')}.",
    )
    return Found(Rule.VOLUME, days[today], limit, text)


def off_hours(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """Requests and downloads at night. Files made by the service's own work do not count."""
    begins, ends = numbers["from_hour"], numbers["to_hour"]

    def is_night(line: Seen) -> bool:
        hour = line.at.astimezone(LOCAL).hour
        return hour >= begins or hour < ends if begins > ends else begins <= hour < ends

    times = sum(
        (line.is_request or line.kind == "download") and is_night(line)
        for line in _recent(lines, now, numbers)
    )
    if times < numbers["least"]:
        return None
    text = Text(
        f"{begins} 时至 {ends} 时之间申请或下载 {times} 次（阈值 {numbers['least']}）。",
        f"{number_of(times, 'requests')} and downloads between {begins}:00 and {ends}:00 (limit {numbers['least']}).",
    )
    return Found(Rule.OFF_HOURS, times, numbers["least"], text)


def denied_burst(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """The most refusals that fall within the window, wherever it lies."""
    at = sorted(line.at for line in _recent(lines, now, numbers) if line.kind == "refused")
    width, most, first = timedelta(minutes=numbers["within_minutes"]), 0, 0
    for last, instant in enumerate(at):
        while instant - at[first] >= width:
            first += 1
        most = max(most, last - first + 1)
    if most < numbers["least"]:
        return None
    text = Text(
        f"{numbers['within_minutes']} 分钟内被拒绝 {most} 次（阈值 {numbers['least']}）。",
        f"{number_of(most, 'refusals')} within {number_of(numbers['within_minutes'], 'minutes')} (limit {numbers['least']}).",
    )
    return Found(Rule.DENIED_BURST, most, numbers["least"], text)


def similar_filters(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """Different filters that are the same but for their values, over the same columns. The same filter again is no new one."""
    kinds: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for line in _recent(lines, now, numbers):
        if line.is_request and line.asked is not None:
            kinds[(shape(line.asked), tuple(sorted(line.columns)))].add(line.asked.model_dump_json())
    most = max((len(each) for each in kinds.values()), default=0)
    if most < numbers["least"]:
        return None
    text = Text(
        f"{most} 次申请的筛选条件仅取值不同（阈值 {numbers['least']}）。",
        f"{number_of(most, 'requests')} whose filters differ in their values alone (limit {numbers['least']}).",
    )
    return Found(Rule.SIMILAR_FILTERS, most, numbers["least"], text)


def sequential_keys(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """The longest chain of requests, each taking up where another left off along one column."""
    spans: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for line in _recent(lines, now, numbers):
        if line.is_request and line.asked is not None:
            for key, low, high in key_spans(line.asked):
                spans[key].add((low, high))
    longest, along = max(((_chain(sorted(each)), key) for key, each in spans.items()), default=(0, ""))
    if longest < numbers["least"]:
        return None
    column = along.partition("\0")[0]
    text = Text(
        f"{longest} 次申请沿“{column}”列依次相接（阈值 {numbers['least']}）。",
        f"{number_of(longest, 'requests')} follow one another along the column {column} (limit {numbers['least']}).",
    )
    return Found(Rule.SEQUENTIAL_KEYS, longest, numbers["least"], text)


def _chain(spans: Sequence[tuple[int, int]]) -> int:
    """How many of the spans (one at least) the longest chain has; the next begins where one ends, or right after."""
    ends: dict[int, int] = {}
    for low, high in spans:
        length = 1 + max(ends.get(low - 1, 0), ends.get(low, 0) if high > low else 0)
        ends[high] = max(ends.get(high, length), length)
    return max(ends.values())


def early_quota(watched: Watched, _: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """Nearly all of a quota gone while the period has hardly begun."""
    passed, period = now - watched.starts_at, watched.ends_at - watched.starts_at
    if passed * 100 >= period * numbers["period_percent"]:
        return None
    for unit, (used, quota) in watched.quotas.items():
        if used * 100 > quota * numbers["used_percent"]:
            percent = used * 100 // quota if quota else 100
            text = Text(
                f"授权期限未过 {numbers['period_percent']}%，额度（{unit}）已用 {percent}%（阈值 {numbers['used_percent']}%）。",
                f"{percent} % of the quota of {unit} is used before {numbers['period_percent']} % of the period (limit {numbers['used_percent']} %).",
            )
            return Found(Rule.EARLY_QUOTA, percent, numbers["used_percent"], text)
    return None


def many_addresses(_: Watched, lines: Sequence[Seen], now: datetime, numbers: Numbers) -> Found | None:
    """Networks to which one file was sent."""
    networks: dict[str, set[str]] = defaultdict(set)
    for line in _recent(lines, now, numbers):
        if line.kind == "download" and line.origin:
            networks[line.subject].add(line.origin)
    most, subject = max(((len(each), name) for name, each in networks.items()), default=(0, ""))
    if most < numbers["least"]:
        return None
    text = Text(
        f"提取 {subject} 的文件被 {most} 个网络下载（阈值 {numbers['least']}）。",
        f"The file of extract {subject} was downloaded from {number_of(most, 'networks')} (limit {numbers['least']}).",
    )
    return Found(Rule.MANY_ADDRESSES, most, numbers["least"], text)


JUDGES: Final[Mapping[Rule, Judge]] = {
    Rule.VOLUME: volume,
    Rule.OFF_HOURS: off_hours,
    Rule.DENIED_BURST: denied_burst,
    Rule.SIMILAR_FILTERS: similar_filters,
    Rule.SEQUENTIAL_KEYS: sequential_keys,
    Rule.EARLY_QUOTA: early_quota,
    Rule.MANY_ADDRESSES: many_addresses,
}
NEEDS_FILTERS: Final = frozenset({Rule.SIMILAR_FILTERS, Rule.SEQUENTIAL_KEYS})


def judge(
    rule: Rule,
    watched: Watched,
    lines: Sequence[Seen],
    now: datetime,
    numbers: Numbers,
    since: datetime | None = None,
) -> Found | None:
    """What the rule finds. `since`: when a person last closed a finding of it; what was before is settled.

    The volume's median needs the days before, and a settled day is one of them.
    """
    if since is None:
        return JUDGES[rule](watched, lines, now, numbers)
    if rule is Rule.EARLY_QUOTA:
        return None
    if rule is Rule.VOLUME:
        today = now.astimezone(LOCAL).date()
        kept = [line for line in lines if line.at > since or line.at.astimezone(LOCAL).date() < today]
    else:
        kept = [line for line in lines if line.at > since]
    return JUDGES[rule](watched, kept, now, numbers)


def shape(asked: RowFilter) -> str:
    """The filter without its values."""
    match asked:
        case All() | Any_():
            return f"{asked.op}({','.join(sorted(shape(each) for each in asked.args))})"
        case Not():
            return f"not({shape(asked.arg)})"
        case Compare() | In() | Between() | IsNull():
            return f"{asked.op}:{asked.column}"
        case _:
            assert_never(asked)


def key_spans(asked: RowFilter) -> Iterator[tuple[str, int, int]]:
    """The stretches of keys that a filter asks for: column (with the key's own prefix), first and last number."""
    parts = asked.args if isinstance(asked, All) else (asked,)
    bounds: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for part in parts:
        if isinstance(part, Between):
            yield from _span(part.column, (part.low, part.high))
        elif isinstance(part, In):
            yield from _span(part.column, part.values)
        elif isinstance(part, Compare) and part.op == "eq":
            yield from _span(part.column, (part.value,))
        elif isinstance(part, Compare) and part.op in _EDGES and (key := _number(part.value)):
            side, step = _EDGES[part.op]
            bounds[part.column][side] = (key[0], key[1] + step)
    for column, sides in bounds.items():
        if len(sides) == 2 and sides["low"][0] == sides["high"][0]:
            yield f"{column}\0{sides['low'][0]}", sides["low"][1], sides["high"][1]


_EDGES: Final = {"ge": ("low", 0), "gt": ("low", 1), "le": ("high", 0), "lt": ("high", -1)}
_TAIL: Final = re.compile(r"(.*?)([0-9]{1,18})", re.DOTALL)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", re.DOTALL)


def _span(column: str, values: Sequence[Scalar]) -> Iterator[tuple[str, int, int]]:
    keys = [key for value in values if (key := _number(value))]
    if len(keys) == len(values) and len({prefix for prefix, _ in keys}) == 1:
        numbers = [number for _, number in keys]
        yield f"{column}\0{keys[0][0]}", min(numbers), max(numbers)


def _number(value: Scalar) -> tuple[str, int] | None:
    """A key as prefix and number: 17, "V0017". Days and times are none: to fetch day by day is no walk."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return "", value
    if isinstance(value, str) and not _DAY.fullmatch(value) and (parts := _TAIL.fullmatch(value)):
        return parts[1], int(parts[2])
    return None
