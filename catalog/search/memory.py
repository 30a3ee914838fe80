"""What searching counts, kept in memory as bitmaps: which records have which value of a facet, and their usual order.

Why this exists: counting five facets in the database reads every matching record. The rows stay the truth: each change of a
record notes itself in the same transaction (`note`), a reader whose transaction sees other changes than these are made of
either takes the missing ones in or does without (`of` gives None), so counts are never ahead of rows or behind them.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy
from pyroaring import BitMap
from sqlalchemy import Connection, text
from sqlmodel import col

from catalog import queries
from catalog.search.tables import ChangeRow
from catalog.tables import DatasetRow
from core.work import Work

FACETS: Final = ("organization", "groups", "tags", "res_format", "license_id")
_STAMP: Final = text("SELECT stamp FROM catalog_index_state WHERE id = 1")
_BUMP: Final = text("UPDATE catalog_index_state SET stamp = stamp + 1 WHERE id = 1")
_NOTE: Final = text(
    "INSERT INTO catalog_change (number, stamp) SELECT :number, stamp FROM catalog_index_state WHERE id = 1 "
    "ON CONFLICT (number) DO UPDATE SET stamp = excluded.stamp"
)
_NOTED: Final = "catalog.search.memory"
Key = tuple[float, str, int]
Place = tuple[str, int]
"""A record's code, and its number in the index."""
_SHELF_BYTES: Final = 8 * 1024 * 1024
_ASKED: Final = 512  # answers of the index that are kept; one is a bit for each record at most
_SEEN: Final = "catalog.search.memory seen"


class Entry(NamedTuple):
    """One record: its place in the usual order (last changed first), its values by facet, the stamp of its last change, and whether
    everybody may know of it."""

    key: Key
    values: tuple[tuple[str, ...], ...]
    stamp: int
    is_public: bool


class Shelf:
    """Texts made from records, each with what it was made from, in one stretch of memory that is written round and round: what was
    put there first gives way. Thousands of single texts would keep ten times their size from being given back."""

    def __init__(self, room: int = _SHELF_BYTES) -> None:
        self._bytes = bytearray(room)
        self._at = 0
        self._places: dict[str, tuple[object, int, int]] = {}  # in the order in which they were put
        self._put: deque[tuple[str, int, int]] = deque()

    def get(self, name: str, made_from: object) -> bytes | None:
        kept = self._places.get(name)
        if kept is None or kept[0] != made_from:
            return None
        return bytes(self._bytes[kept[1] : kept[2]])

    def put(self, name: str, made_from: object, text: bytes) -> None:
        if len(text) > len(self._bytes):
            return
        start = self._at if self._at + len(text) <= len(self._bytes) else 0
        if start < self._at:
            self._give_way(self._at, len(self._bytes))
        end = start + len(text)
        self._give_way(start, end)
        self._bytes[start:end] = text
        self._places[name] = (made_from, start, end)
        self._put.append((name, start, end))
        self._at = end

    def _give_way(self, start: int, end: int) -> None:
        """Forget what lies between; the oldest lies first."""
        while self._put and start <= self._put[0][1] < end:
            name, *place = self._put.popleft()
            if name in self._places and self._places[name][1:] == tuple(place):
                del self._places[name]


class Memory:
    """Used under its lock, by readers of the state `stamp`."""

    def __init__(self) -> None:
        self.stamp = -1
        self.lock = threading.Lock()
        self.public = BitMap()
        self.shelf = Shelf()
        self.asked: OrderedDict[tuple[int, Hashable], BitMap] = OrderedDict()  # by state and question
        self._entries: dict[int, Entry] = {}
        self._order: list[Key] = []
        self._numbers: dict[str, dict[str, BitMap]] = {name: {} for name in FACETS}

    def take(self, number: int, entry: Entry) -> None:
        """Put a record in place of what was known of it."""
        if (old := self._entries.get(number)) is not None:
            del self._order[bisect_left(self._order, old.key)]
            for name, values in zip(FACETS, old.values, strict=True):
                for value in values:
                    self._numbers[name][value].discard(number)
        self._entries[number] = entry
        (self.public.add if entry.is_public else self.public.discard)(number)
        insort(self._order, entry.key)
        for name, values in zip(FACETS, entry.values, strict=True):
            for value in values:
                self._numbers[name].setdefault(value, BitMap()).add(number)

    def counts(self, name: str, numbers: BitMap) -> Iterable[tuple[str, int]]:
        """How many of these records have each value: from bitmaps, or where they are few from the records themselves."""
        known = self._numbers[name]
        if len(numbers) < len(known):
            place, entries = FACETS.index(name), self._entries
            return Counter(chain.from_iterable(entries[number].values[place] for number in numbers)).items()
        found = ((value, having.intersection_cardinality(numbers)) for value, having in known.items())
        return ((value, records) for value, records in found if records)

    def having(self, name: str, value: str) -> BitMap:
        """The records that have a value of a facet, in any case of its letters."""
        wanted = value.lower()
        found = [having for known, having in self._numbers[name].items() if known.lower() == wanted]
        return BitMap.union(*found) if found else BitMap()

    def stamp_of(self, number: int) -> int:
        """The stamp of a record's last change."""
        return self._entries[number].stamp

    def newest(self, numbers: BitMap, start: int, rows: int) -> list[Place]:
        """A page in the usual order."""
        if len(numbers) * 8 < len(self._order):
            keys: Iterable[Key] = sorted(self._entries[number].key for number in numbers)
        else:
            keys = (key for key in self._order if key[2] in numbers)
        return [(key[1], key[2]) for key in islice(keys, start, start + rows)]


_known: WeakKeyDictionary[Any, Memory] = WeakKeyDictionary()
_making = threading.Lock()


def note(work: Work, number: int) -> None:
    """A record has changed; in its own transaction, which moves the state on once for each record."""
    connection = work.db.connection()
    within = work.db.get_nested_transaction() or work.db.get_transaction()
    noted = work.db.info.setdefault(_NOTED, WeakKeyDictionary()).setdefault(within, set())
    if number in noted:
        return
    noted.add(number)
    connection.execute(_BUMP)
    connection.execute(_NOTE, {"number": number})


def of(work: Work) -> tuple[Memory | None, int]:
    """What is known, and the state that this transaction sees; None for writers (what they see may never come to be) and for
    readers of an older state. Its `lock` is for whoever uses it: look under it whether it still is of that state."""
    bind = work.db.get_bind()
    if bind.get_execution_options().get("datagrant_write", True):
        return None, -1
    connection = work.db.connection()
    stamp = connection.execute(_STAMP).scalar() or 0
    with _making:
        memory = _known.setdefault(bind.pool, Memory())  # type: ignore[union-attr]
    with memory.lock:
        if memory.stamp < stamp:
            for number, entry in _changed(connection, memory.stamp):
                memory.take(number, entry)
            memory.stamp = stamp
    work.db.info[_SEEN] = (memory, stamp)
    return (memory if memory.stamp == stamp else None), stamp


def remembered(work: Work, question: Hashable, ask: Callable[[], BitMap]) -> BitMap:
    """The index's answer for a reader who has been told his state (`of`): asked once while nothing changes. Others ask each time."""
    seen: tuple[Memory, int] | None = work.db.info.get(_SEEN)
    if seen is None:
        return ask()
    (memory, stamp), asked = seen, seen[0].asked
    with memory.lock:
        known = asked.get((stamp, question))
        if known is not None:
            asked.move_to_end((stamp, question))
            return known.copy()
    made = ask()
    with memory.lock:
        asked[stamp, question] = made.copy()
        while len(asked) > _ASKED:
            asked.popitem(last=False)
    return made


def _changed(connection: Connection, since: int) -> Iterator[tuple[int, Entry]]:
    wanted = (
        sqlalchemy.select(
            col(DatasetRow.number), col(DatasetRow.id), queries.changed, col(DatasetRow.publisher),
            col(DatasetRow.domain_code), col(DatasetRow.keywords), col(DatasetRow.keywords_en), col(DatasetRow.formats),
            col(DatasetRow.license_id), col(ChangeRow.stamp), queries.PUBLIC,
        )
        .join(ChangeRow, col(ChangeRow.number) == col(DatasetRow.number))
        .where(col(ChangeRow.stamp) > since)
        .order_by(col(ChangeRow.stamp))
    )  # fmt: skip
    for number, dataset_id, modified, org, theme, zh, en, formats, licence, stamp, public in connection.execute(wanted):  # fmt: skip
        yield number, Entry(
            (-modified.timestamp(), dataset_id, number),
            (
                (org.lower(),), (theme.lower(),) if theme else (), tuple(dict.fromkeys((*zh, *en))),
                tuple(dict.fromkeys(each.upper() for each in formats)), (licence,) if licence else (),
            ), stamp, bool(public),
        )  # fmt: skip
