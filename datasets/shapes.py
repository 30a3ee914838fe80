"""What a dataset has of shapes, as its dictionary and record say. Nothing here reads a table, so that a server may import it."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.intake.dictionary import Dictionary


@dataclass(frozen=True, slots=True)
class Points:
    """A column of points to be made from two number columns."""

    name: str
    lon: str
    lat: str


@dataclass(frozen=True, slots=True)
class Shapes:
    """What a dataset has of shapes: its columns of well-known text, points to be made, and the record's CRS."""

    columns: tuple[str, ...] = ()
    points: Points | None = None
    crs: str | None = None


def shapes_of(words: Dictionary) -> Shapes:
    """What the dictionary says of shapes."""
    points = words.points
    return Shapes(
        tuple(column.name for column in words.columns if column.type == "geometry"),
        Points(points.name, points.lon, points.lat) if points else None,
        words.crs,
    )
