"""How often a piece of work goes to the database and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass
class Ways:
    """`made`: on PostgreSQL ways to the server and back, as libpq's own trace tells them; on SQLite, where there are none, statements."""

    are_ways: bool
    trace: Any = None
    made: int = 0

    def told(self) -> None:
        """Read the trace, as far as it is written."""
        self.trace.seek(0)
        self.made = sum("ReadyForQuery" in line for line in self.trace)


@contextmanager
def counted(engine: Engine) -> Iterator[Ways]:
    """Counts what goes over connections that are taken from the pool within the block."""
    found = Ways(engine.dialect.name == "postgresql")
    traced: list[Any] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as found.trace:

        def taken(raw: Any, _record: object, _proxy: object) -> None:
            raw.pgconn.trace(found.trace.fileno())
            traced.append(raw)

        def asked(*_: object) -> None:
            found.made += 1

        name, listener = ("checkout", taken) if found.are_ways else ("before_cursor_execute", asked)
        event.listen(engine, name, listener)
        try:
            yield found
        finally:
            event.remove(engine, name, listener)
            for raw in traced:
                if not raw.closed:
                    raw.pgconn.untrace()
            if found.are_ways:
                found.told()
