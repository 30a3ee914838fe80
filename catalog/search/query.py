"""What a person asked for, in both index languages. Every term must be met (AND), by any of its alternatives (OR)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from catalog.search import sounds
from catalog.search.tokens import runs, singular, wanted

MAX_RUNS: Final = 16  # further words of a very long question are left out, on both databases alike
MAX_TOKENS: Final = 64
MAX_ALTERNATIVES: Final = 8
_LONGEST_PHRASE: Final = 4  # words in one synonym
FIELDS: Final = ("title", "subject", "body")  # heaviest first
SCORE: Final = {"title": 8, "subject": 3, "body": 1}

Run = tuple[str, bool]
Token = tuple[str, bool]
Writer = Callable[[str, bool], str]
Groups = Mapping[tuple[Run, ...], tuple[tuple[Run, ...], ...]]
"""Synonyms by what they are asked for (`key_of`): runs → the runs of each other word of the group."""


def key_of(part: tuple[Run, ...]) -> tuple[Run, ...]:
    """What a word is looked up by: plurals count as the word itself."""
    return tuple((run if is_cjk else singular(run), is_cjk) for run, is_cjk in part)


class Alternative(NamedTuple):
    """Tokens that a record must all hold, each with whether the beginning of a word is enough. `kind`: why they stand for the term.
    `runs`: what to mark in a text; none for sounds."""

    tokens: tuple[Token, ...]
    kind: str  # word, synonym, sound, letters
    runs: tuple[Run, ...]


Term = tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A parsed question. `runs`: what its terms may look like in a text (folded), each with whether it is CJK."""

    terms: tuple[Term, ...]

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(dict.fromkeys(run for term in self.terms for each in term for run in each.runs))


def parse(text: str, groups: Groups | None = None, *, by_letters: bool = False) -> Ask:
    """The terms of a question, each once, in order. `by_letters`: words may be the first letters of Chinese ones, too."""
    found = tuple(dict.fromkeys(runs(text[:1000])))[:MAX_RUNS]
    terms: list[Term] = []
    room = MAX_TOKENS
    for part in _parts(found, groups or {}):
        first, *others = _alternatives(part, groups or {}, by_letters=by_letters)
        first = first._replace(tokens=first.tokens[:room])
        room -= len(first.tokens)
        if first.tokens:
            terms.append((first, *others[: MAX_ALTERNATIVES - 1]))
    return Ask(tuple(terms))


def _parts(found: tuple[Run, ...], groups: Groups) -> Iterator[tuple[Run, ...]]:
    """Runs that mean something together (a synonym of several words, syllables written apart), the others alone."""
    at = 0
    while at < len(found):
        size = next(
            (
                n
                for n in range(min(_LONGEST_PHRASE, len(found) - at), 1, -1)
                if key_of(found[at : at + n]) in groups
            ),
            1,
        )
        if size == 1:
            end = at
            while end < len(found) and found[end][0] in sounds.SYLLABLES:
                end += 1
            size = max(1, end - at)
        yield found[at : at + size]
        at += size


def _alternatives(part: tuple[Run, ...], groups: Groups, *, by_letters: bool) -> list[Alternative]:
    made = [Alternative(_tokens(part), "word", part)]
    made += [Alternative(_tokens(others), "synonym", others) for others in _synonyms(part, groups)]
    words = [run for run, _ in part]
    if len(part) > 1 and all(word in sounds.SYLLABLES for word in words):
        made.append(_by_sound(sounds.asked(tuple(words)), "sound"))
    elif len(part) == 1 and not part[0][1]:
        made += [_by_sound(sounds.asked(split), "sound") for split in sounds.syllables(words[0])]
        if by_letters and (letters := sounds.first_letters(words[0])):
            made.append(_by_sound(letters, "letters"))
    return list(dict.fromkeys(made))


def _synonyms(part: tuple[Run, ...], groups: Groups) -> Iterator[tuple[Run, ...]]:
    """The part with a word replaced by the others of its group; inside a run of Chinese, wherever the word stands in it."""
    yield from groups.get(key_of(part), ())
    if len(part) > 1 or not part[0][1]:
        return
    run = part[0][0]
    for key, others in groups.items():
        if len(key) > 1 or not key[0][1] or key[0][0] == run or (at := run.find(key[0][0])) < 0:
            continue
        before, after = run[:at], run[at + len(key[0][0]) :]
        for other in others:
            if len(other) == 1 and other[0][1]:
                yield ((before + other[0][0] + after, True),)
            else:
                yield tuple((rest, True) for rest in (before, after) if rest) + other


def _tokens(part: tuple[Run, ...]) -> tuple[Token, ...]:
    return tuple(dict.fromkeys(token for run, is_cjk in part for token in wanted(run, is_cjk)))


def _by_sound(tokens: tuple[str, ...], kind: str) -> Alternative:
    return Alternative(tuple((token, False) for token in tokens), kind, ())


def fts5(terms: tuple[Term, ...], field: str | None = None) -> str:
    """The FTS5 expression that all terms make, or that they make within one field."""
    inner = _expression(
        terms, " AND ", " OR ", lambda token, prefix: f'"{token}"*' if prefix else f'"{token}"'
    )
    return f"{{{field}}} : ({inner})" if field else inner


def tsquery(terms: tuple[Term, ...]) -> str:
    """The same as a PostgreSQL tsquery literal."""
    return _expression(terms, " & ", " | ", lambda token, prefix: f"'{token}'" + (":*" if prefix else ""))


def _expression(terms: tuple[Term, ...], both: str, either: str, write: Writer) -> str:
    made = []
    for term in terms:
        ways = list(dict.fromkeys(both.join(write(*token) for token in each.tokens) for each in term))
        made.append(ways[0] if len(ways) == 1 else f"({either.join(f'({way})' for way in ways)})")
    return both.join(made)
