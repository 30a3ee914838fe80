"""Reading the current release of open data: decided and put on record first, read afterwards, in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from auth.actor import Actor
from catalog import service as catalogue
from catalog.models import Points
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets import datastore
from datasets.open_data import statistics
from datasets.open_data.conditions import Condition, question
from datasets.open_data.models import PointsRead, RowsRead, StatisticsRead
from datasets.releases import access, queries

MOST_POINTS: Final = 2_000
_LON: Final = ("lon", "lng", "longitude", "经度")
_LAT: Final = ("lat", "latitude", "纬度")


@dataclass(frozen=True, slots=True)
class Opened:
    """A release that anybody may read now. `pair`: the columns that hold longitude and latitude, if there are such."""

    dataset_id: str
    release_id: str
    number: int
    path: Path
    pair: tuple[str, str] | None
    crs: str | None
    fields: list[dict[str, Any]]


def open_current(
    work: Work,
    actor: Actor,
    dataset_id: str,
    file_of: Callable[[str], Path],
    *,
    looked_at: str,
    is_call: bool = False,
) -> Opened:
    """The current release, for reading. Raises NotFound, and AccessRefused with every reason for what is not open to all.

    looked_at: what is put on record (`rows 0+50`), as for any other open download; is_call: a program asks, which is counted.
    """
    read = catalogue.show(work, actor, dataset_id)
    row = queries.current(work, dataset_id)
    if row is None:
        raise NotFound(Text(f"{dataset_id} 尚无发布版本。", f"{dataset_id} has no release yet."))
    parcel = access.open_download(
        work, actor, row.id, "parquet", asked_range=looked_at, note=True,
        counts_as=lambda _sha256, _size: "call" if is_call else None,
    )  # fmt: skip
    path = file_of(parcel.sha256)
    fields = datastore.fields_of(path)
    points = catalogue.layout(work, dataset_id).points
    return Opened(read.id, row.id, row.number, path, _pair(fields, points), read.crs, fields)


def _pair(fields: Sequence[dict[str, Any]], points: Points | None) -> tuple[str, str] | None:
    numbers = {
        str(field["id"]): field["id"]
        for field in fields
        if field["type"] in ("int", "int8", "float8", "numeric")
    }
    if points is not None and points.lon in numbers and points.lat in numbers:
        return points.lon, points.lat
    lower = {name.lower(): name for name in numbers}
    lon = next((lower[each] for each in _LON if each in lower), None)
    lat = next((lower[each] for each in _LAT if each in lower), None)
    return (lon, lat) if lon and lat else None


def rows(
    opened: Opened, conditions: Sequence[Condition], words: str, sort: str, limit: int, offset: int, memory_limit_mb: int
) -> RowsRead:  # fmt: skip
    """One page of rows. Raises InputRefused."""
    ask = question(opened.fields, conditions, words, sort, limit, offset)
    found = datastore.read(opened.path, ask, memory_limit_mb)
    shown = [field for field in found.fields if not str(field["id"]).startswith("rank")]
    return RowsRead.model_validate(
        {"dataset_id": opened.dataset_id, "release_id": opened.release_id, "number": opened.number, "fields": shown,
         "records": found.records, "total": found.total or 0, "offset": offset}
    )  # fmt: skip


def columns(opened: Opened, memory_limit_mb: int) -> StatisticsRead:
    """Every column in numbers."""
    made, left_out = statistics.columns_of(opened.path, memory_limit_mb)
    return StatisticsRead.model_validate(
        {"dataset_id": opened.dataset_id, "release_id": opened.release_id, "number": opened.number,
         "rows": datastore.rows_in(opened.path), "columns": made, "left_out": left_out}
    )  # fmt: skip


def points(opened: Opened, conditions: Sequence[Condition], words: str, memory_limit_mb: int) -> PointsRead:
    """Where the rows are: the first of them that have a place. Raises NotFound where no columns hold coordinates."""
    if opened.pair is None:
        raise NotFound(
            Text(
                f"{opened.dataset_id} 没有经纬度列。",
                f"{opened.dataset_id} has no columns of longitude and latitude.",
            )
        )
    lon, lat = opened.pair
    ask = question(opened.fields, conditions, words, "", MOST_POINTS, 0)
    inside = {
        "$and": [
            ask.filters or {"$and": [{}]},
            {lon: {"gte": -180, "lte": 180}},
            {lat: {"gte": -90, "lte": 90}},
        ]
    }
    found = datastore.read(opened.path, replace(ask, filters=inside, fields=(lon, lat)), memory_limit_mb)
    return PointsRead.model_validate(
        {"dataset_id": opened.dataset_id, "release_id": opened.release_id, "lon": lon, "lat": lat, "crs": opened.crs,
         "points": [(float(each[lon]), float(each[lat])) for each in found.records], "total": found.total or 0}
    )  # fmt: skip
