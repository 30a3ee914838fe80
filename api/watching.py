"""Whether something was written that may end a right, asked before every chunk of every download, so it must cost next to nothing.

Every change of the record stands in the audit log, in the transaction that made it. So it is enough to know the newest event
that is more than a note of a delivery. SQLite tells by a counter in shared memory whether anybody has written at all.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Engine, text

from api.house import House

HARMLESS: Final = frozenset(
    {
        "extract.requested", "extract.refused", "extract.ready", "extract.delivered", "extract.downloaded", "extract.cut_off",
        "extract.ticket_issued", "extract.download_refused", "view.requested", "view.made", "view.read", "view.refused",
        "use.counted",
    }
)  # fmt: skip
_SINCE: Final = "SELECT seq, kind FROM auth_audit_event WHERE seq > {0} ORDER BY seq"
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM auth_audit_event"


@dataclass(frozen=True, slots=True)
class Since:
    """A watch, and the newest event there was before the right was asked for."""

    watch: Watch
    mark: int


class Watch:
    """The newest event that may end a right; `harmless`: the kinds of event that are passed over.

    It does not keep its engine alive, since it is kept by it.
    """

    def __init__(self, engine: Engine, harmless: frozenset[str] = HARMLESS) -> None:
        self._engine, self._lock, self._harmless = ref(engine), threading.Lock(), harmless
        path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._own = sqlite3.connect(path, check_same_thread=False, isolation_level=None) if path else None
        self._version: int | None = None
        self._seen = self._newest = 0

    @property
    def is_instant(self) -> bool:
        """Whether looking takes microseconds, so that no thread need be asked to."""
        return self._own is not None

    def since_now(self) -> Since:
        """To be taken before the right is asked for, so that nothing falls between the question and the first chunk."""
        return Since(self, self.newest())

    def newest(self) -> int:
        """The number of the newest event that may end a right; what is committed is seen."""
        with self._lock:
            if self._own is not None:
                (version,) = self._own.execute("PRAGMA data_version").fetchone()
                if version == self._version:
                    return self._newest
                self._version = version
                self._take(self._own.execute(_SINCE.format("?"), (self._seen,)).fetchall())
                return self._newest
        return self._of_server()

    def _of_server(self) -> int:
        engine = self._engine()
        assert engine is not None  # noqa: S101 - who asks has it
        with engine.connect() as connection:
            last = connection.execute(text(_LAST)).scalar_one()
            if last > self._seen:
                found = connection.execute(text(_SINCE.format(":seen")), {"seen": self._seen}).all()
                with self._lock:
                    self._take([(row[0], row[1]) for row in found])
        return self._newest

    def _take(self, events: list[tuple[int, str]]) -> None:
        for seq, kind in events:
            self._seen = max(self._seen, seq)
            if kind not in self._harmless:
                self._newest = max(self._newest, seq)


_WATCHES: WeakKeyDictionary[Engine, Watch] = WeakKeyDictionary()
_MAKING = threading.Lock()


def watch_of(house: House) -> Watch:
    """The one watch over this installation in this process."""
    with _MAKING:
        if house.engine not in _WATCHES:
            _WATCHES[house.engine] = Watch(house.engine)
        return _WATCHES[house.engine]
