"""Where the words of a question stand in a text, for marking them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from catalog.search.query import Ask
from catalog.search.tokens import fold, runs_at, wanted

WIDTH: Final = 160
_BEFORE: Final = 30


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the original text, and whether it is to be marked."""

    text: str
    hit: bool


def spans(text: str, ask: Ask) -> list[tuple[int, int]]:
    """Places (start, end) of the question's words in `text`, in order, not overlapping."""
    folded, origin = _folded(text)
    found = sorted(
        (start + match, start + match + len(part))
        for run, start, is_cjk in runs_at(folded)
        for part in _parts(run, is_cjk, ask)
        for match in _occurrences(run, part)
    )
    merged: list[tuple[int, int]] = []
    for start, end in ((origin[first], origin[last - 1] + 1) for first, last in found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def pieces(text: str, ask: Ask, width: int | None = None) -> list[Piece]:
    """The text cut at its marks; with `width` only a window of so many characters around the first."""
    marks = spans(text, ask)
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


def _folded(text: str) -> tuple[str, list[int]]:
    """Folded text, and for each of its characters the place it came from."""
    made: list[str] = []
    origin: list[int] = []
    for place, char in enumerate(text):
        for part in char.lower() if char.isascii() else fold(char):
            made.append(part)
            origin.append(place)
    return "".join(made), origin


def _parts(run: str, is_cjk: bool, ask: Ask) -> list[str]:
    """What of the question occurs in this run: the asked run itself, or failing that its pairs; a whole word."""
    found: list[str] = []
    for asked, asked_cjk in ask.runs:
        if asked_cjk != is_cjk:
            continue
        if not is_cjk:
            token, prefix = wanted(asked, False)[0]
            if run == token or (prefix and run.startswith(token)):
                found.append(run)
        elif asked in run:
            found.append(asked)
        else:
            found += [pair for pair, _ in wanted(asked, True) if pair in run]
    return found


def _occurrences(run: str, part: str) -> list[int]:
    found, at = [], run.find(part)
    while at >= 0:
        found.append(at)
        at = run.find(part, at + 1)
    return found
