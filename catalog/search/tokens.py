"""One tokeniser for both databases, both for what is stored and for what is asked.

Why this exists: Chinese has no spaces, and neither SQLite's nor PostgreSQL's own tokenisers find a word of two
characters inside a sentence. A run of Chinese, Japanese or Korean characters becomes its single characters and its
overlapping pairs; asking for a run means asking for all its pairs. Everything else is words of letters and digits,
folded (NFKC, case, simplified characters). A token holds letters and digits only, so it can never be read as an operator of an index language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from catalog.search.variants import simplified

MAX_TOKEN: Final = 64  # characters; longer words are cut on both sides alike
_CJK: Final = (
    "\u3005\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(rf"(?P<cjk>[{_CJK}]+)|(?P<word>[^\W_{_CJK}]+)")
_SHORTEST_PREFIX: Final = 4


def fold(text: str) -> str:
    """Width, compatibility forms, case, traditional and simplified characters made alike."""
    if text.isascii():
        return text.lower()
    return simplified(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def runs(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of folded text in order, each with whether it is CJK; what is neither letter nor digit separates."""
    for run, _, is_cjk in runs_at(fold(text)):
        yield run, is_cjk


def runs_at(folded: str) -> Iterator[tuple[str, int, bool]]:
    """The same of text that is folded already, each with its place."""
    for match in _RUN.finditer(folded):
        yield match.group(), match.start(), match.lastgroup == "cjk"


def tokens(text: str) -> Iterator[str]:
    """What is stored: words, single CJK characters and overlapping pairs."""
    for run, is_cjk in runs(text):
        if not is_cjk:
            yield run[:MAX_TOKEN]
            continue
        yield from run
        yield from (first + second for first, second in pairwise(run))


def wanted(run: str, is_cjk: bool) -> tuple[tuple[str, bool], ...]:
    """What a record must hold to contain a run: tokens, each with whether the beginning of a word is enough."""
    if not is_cjk:
        word = singular(run)[:MAX_TOKEN]
        return ((word, _SHORTEST_PREFIX <= len(word) < MAX_TOKEN),)
    if len(run) == 1:
        return ((run, False),)
    return tuple((first + second, False) for first, second in pairwise(run))


def singular(word: str) -> str:
    """An English plural without its s: the beginning of both forms. Other words as they are."""
    plural = (
        len(word) > _SHORTEST_PREFIX
        and word.isascii()
        and word.isalpha()
        and word[-1] == "s"
        and word[-2] not in "siu"
    )
    return word[:-1] if plural else word


def sort_key(title: str, *, chinese: bool) -> str:
    """Text that sorts the same in every database: Chinese by sound (the order of GB 2312's common characters)."""
    folded = fold(title)[:50]
    return folded.encode("gb18030" if chinese else "utf-8", "replace").hex()
