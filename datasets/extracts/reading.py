"""Files that left, read again as they lie there: to check them before they leave, and to trace one that came back.

Values of forms without types are texts. Memory stays at a batch; workbooks are read row by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from auth.policy.model import DeliveryForm
from datasets.formats.geojson import read_features
from datasets.formats.json_lines import read_rows
from datasets.formats.kinds import KINDS
from datasets.formats.xlsx import read_sheet

BATCH_ROWS: Final = 65_536
_MAX_FIELD: Final = 16 * 1024 * 1024


def reader_of(path: Path, form: DeliveryForm) -> pa.RecordBatchReader:
    """The rows of a file of that form. Raises ValueError or OSError (pyarrow's are both) for what is none."""
    match form:
        case DeliveryForm.EXTRACT_CSV | DeliveryForm.EXTRACT_CSV_GB18030:
            return _csv(path, KINDS[form].encoding)
        case DeliveryForm.EXTRACT_XLSX:
            return read_sheet(path, BATCH_ROWS)
        case DeliveryForm.EXTRACT_JSONL:
            return read_rows(path, BATCH_ROWS)
        case DeliveryForm.EXTRACT_GEOJSON:
            return read_features(path, BATCH_ROWS)
    file = pq.ParquetFile(path)
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(BATCH_ROWS))


def _csv(path: Path, encoding: str) -> pa.RecordBatchReader:
    """Every cell as text, empty ones as null."""
    with path.open("r", encoding=encoding, newline="") as source:
        names = next(csv.reader(_lines(source)), [])
    texts = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    reading = pacsv.ReadOptions(encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    parsing = pacsv.ParseOptions(newlines_in_values=True)
    found = pacsv.open_csv(path, read_options=reading, parse_options=parsing, convert_options=texts)
    return pa.RecordBatchReader.from_batches(found.schema, iter(found))


def _lines(source: io.TextIOBase) -> Iterator[str]:
    """Lines of bounded length, so that a file without any is no flood."""
    while line := source.readline(_MAX_FIELD):
        yield line
