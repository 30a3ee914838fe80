"""Totals among the last rows, where the last rows hold no text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.intake.reader import read_table


def test_bytes_at_the_end_of_a_parquet_file_are_no_total(tmp_path: Path) -> None:
    """A column of bytes stands among the texts; looking for the word 合计 in it must not fail."""
    source = tmp_path / "input"
    pq.write_table(pa.table({"n": [1, 2], "raw": pa.array([b"\xff\x00", b"\x81"], pa.binary())}), source)
    assert read_table(source, tmp_path / "out.parquet", dictionary=None).rows == 2
