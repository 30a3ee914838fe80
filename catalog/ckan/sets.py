"""The search language as bitmaps: words are looked up in the index, facets and sight are known from memory.

Why this exists: the same question put to the database as one condition reads every record that it may concern. What bitmaps do
not hold (times, parts of words in a field, boxes) is still asked there: `simple` gives None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from pyroaring import BitMap

from catalog.ckan.language import All, And, Node, Not, Or, Term
from catalog.search import engine, synonyms
from catalog.search.memory import Memory
from catalog.search.query import Ask, parse
from core.work import Work

_FACETS: Final[Mapping[str, str]] = {
    "organization": "organization", "owner_org": "organization", "groups": "groups", "theme": "groups", "res_format": "res_format",
    "license_id": "license_id",
}  # fmt: skip
_TOGETHER: Final = 8  # words in one look into the index


@dataclass(frozen=True, slots=True)
class Words:
    """Texts that a record must all hold."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Having:
    """The records with a value of a facet."""

    facet: str
    value: str


@dataclass(frozen=True, slots=True)
class Both:
    args: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Either:
    args: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Without:
    arg: Tree


Tree = All | Words | Having | Both | Either | Without


def simple(node: Node) -> Tree | None:
    """The same question of bitmaps; None when they do not answer it."""
    match node:
        case All():
            return node
        case Term(None | "text", text):
            return Words((text,))
        case Term(str(field), text, is_phrase) if field in _FACETS and (is_phrase or "*" not in text):
            return Having(_FACETS[field], text)
        case Not(arg):
            return None if (one := simple(arg)) is None else Without(one)
        case And(args):
            parts = _all(args)
            return None if parts is None else Both(tuple(_gathered(parts)))
        case Or(args):
            parts = _all(args)
            return None if parts is None else Either(tuple(parts))
        case _:
            return None


def _all(args: tuple[Node, ...]) -> list[Tree] | None:
    found = [simple(each) for each in args]
    return None if None in found else [each for each in found if each is not None]


def _gathered(parts: list[Tree]) -> Iterator[Tree]:
    """Words that must all be met are looked up together."""
    texts: list[str] = []
    for part in parts:
        for each in part.args if isinstance(part, Both) else (part,):
            if isinstance(each, Words):
                texts += each.texts
            else:
                yield each
    for at in range(0, len(texts), _TOGETHER):
        yield Words(tuple(texts[at : at + _TOGETHER]))


def looked_up(work: Work, tree: Tree) -> dict[Words, BitMap]:
    """What the index holds of the words that are asked for."""
    wanted = dict.fromkeys(_words(tree))
    groups = synonyms.groups(work) if wanted else {}
    found = {}
    for words in wanted:
        asks = [parse(text, groups) for text in words.texts]
        is_askable = all(asks)  # what holds neither letter nor digit finds nothing
        terms = Ask(tuple(dict.fromkeys(term for ask in asks for term in ask.terms)))
        found[words] = engine.numbers(work, terms) if is_askable else BitMap()
    return found


def _words(tree: Tree) -> Iterator[Words]:
    match tree:
        case Words():
            yield tree
        case Both(args) | Either(args):
            for each in args:
                yield from _words(each)
        case Without(arg):
            yield from _words(arg)


def numbers(known: Memory, seen: BitMap, found: Mapping[Words, BitMap], tree: Tree) -> BitMap:
    """Those of the records in sight that answer; under the lock of what is known."""
    match tree:
        case All():
            return seen
        case Words():
            return found[tree] & seen
        case Having(facet, value):
            return known.having(facet, value) & seen
        case Without(arg):
            return seen - numbers(known, seen, found, arg)
        case Both(args):
            return reduce(lambda left, each: left & numbers(known, seen, found, each), args, seen)
        case Either(args):
            return BitMap.union(*(numbers(known, seen, found, each) for each in args))
