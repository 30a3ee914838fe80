"""Where the words of a question stand in a text, for marking them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from catalog.search.query import Ask, Run
from catalog.search.tokens import fold, runs_at, wanted

WIDTH: Final = 160
_BEFORE: Final = 30
_MOST_CHARS: Final = 50_000  # whose folded form is kept
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the original text, and whether it is to be marked."""

    text: str
    hit: bool


def spans(text: str, ask: Ask) -> list[Span]:
    """Places (start, end) of the question's words in `text`, in order, not overlapping."""
    folded, origin = _folded(text)
    chinese, words = _looked_for(ask.runs)
    found = sorted(
        (start + match, start + match + len(part))
        for run, start, is_cjk in runs_at(folded)
        for part in (_chinese(run, chinese) if is_cjk else _words(run, words))
        for match in _occurrences(run, part)
    )
    merged: list[Span] = []
    for start, end in ((origin[first], origin[last - 1] + 1) for first, last in found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def pieces(text: str, marks: Sequence[Span], width: int | None = None) -> list[Piece]:
    """The text cut at its marks (`spans`); with `width` only a window of so many characters around the first."""
    start, end = 0, len(text)
    if width is not None and len(text) > width:
        start = max(0, min(marks[0][0] - _BEFORE, len(text) - width)) if marks else 0
        end = start + width
    made, at = [Piece("…", False)] if start else [], start
    for first, last in marks:
        if last <= start or first >= end:
            continue
        first, last = max(first, start), min(last, end)
        made += [Piece(text[at:first], False), Piece(text[first:last], True)]
        at = last
    made.append(Piece(text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in made if piece.text]


class _Folds(dict[str, str]):
    """Each character folded by itself, so that places can be told."""

    def __missing__(self, char: str) -> str:
        made = fold(char)
        if len(self) < _MOST_CHARS:
            self[char] = made
        return made


_FOLDS: Final = _Folds()


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """Folded text, and for each of its characters the place it came from."""
    if text.isascii():
        return text.lower(), range(len(text))
    parts = [_FOLDS[char] for char in text]
    if all(len(part) == 1 for part in parts):
        return "".join(parts), range(len(text))
    return "".join(parts), [place for place, part in enumerate(parts) for _ in part]


@lru_cache(maxsize=64)
def _looked_for(asked: tuple[Run, ...]) -> tuple[list[tuple[str, list[str]]], list[tuple[str, bool]]]:
    """Chinese runs, each with its pairs; words, each with whether the beginning is enough."""
    chinese = [(run, [pair for pair, _ in wanted(run, True)]) for run, is_cjk in asked if is_cjk]
    return chinese, [wanted(run, False)[0] for run, is_cjk in asked if not is_cjk]


def _chinese(run: str, asked: list[tuple[str, list[str]]]) -> list[str]:
    """What of the question occurs in this run: the asked run itself, or failing that its pairs."""
    found: list[str] = []
    for whole, pairs in asked:
        found += [whole] if whole in run else [pair for pair in pairs if pair in run]
    return found


def _words(run: str, asked: list[tuple[str, bool]]) -> list[str]:
    """The run itself, where it is asked for."""
    return [run for token, prefix in asked if run == token or (prefix and run.startswith(token))]


def _occurrences(run: str, part: str) -> list[int]:
    found, at = [], run.find(part)
    while at >= 0:
        found.append(at)
        at = run.find(part, at + 1)
    return found
