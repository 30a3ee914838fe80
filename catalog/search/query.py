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


Term = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A parsed question; each term is a run's tokens, all of which a record must hold.

    `runs` are the same terms as they were written (folded), each with whether it is CJK.
    """

    terms: tuple[Term, ...]
    runs: tuple[tuple[str, bool], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)


def parse(text: str) -> Ask:
    """The terms of a question, each once, in order."""
    found = list(dict.fromkeys(runs(text[:1000])))[:MAX_RUNS]
    terms: list[Term] = []
    for run, is_cjk in found:
        room = MAX_TOKENS - sum(map(len, terms))
        if term := wanted(run, is_cjk)[:room]:
            terms.append(term)
    return Ask(tuple(terms), tuple(found[: len(terms)]))


def fts5(terms: tuple[Term, ...], field: str | None = None) -> str:
    """The FTS5 expression that all terms make, or that they make within one field."""
    inner = " AND ".join(
        f'"{token}"*' if prefix else f'"{token}"' for term in terms for token, prefix in term
    )
    return f"{{{field}}} : ({inner})" if field else inner


def tsquery(terms: tuple[Term, ...], field: str | None = None) -> str:
    """The same as a PostgreSQL tsquery literal."""
    label = PG_WEIGHT[field] if field else ""
    return " & ".join(
        f"'{token}'" + (f":{'*' if prefix else ''}{label}" if prefix or label else "")
        for term in terms
        for token, prefix in term
    )
