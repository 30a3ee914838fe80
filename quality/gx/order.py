"""Whether a column's values rise from row to row, seen in the file itself: a tenth of what a window query takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from quality.gx.facts import ROW
from quality.kinds import Column

BATCH_ROWS: Final = 65_536
FIRST_ROWS: Final = 256
_ABOVE: Final[dict[str, Callable[[Any, Any], Any]]] = {">": np.greater, ">=": np.greater_equal}


def rises(table: Path, column: Column, sign: str) -> bool | None:
    """Whether each value is `sign` (> or >=) the one before it, in the file's order, which must be that of the row keys.

    None where this way cannot tell: values are missing, or not plain numbers and moments.
    """
    with pq.ParquetFile(table) as file:
        names = [each for each in (column.name, ROW) if each in file.schema_arrow.names]
        if not _is_plain(file.schema_arrow.field(column.name).type):
            return None
        last: list[Any] = [None] * len(names)
        for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
            for place, (name, wanted) in enumerate(zip(names, (sign, ">"), strict=False)):
                values = batch.column(name)
                if values.null_count:
                    return None
                found = values.to_numpy(zero_copy_only=False)
                if not len(found):
                    continue
                if np.issubdtype(found.dtype, np.floating) and np.isnan(found).any():
                    return None
                above = _ABOVE[wanted]
                if not above(found[1:], found[:-1]).all() or (
                    last[place] is not None and not above(found[0], last[place])
                ):
                    return False
                last[place] = found[-1]
    return True


def begin_to_rise(table: Path, columns: Sequence[Column]) -> list[Column]:
    """Those of the columns whose first values rise, seen in one look; no other can rise throughout the file."""
    with pq.ParquetFile(table) as file:
        rows = next(
            file.iter_batches(FIRST_ROWS, columns=[each.name for each in columns], use_threads=False), None
        )
    return [
        each
        for each in columns
        if rows is None or all(starmap(_below, pairwise(rows.column(each.name).to_pylist())))
    ]


def _below(first: Any, second: Any) -> bool:
    return first is not None and second is not None and bool(first < second)


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_timestamp(kind) or types.is_date(kind)
    )
