"""Which rows cite files of the store.

Every column whose name ends in `sha256` cites, in every table there is, so that a table made tomorrow is heeded without being told of. A digest
that names something else does no harm: no file has it. Left out is what a retired release gave free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, String, cast, or_, select
from sqlmodel import SQLModel

from core.work import Work
from datasets.verdict_docs import KIND as DOCS
from datasets.verdict_failing import KIND as FAILING

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_FREED: Final = frozenset({"sha256", "csv_sha256", "partitions"})  # of a retired release
_TEXTS: Final = (
    ("datasets_release", "partitions"),
    ("core_job", "result"),
)  # where digests stand within JSON
# Rows whose file has to be there, by table: the columns, and the states in which.
DEMANDED: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "datasets_batch": (("sha256", "typed_sha256", "untyped_sha256", "untyped_csv_sha256"), ()),
    "datasets_release": (("sha256", "csv_sha256"), ("published", "superseded", "withdrawn")),
    "datasets_extract": (("sha256",), ("ready",)),
    "datasets_output_review": (("sha256",), ("in_review",)),
    "datasets_view": (("sha256",), ("ready",)),
    "datasets_open_file": (("sha256",), ("ready",)),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A row whose file is not in the store."""

    table: str
    column: str
    id: str
    sha256: str


def cited(work: Work) -> set[str]:
    """Every digest that some row cites."""
    found: set[str] = set()
    for column, condition, is_text in _columns():
        wanted = select(column).where(column.is_not(None), *condition)
        for (value,) in work.db.connection().execute(wanted):
            found.update(_DIGEST.findall(str(value)) if is_text else (str(value),))
    return found


def is_cited(work: Work, sha256: str) -> bool:
    """Whether some row cites it now."""
    for column, condition, is_text in _columns():
        same = cast(column, String).contains(sha256) if is_text else column == sha256
        if work.db.connection().execute(select(1).where(same, *condition).limit(1)).first() is not None:
            return True
    return False


def demanded(work: Work) -> Iterator[Missing]:
    """Every row whose file has to be there, as if it were missing."""
    for name, (columns, states) in DEMANDED.items():
        table = SQLModel.metadata.tables[name]
        for column in columns:
            wanted = select(table.c.id, table.c[column]).where(table.c[column].is_not(None))
            if states:
                wanted = wanted.where(table.c.state.in_(states))
            for key, sha256 in work.db.connection().execute(wanted):
                yield Missing(name, column, str(key), str(sha256))


def _columns() -> Iterator[tuple[Column[Any], tuple[ColumnElement[bool], ...], bool]]:
    """Column, condition, and whether digests stand within a text."""
    for name, table in sorted(SQLModel.metadata.tables.items()):
        for column in table.columns:
            is_text = (name, column.name) in _TEXTS
            if not is_text and (not column.name.endswith("sha256") or isinstance(column.type, JSON)):
                continue
            condition: tuple[ColumnElement[bool], ...] = ()
            if name == "datasets_release" and column.name in _FREED:
                condition = (table.c.state != "retired",)
            if name == "core_job":
                condition = (or_(table.c.kind.in_((DOCS, FAILING)), table.c.ended_at.is_(None)),)
            yield column, condition, is_text
