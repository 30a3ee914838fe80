"""Triples of a large document, kept in a temporary database file instead of in memory.

Why this exists: rdflib keeps each triple three times in dictionaries, about a kilobyte apiece: a document of 8 MiB took 316 MB. The
parsers are rdflib's own; only what they find goes elsewhere. The database has no name and is gone with the store; a small one never
leaves its cache.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any, Final

from rdflib import BNode, Literal, URIRef
from rdflib.store import Store

_CACHE_KIB: Final = 16 * 1024
_BATCH: Final = 10_000
_TABLE: Final = "CREATE TABLE said (s TEXT, p TEXT, o TEXT, PRIMARY KEY (s, p, o)) WITHOUT ROWID"
_INDEX: Final = "CREATE INDEX by_value ON said (p, o)"


class Spilled(Store):
    """A set of triples that is written first and read afterwards. Contexts (named graphs) are taken together."""

    context_aware = graph_aware = True  # JSON-LD's parser asks for both

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute(_TABLE)
        self._waiting: list[tuple[str, str, str]] = []
        self._is_indexed = False
        self._about = lru_cache(64)(self._read_about)

    def add(self, triple: Any, context: Any = None, quoted: bool = False) -> None:  # noqa: ANN401, ARG002
        s, p, o = triple
        self._waiting.append((_text(s), _text(p), _text(o)))
        if len(self._waiting) >= _BATCH:
            self.write()

    def triples(self, pattern: Any, context: Any = None) -> Iterator[Any]:  # noqa: ANN401, ARG002
        self.write()
        s, p, o = pattern
        if s is not None:
            about = self._about(_text(s))
            for verb, values in about.items() if p is None else ((p, about.get(p, ())),):
                for value in values:
                    if o is None or value == o:
                        yield (s, verb, value), _nowhere()
            return
        if not self._is_indexed:
            self._db.execute(_INDEX)
            self._is_indexed = True
        known = [(name, _text(term)) for name, term in (("p", p), ("o", o)) if term is not None]
        where = " AND ".join(f"{name} = ?" for name, _ in known)
        asked = f"SELECT s, p, o FROM said {f'WHERE {where}' if where else ''}"  # noqa: S608 - two fixed names
        for found in self._db.execute(asked, [text for _, text in known]):
            yield tuple(map(_term, found)), _nowhere()

    def contexts(self, triple: Any = None) -> Generator[Any, None, None]:  # noqa: ANN401, ARG002
        yield from ()

    def add_graph(self, graph: Any) -> None:  # noqa: ANN401
        """All graphs are one."""

    def __len__(self, context: Any = None) -> int:  # noqa: ANN401
        self.write()
        return int(self._db.execute("SELECT count(*) FROM said").fetchone()[0])

    def close(self, commit_pending_transaction: bool = False) -> None:  # noqa: ARG002
        self._db.close()

    def write(self) -> None:
        """What was added lies in the database. Raises UnicodeEncodeError for text that is none."""
        if self._waiting:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO said VALUES (?, ?, ?)", self._waiting)
            self._db.execute("COMMIT")
            self._waiting.clear()
            self._about.cache_clear()

    def _read_about(self, subject: str) -> dict[Any, list[Any]]:
        """What is said of it, by predicate: a reader asks some thirty times about each thing."""
        about: dict[Any, list[Any]] = {}
        for p, o in self._db.execute("SELECT p, o FROM said WHERE s = ?", (subject,)):
            about.setdefault(_term(p), []).append(_term(o))
        return about


def _nowhere() -> Iterator[Any]:
    return iter(())


def _text(term: Any) -> str:  # noqa: ANN401
    if type(term) is URIRef:
        return f"u{term}"
    if isinstance(term, Literal):
        return f"l{term.language or ''}\x1f{term.datatype or ''}\x1f{term}"
    return f"{'b' if isinstance(term, BNode) else 'u'}{term}"


def _term(text: str) -> Any:  # noqa: ANN401
    kind, rest = text[0], text[1:]
    if kind == "l":
        language, datatype, said = rest.split("\x1f", 2)
        return Literal(
            said, lang=language or None, datatype=URIRef(datatype) if datatype else None, normalize=False
        )
    return BNode(rest) if kind == "b" else URIRef(rest)
