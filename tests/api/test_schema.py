"""The schema as a whole."""

from __future__ import annotations

import re

from sqlalchemy import BigInteger, Integer
from sqlmodel import SQLModel

from api import tables

WIDE = re.compile(r"(^|_)(rows|bytes|seq)$")


def test_counts_of_rows_and_bytes_are_wide_enough() -> None:
    """PostgreSQL's INTEGER ends at 2 147 483 647: a 3 GB file would not fit."""
    tables.load()
    narrow = [
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if WIDE.search(column.name)
        and isinstance(column.type, Integer)
        and not isinstance(column.type, BigInteger)
    ]
    assert narrow == []


def test_tables_carry_the_name_of_their_room() -> None:
    tables.load()
    rooms = {table.name.split("_")[0] for table in SQLModel.metadata.sorted_tables}
    assert rooms == {"core", "auth", "catalog", "quality", "datasets"}
