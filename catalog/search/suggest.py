"""“Did you mean”: for words that no record holds, words nearby that some record in the reader's sight does.

Words of Latin letters: one or two letters away. Chinese: read the same, one character away, or two neighbours exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final

import sqlalchemy
from sqlmodel import col

from catalog.search import sounds
from catalog.search.query import Alternative, Ask, parse
from catalog.search.tables import WordRow
from catalog.search.tokens import runs
from core.work import Work

_SHORTEST: Final = 4
_LONG: Final = 8  # from so many letters on, two may be wrong
_MOST_TRIED: Final = 6
_MOST_LETTERS: Final = 40
Exists = Callable[[Ask], bool]
Titles = Callable[[Ask], Iterable[str]]
"""Exists: whether the reader may see a record that holds this. Titles: names and keywords of the first such records."""


def suggestion(work: Work, text: str, exists: Exists, titles: Titles) -> str | None:
    """The question with its unknown words replaced; None when nothing near is known, or all words were known."""
    found = tuple(dict.fromkeys(runs(text[:1000])))[:8]
    made, is_changed = [], False
    for run, is_cjk in found:
        if exists(parse(run)):
            made.append(run)
            continue
        near = _chinese(run, exists, titles) if is_cjk else _latin(work, run, exists)
        if near is None:
            return None
        made.append(near)
        is_changed = True
    proposed = " ".join(made)
    return proposed if is_changed and exists(parse(proposed)) else None


def _latin(work: Work, word: str, exists: Exists) -> str | None:
    if not (_SHORTEST <= len(word) <= _MOST_LETTERS and word.isalpha()):
        return None
    most = 2 if len(word) >= _LONG else 1
    wanted = sqlalchemy.select(col(WordRow.word)).where(
        col(WordRow.letters).between(len(word) - most, len(word) + most)
    )
    ranked = sorted(
        (distance, known)
        for known in work.db.connection().execute(wanted).scalars()
        if known != word and (distance := distance_of(word, known, most)) <= most
    )
    return next((known for _, known in ranked[:_MOST_TRIED] if exists(parse(known))), None)


def distance_of(one: str, other: str, most: int) -> int:
    """Letters to put in, leave out, change or exchange with their neighbour; `most` + 1 as soon as it is more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _chinese(run: str, exists: Exists, titles: Titles) -> str | None:
    if not 2 <= len(run) <= _MOST_LETTERS:
        return None
    for one, other in pairwise(range(len(run))):
        swapped = run[:one] + run[other] + run[one] + run[other + 1 :]
        if swapped != run and exists(parse(swapped)):
            return swapped
    for ask in (_same_sound(run), *_one_off(run)):
        if ask and (near := _nearest(run, titles(ask))) is not None and exists(parse(near)):
            return near
    return None


def _same_sound(run: str) -> Ask | None:
    places = sounds.spoken(run)
    if not all(places):
        return None
    return Ask(
        tuple(tuple(Alternative(((token, False),), "sound", ()) for token in place) for place in places)
    )


def _one_off(run: str) -> Iterator[Ask]:
    """What is left when one character is not looked at; nothing for words so short that little would be left."""
    if len(run) < 3:
        return
    for place in range(len(run)):
        rest = [part for part in (run[:place], run[place + 1 :]) if len(part) > 1]
        if sum(map(len, rest)) >= 2:
            yield parse(" ".join(rest))


def _nearest(run: str, texts: Iterable[str]) -> str | None:
    """The stretch of these texts that reads the same or differs in one character, the nearest and earliest."""
    best: tuple[int, str] | None = None
    for text in texts:
        for whole, is_cjk in runs(text):
            if not is_cjk:
                continue
            for start in range(len(whole) - len(run) + 1):
                part = whole[start : start + len(run)]
                apart = [(a, b) for a, b in zip(run, part, strict=True) if a != b]
                is_near = len(apart) == 1 or all(
                    set(sounds.readings(a)) & set(sounds.readings(b)) for a, b in apart
                )
                if apart and is_near and (best is None or len(apart) < best[0]):
                    best = (len(apart), part)
    return best[1] if best else None
