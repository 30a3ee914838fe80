"""Facets: one grouped count answers all of them, with several values per facet (OR within, AND between).

Each record carries a key of all its facet values. The database counts the records that are visible and match the text by
that key; choosing and counting happen on those groups. So the total and every count come from one reading and agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, func, or_, true
from sqlmodel import col

from catalog import codes, regions
from catalog.boxes import Box
from catalog.tables import DatasetRow
from core.text import Text

Chosen = Mapping[str, Sequence[str]]
FRESHNESS: Final = {
    "fresh": Text("按期更新", "Up to date"), "stale": Text("逾期未更新", "Overdue"), "unknown": Text("未知", "Not known"),
}  # fmt: skip
YES_NO: Final = {"yes": Text("已有发布", "Has a release"), "no": Text("尚无发布", "No release yet")}


@dataclass(frozen=True, slots=True)
class Facet:
    """`column` gives a record's value as text at an instant; `split`: it may hold several, parted by this."""

    key: str
    label: Text
    column: Callable[[datetime], Any]  # an SQL expression, made when asked for
    codes: str | None = None
    split: str = ""


FACETS: Final[tuple[Facet, ...]] = (
    Facet("theme", Text("主题领域", "Theme"), lambda _: col(DatasetRow.domain_code), "domain"),
    Facet("scenario", Text("应用场景", "Scenario"), lambda _: col(DatasetRow.scenario_key), "scenario", split=" "),
    Facet("publisher", Text("提供方", "Publisher"), lambda _: col(DatasetRow.publisher)),
    Facet("open_type", Text("开放类型", "Open type"), lambda _: col(DatasetRow.open_type), "open_type"),
    Facet("level", Text("数据分级", "Level"), lambda _: col(DatasetRow.data_level), "data_level"),
    Facet("format", Text("数据格式", "Format"), lambda _: col(DatasetRow.format_key), "file_format", split=" "),
    Facet("update_freq", Text("更新周期", "Update frequency"), lambda _: col(DatasetRow.update_freq), "update_freq"),
    Facet("has_release", Text("数据发布", "Data"), lambda _: case((col(DatasetRow.release_no).is_(None), "no"), else_="yes")),
    Facet("region", Text("空间范围", "Area"), lambda _: col(DatasetRow.region_key), split=regions.PART),
    Facet("licence", Text("使用许可", "Licence"), lambda _: col(DatasetRow.license_id), "license"),
    Facet("grade", Text("质量等级", "Quality grade"), lambda _: func.coalesce(col(DatasetRow.quality_grade), "")),
    Facet("freshness", Text("时效", "Freshness"), lambda now: freshness(now)),
    Facet("state", Text("记录状态", "Record state"), lambda _: col(DatasetRow.state), "dataset_state"),
)  # fmt: skip
BY_KEY: Final = {facet.key: facet for facet in FACETS}
_MOST_OPTIONS: Final = 50  # of one facet; what is chosen is shown beyond
_ALL: Final = tuple(range(len(FACETS)))
_PLACES: Final = {facet.key: place for place, facet in enumerate(FACETS)}
_PUBLISHER: Final = _PLACES["publisher"]
_FRESHNESS: Final = _PLACES["freshness"]
_PART: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    text: Text
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Counted:
    facet: Facet
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    total: int
    facets: list[Counted]


def freshness(now: datetime) -> ColumnElement[str]:
    """Whether a record's data are overdue at this instant: time alone changes it, so no record keeps it."""
    due = col(DatasetRow.stale_at)
    return case((due.is_(None), "unknown"), (due < now, "stale"), else_="fresh")


def covering(since: date | None, until: date | None) -> ColumnElement[bool]:
    """Records whose stated period meets the one asked for; an end that is not stated is open, no period at all is none."""
    start, end = col(DatasetRow.temporal_start), col(DatasetRow.temporal_end)
    return and_(
        true(),
        *([or_(start.is_not(None), end.is_not(None))] if since or until else []),
        *([or_(end.is_(None), end >= since)] if since else []),
        *([or_(start.is_(None), start <= until)] if until else []),
    )


def within(box: Box | None) -> ColumnElement[bool]:
    """Records whose bounding box meets this one; who states none is in none."""
    if box is None:
        return true()
    return and_(
        col(DatasetRow.west) <= box.east, col(DatasetRow.east) >= box.west,
        col(DatasetRow.south) <= box.north, col(DatasetRow.north) >= box.south,
    )  # fmt: skip


def key_of(row: DatasetRow) -> str:
    """A record's facet values in facet order (but for its freshness), then its publisher's names for the labels."""
    values = (
        row.domain_code, row.scenario_key, row.publisher, row.open_type, str(row.data_level or ""), row.format_key, row.update_freq,
        "no" if row.release_no is None else "yes", row.region_key, row.license_id, row.quality_grade or "", "",
        row.state, row.publisher_zh, row.publisher_en,
    )  # fmt: skip
    return _PART.join(value.replace(_PART, " ") for value in values)


def condition(chosen: Chosen, now: datetime) -> ColumnElement[bool]:
    """The chosen values as a condition on records."""
    return and_(true(), *(_one(BY_KEY[key], values, now) for key, values in chosen.items() if values))


def _one(facet: Facet, values: Sequence[str], now: datetime) -> Any:  # noqa: ANN401 - an SQL condition
    column = facet.column(now)
    if facet.split:
        part = facet.split
        padded = part + column + part
        return or_(
            false(),
            *(
                padded.contains(f"{part}{value}{part}", autoescape=True)
                for value in values
                if value.isprintable()
            ),
        )
    if facet.key == "level":
        return column.in_([int(value) for value in values if value.isdecimal() and len(value) < 3])
    return column.in_([value for value in values if value.isprintable()])


def count(groups: Sequence[tuple[str, str, int]], chosen: Chosen) -> Counts:
    """Every facet's values with the number of records that choosing them would show; chosen ones stay even at zero.

    groups: key, freshness, records. A group that fails no choice counts everywhere; one that fails a single facet's choice counts in that facet.
    """
    wanted = [
        (place, frozenset(chosen[facet.key]), facet.split)
        for place, facet in enumerate(FACETS)
        if chosen.get(facet.key)
    ]
    counters = [Counter[str](dict.fromkeys(chosen.get(facet.key, ()), 0)) for facet in FACETS]
    publishers: dict[str, Text] = {}
    total = 0
    for key, fresh, records in groups:
        *values, zh, en = key.split(_PART)
        values[_FRESHNESS] = fresh
        failed = [
            place
            for place, choice, split in wanted
            if (choice.isdisjoint(values[place].split(split)) if split else values[place] not in choice)
        ]
        if len(failed) > 1:
            continue
        for place in failed or _ALL:
            counters[place][values[place]] += records
        total += 0 if failed else records
        publishers[values[_PUBLISHER]] = Text(zh, en)
    return Counts(
        total,
        [
            _counted(
                facet,
                _split(counter, facet.split) if facet.split else counter,
                chosen.get(facet.key, ()),
                publishers,
            )
            for facet, counter in zip(FACETS, counters, strict=True)
        ],
    )


def _split(counter: Counter[str], part: str) -> Counter[str]:
    """Counts of several values together, told apart."""
    single: Counter[str] = Counter()
    for values, records in counter.items():
        for value in values.split(part):
            single[value] += records
    return single


def _counted(
    facet: Facet, counter: Counter[str], picked: Sequence[str], publishers: Mapping[str, Text]
) -> Counted:
    named: Mapping[str, Mapping[str, Text]] = {
        "publisher": publishers,
        "has_release": YES_NO,
        "freshness": FRESHNESS,
    }
    if facet.key == "region":
        return Counted(facet, _regions(counter, picked))
    texts = named[facet.key] if facet.key in named else _labels(facet) if facet.codes else {}
    order = {value: place for place, value in enumerate(texts)} if facet.key != "publisher" else {}
    options = [
        Option(value, texts.get(value, Text(value, value)), records, value in picked)
        for value, records in counter.items()
        if value and (records or value in picked)
    ]
    options.sort(key=lambda option: (order.get(option.value, len(order)), -option.count, option.value))
    return Counted(
        facet, tuple(options[:_MOST_OPTIONS]) + tuple(o for o in options[_MOST_OPTIONS:] if o.chosen)
    )


def _regions(counter: Counter[str], picked: Sequence[str]) -> tuple[Option, ...]:
    """Divisions as a tree: the provinces, what lies directly below a chosen one or below one that stands alone, and what is chosen; then
    areas that are words alone, the most frequent first."""
    known = regions.load()
    counted = {value: records for value, records in counter.items() if value and (records or value in picked)}
    open_ = {above for value in picked if value in known for above in known[value].path}
    below = [value for value in counted if value in known and not known[value].parent]
    while len(below) == 1:
        open_.add(below[0])
        below = [value for value in counted if value in known and known[value].parent == below[0]]
    tree = sorted(
        value for value in counted if value in known and (not known[value].parent or known[value].parent in open_ or value in picked)
    )  # fmt: skip
    words = sorted(
        (value for value in counted if value not in known), key=lambda each: (-counted[each], each)
    )
    shown = [*tree, *words[: max(_MOST_OPTIONS - len(tree), 10)], *(each for each in words[max(_MOST_OPTIONS - len(tree), 10) :] if each in picked)]  # fmt: skip
    return tuple(Option(value, regions.label(value), counted[value], value in picked) for value in shown)


def _labels(facet: Facet) -> Mapping[str, Text]:
    return {code.value: code.text for code in codes.load(str(facet.codes)).codes.values()}
