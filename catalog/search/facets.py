"""Facets: one grouped count answers all of them, with several values per facet (OR within, AND between).

Each record carries a key of all its facet values. The database counts the records that are visible and match the text by
that key; choosing and counting happen on those groups. So the total and every count come from one reading and agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, or_, true
from sqlmodel import col

from catalog import codes
from catalog.tables import DatasetRow
from core.text import Text

Chosen = Mapping[str, Sequence[str]]
YES_NO: Final = {"yes": Text("已有发布", "Has a release"), "no": Text("尚无发布", "No release yet")}


@dataclass(frozen=True, slots=True)
class Facet:
    """`column` gives a record's value as text; `split` says that it holds several, parted by blanks."""

    key: str
    label: Text
    column: Callable[[], Any]  # an SQL expression, made when asked for
    codes: str | None = None
    split: bool = False


FACETS: Final[tuple[Facet, ...]] = (
    Facet("theme", Text("主题领域", "Theme"), lambda: col(DatasetRow.domain_code), "domain"),
    Facet("publisher", Text("提供方", "Publisher"), lambda: col(DatasetRow.publisher)),
    Facet("open_type", Text("开放类型", "Open type"), lambda: col(DatasetRow.open_type), "open_type"),
    Facet("level", Text("数据分级", "Level"), lambda: col(DatasetRow.data_level), "data_level"),
    Facet("format", Text("数据格式", "Format"), lambda: col(DatasetRow.format_key), "file_format", split=True),
    Facet("update_freq", Text("更新周期", "Update frequency"), lambda: col(DatasetRow.update_freq), "update_freq"),
    Facet("has_release", Text("数据发布", "Data"), lambda: case((col(DatasetRow.release_no).is_(None), "no"), else_="yes")),
    Facet("state", Text("记录状态", "Record state"), lambda: col(DatasetRow.state), "dataset_state"),
)  # fmt: skip
BY_KEY: Final = {facet.key: facet for facet in FACETS}
_ALL: Final = tuple(range(len(FACETS)))
_PUBLISHER: Final = 1
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


def key_of(row: DatasetRow) -> str:
    """A record's facet values in facet order, then its publisher's names for the labels."""
    values = (
        row.domain_code, row.publisher, row.open_type, str(row.data_level or ""), row.format_key, row.update_freq,
        "no" if row.release_no is None else "yes", row.state, row.publisher_zh, row.publisher_en,
    )  # fmt: skip
    return _PART.join(value.replace(_PART, " ") for value in values)


def condition(chosen: Chosen) -> ColumnElement[bool]:
    """The chosen values as a condition on records."""
    return and_(true(), *(_one(BY_KEY[key], values) for key, values in chosen.items() if values))


def _one(facet: Facet, values: Sequence[str]) -> Any:  # noqa: ANN401 - an SQL condition
    column = facet.column()
    if facet.split:
        padded = " " + column + " "
        return or_(
            false(),
            *(padded.contains(f" {value} ", autoescape=True) for value in values if value.isprintable()),
        )
    if facet.key == "level":
        return column.in_([int(value) for value in values if value.isdecimal() and len(value) < 3])
    return column.in_([value for value in values if value.isprintable()])


def count(groups: Sequence[tuple[str, int]], chosen: Chosen) -> Counts:
    """Every facet's values with the number of records that choosing them would show; chosen ones stay even at zero.

    A group that fails no choice counts everywhere; one that fails a single facet's choice counts in that facet.
    """
    wanted = [
        (place, frozenset(chosen[facet.key]), facet.split)
        for place, facet in enumerate(FACETS)
        if chosen.get(facet.key)
    ]
    counters = [Counter[str](dict.fromkeys(chosen.get(facet.key, ()), 0)) for facet in FACETS]
    publishers: dict[str, Text] = {}
    total = 0
    for key, records in groups:
        *values, zh, en = key.split(_PART)
        failed = [
            place
            for place, choice, split in wanted
            if (choice.isdisjoint(values[place].split(" ")) if split else values[place] not in choice)
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
                facet, _split(counter) if facet.split else counter, chosen.get(facet.key, ()), publishers
            )
            for facet, counter in zip(FACETS, counters, strict=True)
        ],
    )


def _split(counter: Counter[str]) -> Counter[str]:
    """Counts of several values together, told apart."""
    single: Counter[str] = Counter()
    for values, records in counter.items():
        for value in values.split(" "):
            single[value] += records
    return single


def _counted(
    facet: Facet, counter: Counter[str], picked: Sequence[str], publishers: Mapping[str, Text]
) -> Counted:
    texts = (
        publishers if facet.key == "publisher" else YES_NO if facet.key == "has_release" else _labels(facet)
    )
    order = {value: place for place, value in enumerate(texts)} if facet.key != "publisher" else {}
    options = [
        Option(value, texts.get(value, Text(value, value)), records, value in picked)
        for value, records in counter.items()
        if value and (records or value in picked)
    ]
    options.sort(key=lambda option: (order.get(option.value, len(order)), -option.count, option.value))
    return Counted(facet, tuple(options))


def _labels(facet: Facet) -> Mapping[str, Text]:
    return {code.value: code.text for code in codes.load(str(facet.codes)).codes.values()}
