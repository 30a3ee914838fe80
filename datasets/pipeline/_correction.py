"""Corrected rows handed in alone (更正): merged into the table of the batch that they correct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from core.jobs_run import JobContext
from core.text import Text
from datasets import gate
from datasets.batches.tables import BatchRow
from datasets.content import ROW_COLUMN
from datasets.intake import untyped
from quality.correction import apply_correction

_PREVIEW: Final = 20


def merge_rows(ctx: JobContext, row: BatchRow, former: BatchRow, out: Path, lost: Path) -> dict[str, Any]:
    """Write the former table with the corrected rows in place to `out`; gives the intake facts of the result.

    A cell that could not be typed counts as mended once it holds a value; one left empty still blocks, and is listed in `lost`.
    """
    assert former.typed_sha256 is not None  # noqa: S101 - asked when the rows were handed in
    assert former.intake is not None  # noqa: S101 - comes with the typed table
    ctx.progress(0.1, Text("正在合并更正行", "Merging the corrected rows"))
    taken = apply_correction(ctx.files.path(former.typed_sha256), ctx.files.path(row.sha256), out)
    mended = _mended(out, former.intake)
    facts = dict(former.intake)
    left = [each for each in former.intake["findings"] if each not in mended]
    facts["input"] = {
        "path": row.name, "sha256": row.sha256, "bytes": row.size_bytes, "format": "xlsx", "sheet": None,
        "merged_into": former.id, "rows_taken": taken,
    }  # fmt: skip
    facts["findings"], facts["look"] = left, None
    left_cells = _still_lost(ctx, former, out, lost, mended)
    before, now = former.untyped_cells or 0, sum(left_cells.values())
    facts["findings_total"] = former.intake["findings_total"] - (before - now)
    facts["untyped_cells"] = now
    nulls = _nulls(out)
    facts["columns"] = [
        column | {"nulls": nulls[column["name"]], "untyped": left_cells.get(column["name"], 0)}
        for column in former.intake["columns"]
    ]
    facts["preview"] = _preview(out)
    return facts


def _mended(out: Path, intake: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings about cells that hold a value now."""
    findings = gate.untyped_findings(intake)
    if not findings:
        return []
    names = sorted({each["column"] for each in findings})
    keys = sorted({each["row"] for each in findings})
    table = pq.read_table(out, columns=[ROW_COLUMN, *names], filters=[(ROW_COLUMN, "in", keys)])
    cells = {record[ROW_COLUMN]: record for record in table.to_pylist()}
    return [each for each in findings if cells[each["row"]][each["column"]] is not None]


def _still_lost(
    ctx: JobContext, former: BatchRow, out: Path, lost: Path, mended: list[dict[str, Any]]
) -> Mapping[str, int]:
    """By column, the cells that are lost still; by the findings alone for a batch from before there were lists."""
    if former.untyped_sha256 is not None:
        left = untyped.left_after(ctx.files.path(former.untyped_sha256), out, lost)
        if not left:
            lost.unlink()
        return left
    counted = Counter({each["name"]: each.get("untyped") or 0 for each in (former.intake or {})["columns"]})
    counted.subtract(each["column"] for each in mended)
    return counted


def _nulls(out: Path) -> dict[str, int]:
    with pq.ParquetFile(out) as file:
        names = file.schema_arrow.names
        counts = dict.fromkeys(names, 0)
        for batch in file.iter_batches():
            for name, values in zip(names, batch.columns, strict=True):
                counts[name] += values.null_count
        return counts


def _preview(out: Path) -> dict[str, Any]:
    with pq.ParquetFile(out) as file:
        names = [name for name in file.schema_arrow.names if name != ROW_COLUMN]
        head = next(file.iter_batches(_PREVIEW, columns=names), None)
    rows = head.to_pylist() if head is not None else []
    first = [[None if record[name] is None else str(record[name]) for name in names] for record in rows]
    return {"columns": names, "first": first, "last": []}
