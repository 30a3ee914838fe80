"""The numbers of a leaked file by column: Parquet, text with separators (also without a header), JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

MOST_CELLS: Final = 5_000_000
_SEPARATORS: Final = ",\t;|"
Floats = NDArray[np.float64]


def numbers_of(path: Path) -> dict[str, Floats]:
    """Columns most of whose cells are numbers, by name, or by place (`#1`) where the file names none."""
    with path.open("rb") as source:
        is_parquet = source.read(4) == b"PAR1"
    if is_parquet:
        return _of_parquet(path)
    text = _decoded(path.read_bytes())
    rows = _records(text) if text.lstrip("\ufeff \n\r").startswith("{") else _lines(text)
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
    table = file.read(columns=names) if names else pa.table({})
    return {
        name: table.column(name).cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
        for name in names
    }


def _decoded(data: bytes) -> str:
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
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


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
