"""Visits of open data's pages, counted without keeping who came.

Why this exists: a page view must not wait for the database's one writer. Views are counted in this process and written every half
minute, and when the service stops; what a killed process had not written is lost. A person or address counts once a day and dataset:
remembered, in memory alone, is a number made of both with a secret that is made anew each day, never the address itself.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections import Counter
from datetime import date
from typing import Final
from weakref import WeakKeyDictionary

from fastapi import Request
from pyroaring import BitMap
from sqlalchemy import Engine

from api.house import House
from auth.actor import SYSTEM, Actor
from auth.identity.rules import CHINA
from catalog.tables import DatasetRow
from catalog.use import service
from catalog.use.rules import is_counted, is_person

EVERY_S: Final = 30.0
MOST_MARKS: Final = 2_000_000  # a few megabytes
_LOG: Final = logging.getLogger(__name__)


class Visits:
    """The visits that this process has seen and not written yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Counter[tuple[str, date]] = Counter()
        self._day: date | None = None
        self._secret = b""
        self._marks = BitMap()
        self._serving: House | None = None
        self._timer: threading.Timer | None = None

    def saw(self, dataset_id: str, who: str, day: date) -> bool:
        """Whether that is a visit: the first of this reader to this dataset on this day."""
        with self._lock:
            if day != self._day or len(self._marks) >= MOST_MARKS:
                self._day, self._secret, self._marks = day, secrets.token_bytes(32), BitMap()
            told = hashlib.blake2b(f"{dataset_id}\0{who}".encode(), key=self._secret, digest_size=4)
            mark = int.from_bytes(told.digest(), "big")
            if mark in self._marks:
                return False
            self._marks.add(mark)
            self._waiting[dataset_id, day] += 1
            self._wind()
            return True

    def _wind(self) -> None:
        if self._serving is not None and self._timer is None:
            self._timer = threading.Timer(EVERY_S, self._ring)
            self._timer.daemon = True
            self._timer.start()

    def _ring(self) -> None:
        with self._lock:
            self._timer, house = None, self._serving
        if house is not None:
            self.write(house)

    def write(self, house: House) -> None:
        """Add what waits to the numbers. What cannot be written now waits on."""
        with self._lock:
            taken, self._waiting = self._waiting, Counter()
        if not taken:
            return
        try:
            with house.write() as work:
                service.visited(work, SYSTEM, taken)
        except Exception:
            _LOG.exception("visits could not be written; they wait")
            with self._lock:
                self._waiting.update(taken)
                self._wind()

    def serve(self, house: House) -> None:
        """From now on write every half minute."""
        with self._lock:
            self._serving = house
            if self._waiting:
                self._wind()

    def stop(self) -> None:
        """Write what waits, and no more."""
        with self._lock:
            house, self._serving = self._serving, None
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if house is not None:
            self.write(house)


_VISITS: Final[WeakKeyDictionary[Engine, Visits]] = WeakKeyDictionary()
_MAKING: Final = threading.Lock()


def visits_of(house: House) -> Visits:
    """The visits that this process counts for this installation."""
    with _MAKING:
        return _VISITS.setdefault(house.engine, Visits())


def note_visit(request: Request, house: House, actor: Actor, read: DatasetRow) -> None:
    """Count a person's look at the page of open data; not a program's, nor that of the department's own people."""
    if request.method != "GET" or not is_counted(read.state, read.open_type, read.data_level):
        return
    purpose = request.headers.get("sec-purpose", "") or request.headers.get("purpose", "")
    if not is_person(request.headers.get("user-agent", ""), purpose):
        return
    if actor.is_signed_in and actor.org_id == read.publisher:
        return
    who = actor.person_id if actor.is_signed_in else request.client.host if request.client else ""
    visits_of(house).saw(read.id, who, house.clock().astimezone(CHINA).date())
