"""The numbers of a leaked file by column: Parquet, text with separators (also without a header), JSON, JSON lines, GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

MOST_CELLS: Final = 5_000_000
MOST_TEXT: Final = 16 * 1024 * 1024
_SEPARATORS: Final = ",\t;|"
Floats = NDArray[np.float64]


def numbers_of(path: Path) -> dict[str, Floats]:
    """Columns most of whose cells are numbers, by name, or by place (`#1`) where the file names none."""
    with path.open("rb") as source:
        is_parquet = source.read(4) == b"PAR1"
    if is_parquet:
        return _of_parquet(path)
    rows: Iterator[Mapping[str, Any]] = records_of(path)
    first = next(rows, None)
    rows = _lines(_text_of(path)) if first is None else chain([first], rows)
    columns: dict[str, list[Any]] = {}
    cells = 0
    for row in rows:
        cells += len(row)
        if cells > MOST_CELLS:
            break
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: found for name, values in columns.items() if (found := _floats(values)) is not None}


def _of_parquet(path: Path) -> dict[str, Floats]:
    file = pq.ParquetFile(path)
    names = [
        field.name
        for field in file.schema_arrow
        if pa.types.is_floating(field.type)
        or pa.types.is_integer(field.type)
        or pa.types.is_decimal(field.type)
    ]
    parts, cells = [], 0
    for batch in file.iter_batches(65_536, columns=names) if names else ():
        parts.append(batch)
        cells += batch.num_rows * len(names)
        if cells > MOST_CELLS:
            break
    table = pa.Table.from_batches(parts) if parts else file.schema_arrow.empty_table()
    return {
        name: table.column(name).cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
        for name in names
    }


def records_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """The records of JSON: a document, GeoJSON, lines, or a part of one of them. None of them where it is no JSON."""
    text = _text_of(path)
    if text.lstrip("\ufeff \n\r")[:1] in ("{", "["):
        yield from _records(text)


def _text_of(path: Path) -> str:
    with path.open("rb") as source:
        return _decoded(source.read(MOST_TEXT))


def _decoded(data: bytes) -> str:
    if len(data) == MOST_TEXT:  # a character may be cut in two
        data = data[: data.rfind(b"\n") + 1] or data
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    return data.decode("gb18030", errors="replace")


def _lines(text: str) -> Iterator[Mapping[str, Any]]:
    first = text[: text.find("\n")] if "\n" in text else text
    separator = max(_SEPARATORS, key=first.count)
    rows = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=separator)
    names: list[str] = []
    with suppress(csv.Error):
        for row in rows:
            if not names:
                has_header = not any(_float(cell) is not None for cell in row)
                names = row if has_header else [f"#{at + 1}" for at in range(len(row))]
                if has_header:
                    continue
            yield dict(zip(names, row, strict=False))


def _records(text: str) -> Iterator[Mapping[str, Any]]:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        listed = found.get("features", [found]) if isinstance(found, dict) else found
        yield from (_flat(each) for each in listed if isinstance(each, dict))
        return
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            found = json.loads(line.strip().removesuffix(","))
            if isinstance(found, dict):
                yield _flat(found)


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record's columns; those of a feature of GeoJSON are its properties."""
    inner = record.get("properties")
    return inner if record.get("type") == "Feature" and isinstance(inner, dict) else record


def _floats(values: list[Any]) -> Floats | None:
    """The numbers among the cells; None where fewer than half of those that are not empty are numbers."""
    found = [_float(value) for value in values]
    numbers = [value for value in found if value is not None]
    there = sum(value not in (None, "") for value in values)
    return np.array(numbers, np.float64) if numbers and len(numbers) * 2 >= there else None


def _float(value: Any) -> float | None:  # noqa: ANN401 - a cell
    if isinstance(value, bool) or value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, int | float):
        return float(value)
    with suppress(ValueError, OverflowError):
        return float(value) if isinstance(value, str) and len(value) < 40 else None
    return None
