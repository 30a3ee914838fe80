"""The index beside the records: FTS5 on SQLite, tsvector on PostgreSQL, over the same tokens.

`install` makes it; `put` keeps it inside the record's own transaction, so it is never ahead or behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from catalog.search.query import FIELDS, PG_WEIGHT
from catalog.search.tokens import tokens
from core.work import Work

TABLES: Final = ("catalog_search", "catalog_search_pg")
_MAX_TOKENS: Final = 60_000  # different tokens per field: keeps a vector below PostgreSQL's megabyte

_SQLITE: Final = (
    # `ascii` splits at our blanks and folds nothing that we have not folded already.
    f"CREATE VIRTUAL TABLE IF NOT EXISTS catalog_search USING fts5({', '.join(FIELDS)}, tokenize='ascii', detail=column)",
)
_POSTGRES: Final = (
    "CREATE TABLE IF NOT EXISTS catalog_search_pg (number INTEGER PRIMARY KEY, tokens TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS ix_catalog_search_pg_tokens ON catalog_search_pg USING GIN (tokens)",
)


@dataclass(frozen=True, slots=True)
class Doc:
    """What is searched of a record. title: names and code; subject: keywords, publisher, theme; body: all the rest."""

    title: str
    subject: str
    body: str


def install(connection: Connection) -> None:
    """Make the index where it is missing; safe to call at every start."""
    for statement in _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE:
        connection.exec_driver_sql(statement)


def put(work: Work, number: int, doc: Doc) -> None:
    """Index a record by its number, replacing what was there."""
    connection = work.db.connection()
    found = {field: _distinct(getattr(doc, field)) for field in FIELDS}
    if connection.dialect.name == "postgresql":
        statement = (
            "INSERT INTO catalog_search_pg (number, tokens) VALUES (:number, CAST(:tokens AS tsvector)) "
            "ON CONFLICT (number) DO UPDATE SET tokens = excluded.tokens"
        )
        connection.execute(text(statement), {"number": number, "tokens": _vector(found)})
        return
    connection.execute(text("DELETE FROM catalog_search WHERE rowid = :number"), {"number": number})
    connection.execute(
        text(
            "INSERT INTO catalog_search (rowid, title, subject, body) VALUES (:number, :title, :subject, :body)"
        ),
        {"number": number} | {field: " ".join(words) for field, words in found.items()},
    )


def _distinct(value: str) -> list[str]:
    return list(dict.fromkeys(tokens(value)))[:_MAX_TOKENS]


def _vector(found: dict[str, list[str]]) -> str:
    """A tsvector literal. Places carry no meaning: each field has one, so that its weight is never merged away."""
    places: dict[str, list[str]] = {}
    for place, (field, words) in enumerate(found.items(), 1):
        for word in words:
            places.setdefault(word, []).append(f"{place}{PG_WEIGHT[field]}")
    return " ".join(f"'{word}':{','.join(where)}" for word, where in places.items())
