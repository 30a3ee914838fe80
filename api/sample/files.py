"""Frames into the file formats that departments hand in; equal frames give equal bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

STAMP = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)


def as_csv(
    frame: pd.DataFrame, *, encoding: str = "utf-8-sig", above: tuple[str, ...] = (), sep: str = ","
) -> bytes:
    """CSV with Windows line ends; `above` are title lines before the header, as spreadsheets leave them."""
    titles = "".join(f"{line}\r\n" for line in above)
    body = frame.to_csv(index=False, sep=sep, lineterminator="\r\n", date_format="%Y-%m-%d %H:%M:%S")
    return (titles + body).encode(encoding)


def as_xlsx(frame: pd.DataFrame, *, sheet: str, title: str, notes: tuple[str, ...] = ()) -> bytes:
    """A workbook with a merged title above the header and, if there are `notes`, a second sheet for them."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "remove_timezone": True})
    book.set_properties({"title": title, "created": STAMP.replace(tzinfo=None)})
    page = book.add_worksheet(sheet)
    bold = book.add_format({"bold": True, "align": "center"})
    dates = book.add_format({"num_format": "yyyy-mm-dd"})
    times = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    page.merge_range(0, 0, 0, len(frame.columns) - 1, title, bold)
    page.write_row(1, 0, list(frame.columns), bold)
    for line, row in enumerate(frame.itertuples(index=False), start=2):
        for place, value in enumerate(row):
            if _blank(value):
                continue
            if isinstance(value, pd.Timestamp):
                style = dates if value == value.normalize() else times
                page.write_datetime(line, place, value.to_pydatetime(), style)
            else:
                page.write(line, place, value.item() if hasattr(value, "item") else value)
    if notes:
        book.add_worksheet("填报说明").write_column(0, 0, notes)
    book.close()
    return out.getvalue()


def as_json(frame: pd.DataFrame) -> bytes:
    """The answer of a department's interface: an envelope with the records under `data`."""
    rows = [_plain(row) for row in frame.to_dict("records")]
    envelope = {"code": 0, "message": "success", "total": len(rows), "data": rows}
    return json.dumps(envelope, ensure_ascii=False, indent=1).encode()


def as_json_lines(frame: pd.DataFrame) -> bytes:
    rows = (json.dumps(_plain(row), ensure_ascii=False) for row in frame.to_dict("records"))
    return "".join(f"{row}\n" for row in rows).encode()


def as_geojson(frame: pd.DataFrame, *, lon: str, lat: str) -> bytes:
    """Points; the coordinates stay among the properties too, as the register keeps them in columns."""
    features = []
    for row in frame.to_dict("records"):
        plain = _plain(row)
        point = {"type": "Point", "coordinates": [plain[lon], plain[lat]]}
        features.append({"type": "Feature", "properties": plain, "geometry": point})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    out = BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out, compression="zstd")
    return out.getvalue()


def titled(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> pd.DataFrame:
    """The frame under the Chinese titles of its columns, as people fill such tables in."""
    return frame.rename(columns={column["name"]: column["title_zh"] for column in columns})


def _blank(value: object) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and value != value)


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Values that JSON knows; dates in ISO form without a time where there is none."""
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if _blank(value):
            plain[name] = None
        elif isinstance(value, pd.Timestamp):
            plain[name] = value.date().isoformat() if value == value.normalize() else value.isoformat()
        else:
            plain[name] = value.item() if hasattr(value, "item") else value
    return plain
