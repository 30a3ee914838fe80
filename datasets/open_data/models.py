"""What looking at open data answers."""

from __future__ import annotations

from typing import Any

from sqlmodel import SQLModel

from core.ids import DatasetId


class RowsRead(SQLModel):
    """Rows of the current release. `fields`: id, type, and labels; `total`: of all rows that were asked for."""

    dataset_id: DatasetId
    release_id: str
    number: int
    fields: list[dict[str, Any]]
    records: list[dict[str, Any]]
    total: int
    offset: int


class Bin(SQLModel):
    """Rows between two bounds, or of one value."""

    label: str
    rows: int


class ColumnStatistics(SQLModel):
    """One column in numbers. `distinct` is an estimate. `bins`: of numbers and times, else the most frequent values."""

    name: str
    type: str
    title: str
    filled: int
    distinct: int
    least: str | None
    most: str | None
    mean: float | None
    is_binned: bool
    bins: list[Bin]


class StatisticsRead(SQLModel):
    """The current release's columns in numbers; `left_out`: columns beyond those looked at."""

    dataset_id: DatasetId
    release_id: str
    number: int
    rows: int
    columns: list[ColumnStatistics]
    left_out: int


class PointsRead(SQLModel):
    """Places of rows, [longitude, latitude], in the record's reference system; `total`: how many there are."""

    dataset_id: DatasetId
    release_id: str
    lon: str
    lat: str
    crs: str | None
    points: list[tuple[float, float]]
    total: int
