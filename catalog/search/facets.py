"""Facets: one grouped count answers all of them, with several values per facet (OR within, AND between).

The database groups the records that are visible and match the text by all facet columns at once; choosing and counting
happen on those few groups. So the total and every count come from one reading and always agree.
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
class Group:
    """Records that share all facet values."""

    values: tuple[frozenset[str], ...]
    count: int


def group(raw: Sequence[Any], count: int) -> Group:
    """A group from a row of the grouped count; empty values are no values."""
    return Group(
        tuple(
            frozenset(str(value).split(" ") if facet.split else (str(value),))
            if value not in (None, "")
            else frozenset()
            for facet, value in zip(FACETS, raw, strict=True)
        ),
        count,
    )


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


def total(groups: Sequence[Group], chosen: Chosen) -> int:
    return sum(one.count for one in groups if _passes(one, chosen))


def counted(groups: Sequence[Group], chosen: Chosen, publishers: Mapping[str, Text]) -> list[Counted]:
    """Every facet's values with the number of records that choosing them would show; chosen ones stay even at zero."""
    return [_counted(place, facet, groups, chosen, publishers) for place, facet in enumerate(FACETS)]


def _counted(
    place: int, facet: Facet, groups: Sequence[Group], chosen: Chosen, publishers: Mapping[str, Text]
) -> Counted:
    counts = Counter(dict.fromkeys(chosen.get(facet.key, ()), 0))
    for one in groups:
        if _passes(one, chosen, besides=facet.key):
            for value in one.values[place]:
                counts[value] += one.count
    texts = (
        publishers if facet.key == "publisher" else YES_NO if facet.key == "has_release" else _labels(facet)
    )
    order = list(texts) if facet.key != "publisher" else []
    picked = chosen.get(facet.key, ())
    options = [
        Option(value, texts.get(value, Text(value, value)), count, value in picked)
        for value, count in counts.items()
    ]
    options.sort(key=lambda o: (order.index(o.value) if o.value in order else len(order), -o.count, o.value))
    return Counted(facet, tuple(options))


def _labels(facet: Facet) -> Mapping[str, Text]:
    return {code.value: code.text for code in codes.load(str(facet.codes)).codes.values()}


def _passes(one: Group, chosen: Chosen, besides: str = "") -> bool:
    return all(
        facet.key == besides or not chosen.get(facet.key) or not values.isdisjoint(chosen[facet.key])
        for facet, values in zip(FACETS, one.values, strict=True)
    )
