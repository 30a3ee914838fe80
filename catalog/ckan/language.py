"""The search language that CKAN's clients write, as a tree. Our own parser: no raw text ever reaches the index.

words (AND)   "a phrase"   field:value   field:(a OR b)   + - ! NOT AND OR ( )   field:[a TO b]   foo*   *:*

Weights and nearness (`foo^4`, `foo~1`, `"a b"~3`) are taken and change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from catalog.ckan.errors import bad_query

LONGEST: Final = 4000
DEEPEST: Final = 20
MOST_TERMS: Final = 100
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<phrase>"(?:[^"\\]|\\.)*")(?:[~^][\d.]*)*
    | (?P<range>[\[{]\s*(?P<low>[^\s\]}]+)\s+TO\s+(?P<high>[^\s\]}]+)\s*[\]}])(?:\^[\d.]*)?
    | (?P<mark>[(+!]|\)|-(?=[^\s]))(?:(?<=\))\^[\d.]*)?
    | (?P<field>(?:[\w.\-]|\\.)+):(?!\s|$)
    | (?P<all>\*:\*)
    | (?P<word>(?:[^\s()\[\]{}"\\]|\\.)+)
    )""",
    re.VERBOSE,
)

_WEIGHT: Final = re.compile(r"(?<=[^\\~^])(?:\^\d+(?:\.\d+)?|~(?:\d+(?:\.\d+)?)?)+$")
"""How much a word weighs and how far from it others may be, at its end."""


@dataclass(frozen=True, slots=True)
class All:
    """Everything."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase, in one field or anywhere. `*` inside a word that is no phrase stands for anything."""

    field: str | None
    text: str
    is_phrase: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends belong to it unless curly; `*` is open."""

    field: str
    low: str
    high: str
    open_low: bool = False
    open_high: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    arg: Node


@dataclass(frozen=True, slots=True)
class And:
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    args: tuple[Node, ...]


Node = All | Term | Range | Not | And | Or


def parse(text: str) -> Node:
    """The tree of a query; empty text is everything. Raises CkanError (Search Query Error)."""
    if len(text) > LONGEST:
        raise bad_query(f"the query is longer than {LONGEST} characters")
    return _Parser(_tokens(text)).whole() if text.strip() else All()


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise bad_query(f"cannot parse at character {at + 1}: {text[at : at + 20]!r}")
        found.append(match)
        at = match.end()
        if len(found) > MOST_TERMS:
            raise bad_query(f"more than {MOST_TERMS} terms")
    return found


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class _Parser:
    """Recursive descent: OR binds weakest, then AND (written or not), then NOT."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def whole(self) -> Node:
        node = self._or(None)
        if self._at < len(self._tokens):
            raise bad_query("a closing bracket without an opening one")
        return node

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, kind: str, *values: str) -> bool:
        token = self._peek()
        if token is not None and token[kind] in values:
            self._at += 1
            return True
        return False

    def _or(self, field: str | None) -> Node:
        found = [self._and(field)]
        while self._takes("word", "OR", "||"):
            found.append(self._and(field))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _and(self, field: str | None) -> Node:
        found = [self._not(field)]
        while (
            (token := self._peek()) is not None and token["mark"] != ")" and token["word"] not in ("OR", "||")
        ):
            self._takes("word", "AND", "&&")
            found.append(self._not(field))
        return found[0] if len(found) == 1 else And(tuple(found))

    def _not(self, field: str | None) -> Node:
        if self._takes("mark", "+"):
            return self._not(field)
        if self._takes("mark", "-", "!") or self._takes("word", "NOT"):
            return Not(self._deeper(self._not, field))
        return self._deeper(self._one, field)

    def _deeper(self, step: Callable[[str | None], Node], field: str | None) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise bad_query(f"brackets nested deeper than {DEEPEST}")
        node = step(field)
        self._depth -= 1
        return node

    def _one(self, field: str | None) -> Node:
        token = self._peek()
        if token is None or token["mark"] == ")":
            raise bad_query("a term is missing")
        self._at += 1
        if token["mark"] == "(":
            node = self._or(field)
            if not self._takes("mark", ")"):
                raise bad_query("a bracket is not closed")
            return node
        if token["field"] is not None:
            return self._deeper(self._one, _plain(token["field"]))
        if token["all"] is not None:
            return All()
        if token["range"] is not None:
            if field is None:
                raise bad_query("a range needs a field")
            ends = token["range"].strip()
            return Range(
                field, _unquoted(token["low"]), _unquoted(token["high"]), ends[0] == "{", ends[-1] == "}"
            )
        if token["phrase"] is not None:
            return Term(field, _plain(token["phrase"][1:-1]), is_phrase=True)
        if token["word"] in ("AND", "OR", "NOT", "&&", "||") or token["word"] is None:
            raise bad_query(f"a term is missing beside {token[0].strip()}")
        if not token["word"].strip("*"):
            return All() if field is None else Term(field, "*")
        return Term(field, _plain(_WEIGHT.sub("", token["word"])))


def _unquoted(text: str) -> str:
    return text.strip('"')
