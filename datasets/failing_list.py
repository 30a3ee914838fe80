"""Every failing row of every rule in one file: what the verdict caps, written as it is found, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfile
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text
from datasets.releases.writer import encoding, write_csv
from quality.verdict import FailingRow, Outcome

SCHEMA: Final = pa.schema([
    ("rule", pa.int32()), ("rule_id", pa.string()), ("type", pa.string()), ("severity", pa.string()), ("outcome", pa.string()),
    ("row", pa.int64()), ("keys", pa.string()), ("value", pa.string()),
])  # fmt: skip
"""rule: place in the suite, from 1. row: number of the data record; empty where a query's rows cannot be told apart in the table.
keys: what the key columns hold, value: what the rule looked at; both JSON."""
_GROUP: Final = 65_536
FORMS: Final = (".parquet", ".csv")


class FailingList:
    """The file while it is written; hand it to `run_suite` as `failing`."""

    def __init__(self, out: Path) -> None:
        self.rows = 0
        self._writer = pq.ParquetWriter(out, SCHEMA, **encoding(SCHEMA))
        self._held: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def __call__(self, place: int, outcome: Outcome, batches: Iterator[Sequence[FailingRow]]) -> None:
        named = outcome.meta.get("rule_id")
        said = [place, None if named is None else str(named), outcome.type, outcome.severity, outcome.outcome]
        for found in batches:
            columns = [
                *([each] * len(found) for each in said),
                [each.row for each in found],
                [_json(each.keys) if each.keys else None for each in found],
                [_json(each.value) for each in found],
            ]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
            self._held.append(pa.record_batch(arrays, schema=SCHEMA))
            self.rows += len(found)
            if sum(each.num_rows for each in self._held) >= _GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held, SCHEMA))
            self._held = []


def _json(value: Any) -> str:  # noqa: ANN401 - any cell
    return json.dumps(value, ensure_ascii=False)


def demand_form(out: Path) -> None:
    """The list is written as Parquet or CSV, by the name's ending."""
    if out.suffix.lower() not in FORMS:
        raise InputRefused(
            Text(
                f"{out.name}：清单只写为 .parquet 或 .csv；请改用其中一种后缀。",
                f"{out.name}: the list is written as .parquet or .csv; use one of these endings.",
            )
        )


def put_into_place(made: Path, out: Path) -> None:
    """The finished list as `out`, whole or not at all; CSV by the name's ending, formulas defused."""
    part = out.with_name(f".{out.name}.part")
    try:
        part.unlink(missing_ok=True)
        if out.suffix.lower() == ".csv":
            write_csv(made, part)
        else:
            copyfile(made, part)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputRefused(
            Text(
                f"写不了清单 {out}：{error.strerror}；请检查路径。",
                f"Cannot write the list {out}: {error.strerror}; check the path.",
            )
        ) from error
