"""The index beside the records: FTS5 on SQLite, tsvector on PostgreSQL, over the same tokens.

`install` makes it; `put` keeps it inside the record's own transaction, so it is never ahead or behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from catalog.search import sounds
from catalog.search.query import FIELDS
from catalog.search.tokens import runs, tokens
from core.work import Work

TABLES: Final = ("catalog_search", "catalog_search_pg")
VERSION: Final = (
    4  # of what is stored for a record; raise it when that changes, and every index is built anew
)
_MAX_TOKENS: Final = 60_000  # different tokens per field: keeps a vector below PostgreSQL's megabyte

_SQLITE: Final = (
    # `ascii` splits at our blanks and folds nothing that we have not folded already.
    f"CREATE VIRTUAL TABLE IF NOT EXISTS catalog_search USING fts5({', '.join(FIELDS)}, tokenize='ascii', detail=column)",
)
_POSTGRES: Final = (
    # `tokens` is the whole, and is looked up; the places that weigh more stand beside it, short, for ranking what was found.
    "CREATE TABLE IF NOT EXISTS catalog_search_pg (number INTEGER PRIMARY KEY, title TSVECTOR NOT NULL, "
    "subject TSVECTOR NOT NULL, tokens TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS ix_catalog_search_pg_tokens ON catalog_search_pg USING GIN (tokens)",
)
_OLDER: Final = (
    "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('catalog_search_pg') AND attname = 'tokens' AND NOT EXISTS "
    "(SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('catalog_search_pg') AND attname = 'title')"
)


@dataclass(frozen=True, slots=True)
class Doc:
    """What is searched of a record. title: names and code; subject: keywords, publisher, theme; body: all the rest."""

    title: str
    subject: str
    body: str


def install(connection: Connection) -> None:
    """Make the index where it is missing; safe to call at every start. One of before places stood apart is made anew."""
    if connection.dialect.name == "postgresql" and connection.exec_driver_sql(_OLDER).first():
        connection.exec_driver_sql("DROP TABLE catalog_search_pg")
    for statement in _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE:
        connection.exec_driver_sql(statement)


def put(work: Work, number: int, doc: Doc, *, is_new: bool = False) -> None:
    """Index a record by its number, replacing what was there. `is_new`: nothing was."""
    connection = work.db.connection()
    found = {field: _distinct(getattr(doc, field)) for field in FIELDS}
    found["body"] += _sounds(doc)
    _learn(connection, f"{doc.title}\n{doc.subject}")
    if connection.dialect.name == "postgresql":
        statement = (
            "INSERT INTO catalog_search_pg (number, title, subject, tokens) "
            "VALUES (:number, CAST(:title AS tsvector), CAST(:subject AS tsvector), CAST(:tokens AS tsvector)) "
            "ON CONFLICT (number) DO UPDATE SET title = excluded.title, subject = excluded.subject, tokens = excluded.tokens"
        )
        whole = dict.fromkeys(word for words in found.values() for word in words)
        given = {
            "title": _vector(found["title"]),
            "subject": _vector(found["subject"]),
            "tokens": _vector(whole),
        }
        connection.execute(text(statement), given | {"number": number})
        return
    if not is_new:
        connection.execute(text("DELETE FROM catalog_search WHERE rowid = :number"), {"number": number})
    connection.execute(
        text(
            "INSERT INTO catalog_search (rowid, title, subject, body) VALUES (:number, :title, :subject, :body)"
        ),
        {"number": number} | {field: " ".join(words) for field, words in found.items()},
    )


def _learn(connection: Connection, value: str) -> None:
    """Keep the Latin words of names and keywords for “did you mean”."""
    words = {run for run, is_cjk in runs(value) if not is_cjk and 4 <= len(run) <= 40 and run.isalpha()}
    if words:
        statement = text(
            "INSERT INTO catalog_word (word, letters) VALUES (:word, :letters) ON CONFLICT DO NOTHING"
        )
        connection.execute(statement, [{"word": word, "letters": len(word)} for word in sorted(words)])


def _distinct(value: str) -> list[str]:
    return list(dict.fromkeys(tokens(value)))[:_MAX_TOKENS]


def _sounds(doc: Doc) -> list[str]:
    """All Chinese by its sound, names and keywords by their first letters too; weighs as little as the rest of the text."""
    named = f"{doc.title}\n{doc.subject}"
    found = dict.fromkeys(token for run in _chinese(f"{named}\n{doc.body}") for token in sounds.pairs(run))
    found |= dict.fromkeys(token for run in _chinese(named) for token in sounds.letters(run))
    return list(found)[:_MAX_TOKENS]


def _chinese(value: str) -> Iterator[str]:
    return (run for run, is_cjk in runs(value) if is_cjk)


def _vector(words: Iterable[str]) -> str:
    """A tsvector literal: words without places, which would carry no meaning."""
    return " ".join(f"'{word}'" for word in words)
