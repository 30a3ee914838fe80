"""Which coordinate reference system a file states, held against the record's. Systems are never mixed silently.

A file may say it in GeoJSON's `crs` member, in GeoParquet's metadata, or cell by cell (SRID=4490;POINT …).
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from core.errors import InputRefused
from core.text import Text
from datasets.geometry import NAMES, shape_columns
from datasets.intake.facts import FindingLog
from datasets.intake.shapes import srid

_KNOWN: Final = {
    "CRS84": "WGS84", "OGC:CRS84": "WGS84", "EPSG:4326": "WGS84", "WGS84": "WGS84", "WGS 84": "WGS84",
    "EPSG:4490": "CGCS2000", "CGCS2000": "CGCS2000", "CHINA GEODETIC COORDINATE SYSTEM 2000": "CGCS2000",
    "GCJ02": "GCJ02", "GCJ-02": "GCJ02", "BD09": "BD09", "BD-09": "BD09",
}  # fmt: skip
_URN: Final = re.compile(r"urn:ogc:def:crs:(\w+):[\d.]*:(\w+)", re.I)


def word(stated: str) -> str:
    """The record's word for a system (`WGS84`, `CGCS2000` …); one that records do not know stays as it is written."""
    text = stated.strip()
    if urn := _URN.fullmatch(text):
        text = f"{urn[1]}:{urn[2]}"
    return _KNOWN.get(text.upper(), text)


def of_geojson(crs: Any) -> str | None:  # noqa: ANN401 - JSON
    """What GeoJSON's old `crs` member names, None where it names nothing."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return word(name) if isinstance(name, str) and name.strip() else None


def of_geoparquet(metadata: Mapping[bytes, bytes] | None) -> list[str]:
    """The systems of a Parquet file's shapes. By the format's rule a missing `crs` is CRS84, and null is unknown."""
    found = []
    for column in shape_columns(metadata).values():
        crs = column.get("crs", "OGC:CRS84")
        if isinstance(crs, dict):
            told = crs.get("id") if isinstance(crs.get("id"), dict) else {}
            crs = f"{told.get('authority')}:{told.get('code')}" if told else str(crs.get("name", "?"))
        name = crs if isinstance(crs, str) else column.get("crs_name")
        if isinstance(name, str):
            found.append(word(name))
    return found


def of_cells(db: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str]) -> list[str]:
    """The systems that cells name for themselves. texts: SQL of the columns of shapes."""
    found: list[str] = []
    for text in texts:
        rows = db.execute(f"SELECT DISTINCT {srid(text)} AS s FROM {table} ORDER BY s").fetchall()
        found += [word(f"EPSG:{code}") for (code,) in rows if code is not None]
    return found


def hold_against(stated: Sequence[str], record: str | None, log: FindingLog) -> None:
    """Refuse a file that states another system than the record; note one that states several where no record decides."""
    named = list(dict.fromkeys(stated))
    others = ", ".join(NAMES.get(each, each) for each in named if each != record)
    if record is not None and others:
        ours = NAMES.get(record, record)
        raise InputRefused(
            Text(
                f"文件声明的坐标系是 {others}，目录登记的是 {ours}；请转换坐标后重新提交，或更正目录中的坐标系。",
                f"The file states the coordinate reference system {others}, the record says {ours}; convert the "
                "coordinates and hand the file in again, or correct the record.",
            ),
            stated=named,
            record=record,
        )
    if record is None and len(named) > 1:
        log.add(
            "crs-mixed",
            Text(
                f"文件里有多个坐标系：{others}；请统一后再用。",
                f"The file holds several coordinate reference systems: {others}; bring them to one before use.",
            ),
        )
