"""From the file to the table that was asked for: the filter with the service's own meaning, the columns in their order."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from api.reader.choosing import Choice

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY_MB: Final = 2048


def table_of(path: Path, choice: Choice) -> pa.Table:
    """The rows. A file that was made for this very filter is not filtered again."""
    import pyarrow.parquet as pq

    if choice.row_filter is None or not choice.can_be_filtered_here:
        return pq.read_table(path, columns=list(choice.columns)).select(list(choice.columns))
    return _filtered(path, choice)


def _filtered(path: Path, choice: Choice) -> Any:  # noqa: ANN401 - an Arrow table
    from duckdb import ColumnExpression

    from auth.policy.filters.model import parse
    from datasets.extracts.build import engine_of, visible_rows

    with tempfile.TemporaryDirectory() as scratch, engine_of(MEMORY_MB, Path(scratch)) as connection:
        visible, held = visible_rows(connection, path, parse(choice.row_filter))
        wanted = [ColumnExpression(held[name].name) for name in choice.columns]
        return visible.select(*wanted).to_arrow_table().rename_columns(list(choice.columns))
