"""JSON documents, JSON lines and GeoJSON as one table of text columns.

Objects inside a record become columns `a.b`; lists stay JSON text. A GeoJSON feature gives its properties
and, as the last column, `geometry` in WKT. An object whose values are all objects is a table keyed by `key`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from core.errors import InputRefused
from core.text import Text
from datasets.intake import datum
from datasets.intake.facts import MAX_COLUMNS, FindingLog
from datasets.intake.json_stream import (
    CRS,
    MAX_VALUE_CHARS,
    Json,
    Records,
    find_records,
    read_records,
    too_long,
    unrepeated,
    whole,
    why_not,
)
from datasets.intake.layout import column_names
from datasets.intake.staging import Staged, StageWriter

FLATTEN_DEPTH: Final = 5
GEOMETRY: Final = "geometry"
Row = dict[str, str | None]
Source = Callable[[], Iterator[tuple[int | None, str | None, Json]]]


def stage_json(
    path: Path, folder: Path, member: str | None, log: FindingLog
) -> tuple[Staged, str, str | None]:
    """Stage the records; returns the table, the format found, and the key that holds the records."""
    if _is_lines(path):
        return _stage(lambda: _lines(path), folder, log), "jsonl", None
    places, scalars = find_records(path)
    if not places:
        document = whole(path)
        return _stage(lambda: iter([(None, None, document)]), folder, log), "json", None
    place = _choose(places, member)
    inner = ".".join(place.path) or None
    geo = place.path == ("features",) and scalars.get("type") == "FeatureCollection"
    _report_others(places, place, log)
    staged = _stage(lambda: ((None, key, value) for key, value in read_records(path, place)), folder, log)
    staged.crs = datum.of_geojson(scalars.get(CRS))
    if member is None:
        staged.places = {".".join(p.path): p.objects for p in (place, *_peers(places, place))}
    return staged, "geojson" if geo else "json", inner


def _choose(places: list[Records], member: str | None) -> Records:
    if member is None:
        return next((each for each in places if each.objects), places[0])
    for each in places:
        if ".".join(each.path) == member:
            return each
    shown = ", ".join(".".join(each.path) or "(root)" for each in places[:10])
    raise InputRefused(
        Text(
            f"JSON 里没有记录 {member}；可选：{shown}。",
            f"The JSON has no records under {member}; there are: {shown}.",
        )
    )


def _peers(places: list[Records], chosen: Records) -> list[Records]:
    return [p for p in places if p is not chosen and p.objects and len(p.path) == len(chosen.path)]


def _report_others(places: list[Records], chosen: Records, log: FindingLog) -> None:
    if peers := _peers(places, chosen):
        names = ", ".join(".".join(p.path) for p in peers[:10])
        log.add(
            "other-records",
            Text(
                f"读取了“{'.'.join(chosen.path)}”下的记录；另有：{names}。如需其他，请在数据字典的 member 中指明。",
                f"The records under “{'.'.join(chosen.path)}” were read; there are also: {names}. "
                "Name another one as `member` in the dictionary.",
            ),
        )


def _is_lines(path: Path) -> bool:
    """Two lines that are each a whole object make JSON lines."""
    seen = 0
    with path.open(encoding="utf-8-sig") as file:
        while line := file.readline(MAX_VALUE_CHARS):
            if not line.strip():
                continue
            try:
                if not isinstance(json.loads(line), dict):
                    return False
            except (ValueError, RecursionError):
                return seen > 0 and len(line) >= MAX_VALUE_CHARS  # to be refused as a line
            seen += 1
            if seen == 2:
                return True
    return False


def _lines(path: Path) -> Iterator[tuple[int | None, str | None, Json]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_VALUE_CHARS), ""), 1):
            if not line.strip():
                continue
            try:
                yield number, None, json.loads(line, object_pairs_hook=unrepeated)
            except (ValueError, RecursionError) as error:
                if len(line) >= MAX_VALUE_CHARS:
                    raise too_long(Text(f"第 {number} 行", f"in line {number}"), line=number) from error
                why = why_not(error)
                raise InputRefused(
                    Text(
                        f"第 {number} 行不是合法的 JSON（{why.zh}）；请改正后重新提交。",
                        f"Line {number} is not valid JSON ({why.en}); correct it and hand it in again.",
                    ),
                    line=number,
                ) from error


def _stage(source: Source, folder: Path, log: FindingLog) -> Staged:
    """Two passes: which columns there are, then the rows."""
    order: dict[str, int] = {}
    shapes: set[tuple[str, ...]] = set()  # of flat records: most have one of a few
    rows = 0
    for _, key, value in source():
        rows += 1
        if (shape := _flat_shape(value)) is not None:
            if shape in shapes:
                continue
            shapes.add(shape)
        for name in _row(key, value):
            order.setdefault(name, len(order))
        if len(order) > MAX_COLUMNS:
            raise _too_wide()
    if rows == 0 or not order:
        raise InputRefused(
            Text(
                "JSON 里没有记录；请检查导出后重新提交。",
                "The JSON holds no records; check the export and hand it in again.",
            )
        )
    if GEOMETRY in order:
        order[GEOMETRY] = len(order)
    headers = sorted(order, key=order.__getitem__)
    out = folder / "staged.parquet"
    with StageWriter(out, len(headers)) as writer:
        for line, key, value in source():
            row = _row(key, value)
            writer.write([row.get(name) for name in headers], line)
    names = column_names(headers, len(headers), None, log)
    fields = [f"c{i}" for i in range(len(headers))]
    return Staged(out, fields, names, rows, "line", empty_is_null=False)


def _too_wide() -> InputRefused:
    return InputRefused(
        Text(
            f"JSON 的记录展开后超过 {MAX_COLUMNS} 列；请在数据字典的 member 中指明记录所在的键，或改成长表。",
            f"The records of the JSON spread out to more than {MAX_COLUMNS} columns; "
            "name the key that holds the records as `member` in the dictionary, or use a long table.",
        )
    )


def _row(key: str | None, value: Json) -> Row:
    row: Row = {} if key is None else {"key": key}
    if isinstance(value, dict):
        if value.get("type") == "Feature" and "geometry" in value:
            _feature(value, row)
        else:
            _flatten(value, "", row, 0)
    elif isinstance(value, list):
        row |= {f"column_{i}": _text(each) for i, each in enumerate(value, 1)}
    else:
        row["value"] = _text(value)
    return row


def _feature(feature: dict[str, Json], row: Row) -> None:
    if feature.get("id") is not None and "id" not in (feature.get("properties") or {}):
        row["id"] = _text(feature["id"])
    _flatten(feature.get("properties") or {}, "", row, 0)
    if GEOMETRY in row:
        row["geometry_property"] = row.pop(GEOMETRY)
    geometry = feature["geometry"]
    row[GEOMETRY] = None if geometry is None else wkt(geometry)


def _flatten(value: dict[str, Json], prefix: str, row: Row, depth: int) -> None:
    for name, each in value.items():
        if isinstance(each, dict) and each and depth < FLATTEN_DEPTH:
            _flatten(each, f"{prefix}{name}.", row, depth + 1)
        else:
            row[f"{prefix}{name}"] = _text(each)


def _flat_shape(value: Json) -> tuple[str, ...] | None:
    """The names of a record without records inside; None where names depend on the values."""
    if type(value) is not dict or any(type(each) is dict for each in value.values()):
        return None
    return tuple(value)


_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _text(value: Json) -> str | None:
    kind = type(value)
    if value is None or kind is str:
        return value  # type: ignore[no-any-return]
    if kind is float or kind is int:
        return repr(value)
    return _compact(value)


def wkt(geometry: Json) -> str:
    """Well-known text of a GeoJSON geometry; a geometry that is not well formed stays JSON text."""
    try:
        kind = geometry["type"]
        if kind == "GeometryCollection":
            return f"GEOMETRYCOLLECTION ({', '.join(wkt(each) for each in geometry['geometries'])})"
        depth, sizes = DEPTHS[kind], set[int]()
        places = geometry["coordinates"]
        body = _position(places, sizes) if depth == 0 else _nested(places, depth, sizes)
        if len(sizes) > 1:
            raise ValueError("some positions have a height, others none")
        return f"{kind.upper()}{' Z' if 3 in sizes else ''} {f'({body})' if depth == 0 else body}"
    except (KeyError, TypeError, IndexError, ValueError, RecursionError):
        return json.dumps(geometry, ensure_ascii=False, separators=(",", ":"))


DEPTHS: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def _nested(coordinates: Iterable[Json], depth: int, sizes: set[int]) -> str:
    inner = [
        _position(each, sizes) if depth == 1 else _nested(each, depth - 1, sizes) for each in coordinates
    ]
    return f"({', '.join(inner)})"


def _position(position: list[float], sizes: set[int]) -> str:
    if len(position) not in (2, 3):
        raise ValueError("a position has two numbers, or three with its height")
    sizes.add(len(position))
    return " ".join(repr(number) for number in position)
