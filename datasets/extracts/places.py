"""Places as the cells of a grid: what the engine itself cannot do with a shape."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection, func, sqltypes
from numpy.typing import NDArray

from datasets.extracts.compile import GRID_CELL
from datasets.geometry import Extent, flat_points, points_of

_DIGITS: Final = 9  # of a degree: a tenth of a millimetre, so that the centre of a cell is one number

_EDGES: Final = np.array([180.0, 90.0])  # a cell may reach over the edge of the map


def teach(connection: DuckDBPyConnection) -> None:
    """Make the connection know `GRID_CELL`: a shape as WKB and a step in degrees to the point that leaves."""
    connection.create_function(
        GRID_CELL,
        lambda shapes, steps: cells_of(shapes, steps),
        [sqltypes.BLOB, sqltypes.DOUBLE],
        sqltypes.BLOB,
        type=func.ARROW,
        null_handling=func.SPECIAL,
    )


def cells_of(shapes: pa.Array, steps: pa.Array) -> pa.Array:
    """The centre of each shape's cell as a point; null where there is no shape, or none with coordinates."""
    whole = pa.concat_arrays(shapes.chunks) if isinstance(shapes, pa.ChunkedArray) else shapes
    step = steps[0].as_py()
    known = whole.drop_null()
    if (found := flat_points(known)) is None:
        found = np.array([_middle(shape) for shape in known]).reshape(-1, 2)
    places = np.full((len(whole), 2), np.nan)
    places[np.asarray(whole.is_valid())] = found
    middle = np.clip(np.round((np.floor(places / step) + 0.5) * step, _DIGITS), -_EDGES, _EDGES)
    return points_of(_column(middle[:, 0]), _column(middle[:, 1]))


def _middle(shape: pa.Scalar) -> tuple[float, float]:
    """The middle of the box around a shape; NaN without one."""
    extent = Extent()
    extent.add(pa.array([shape.as_py()], pa.binary()))
    low, high = extent.low, extent.high
    if low[0] > high[0] or low[1] > high[1]:
        return (float("nan"), float("nan"))
    return ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)


def _column(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64())
