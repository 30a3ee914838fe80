"""What a person asked for, in both index languages. Every run of the text must be found (AND)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from catalog.search.tokens import runs, wanted

MAX_RUNS: Final = 16  # further words of a very long question are left out, on both databases alike
MAX_TOKENS: Final = 64
FIELDS: Final = ("title", "subject", "body")  # heaviest first
PG_WEIGHT: Final = {"title": "A", "subject": "B", "body": "C"}
SCORE: Final = {"title": 8, "subject": 3, "body": 1}


@dataclass(frozen=True, slots=True)
class Ask:
    """A parsed question; each term is a run's tokens, all of which a record must hold."""

    terms: tuple[tuple[tuple[str, bool], ...], ...]

    def __bool__(self) -> bool:
        return bool(self.terms)


def parse(text: str) -> Ask:
    """The terms of a question, each once, in order."""
    found = dict.fromkeys(wanted(run, is_cjk) for run, is_cjk in runs(text[:1000]))
    terms, size = [], 0
    for term in list(found)[:MAX_RUNS]:
        if size + len(term) > MAX_TOKENS:
            term = term[: MAX_TOKENS - size]
        if term:
            terms.append(term)
        size += len(term)
    return Ask(tuple(terms))


def fts5(ask: Ask, field: str | None = None) -> str:
    """The FTS5 expression of all terms, or of all terms within one field."""
    inner = " AND ".join(
        f'"{token}"*' if prefix else f'"{token}"' for term in ask.terms for token, prefix in term
    )
    return f"{{{field}}} : ({inner})" if field else inner


def tsquery(ask: Ask, field: str | None = None) -> str:
    """The same as a PostgreSQL tsquery literal."""
    label = PG_WEIGHT[field] if field else ""
    return " & ".join(
        f"'{token}'" + (f":{'*' if prefix else ''}{label}" if prefix or label else "")
        for term in ask.terms
        for token, prefix in term
    )
