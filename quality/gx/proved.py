"""What a proof gives: a condition, whose text whoever needs it waits for."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class Proved(NamedTuple):
    """condition: SQL that holds for the rows that pass. refused: FROM clause of the rows that do not (key `r`, values `k0`,
    `k1`, …), where these were kept."""

    condition: str
    refused: str | None = None


class Later(sa.ColumnElement[bool]):
    """A condition whose text is known when its proof has ended; whoever compiles it waits."""

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, proof: Future[Proved]) -> None:
        self.proof = proof


@compiles(Later)
def _written(element: Later, _compiler: Any, **_: Any) -> str:
    return f"({element.proof.result().condition})"


def later_in(clause: Any) -> Later | None:
    """The proof that a condition needs."""
    parts = sa.sql.visitors.iterate(clause) if isinstance(clause, sa.ClauseElement) else ()
    return next((part for part in parts if isinstance(part, Later)), None)
