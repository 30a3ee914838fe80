"""A small bench for reading files written by the test itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table


class Bench:
    """Writes a file, reads it, and gives the table's rows as Python values."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "t.parquet"

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def reads(self, content: bytes | str | Path, **known: Any) -> Intake:
        path = content if isinstance(content, Path) else self.file("input", content)
        return read_table(path, self.out, dictionary=Dictionary.model_validate(known) if known else None)

    def rows(self) -> list[tuple[Any, ...]]:
        return duckdb.sql(f"SELECT * EXCLUDE __row__ FROM '{self.out}' ORDER BY __row__").fetchall()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
