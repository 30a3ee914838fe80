"""Traditional and simplified characters made alike, one character at a time.

Why one at a time: a part of a text must become a part of what the whole text becomes, else words inside sentences are not
found; and marks must be drawn on the text as it was written. OpenCC's table of words is for translation, not for this.
"""

from __future__ import annotations

from functools import cache

_FIRST, _LAST = 0x3400, 0x9FFF
_RADICALS = 0xF900, 0xFAFF


@cache
def _table() -> dict[int, str]:
    """Every character whose simplified form is another; OpenCC is asked once, for all of them together."""
    from opencc import OpenCC

    chars = [chr(code) for code in (*range(_FIRST, _LAST + 1), *range(_RADICALS[0], _RADICALS[1] + 1))]
    simple = OpenCC("t2s").convert("\n".join(chars)).split("\n")
    found = {char: made for char, made in zip(chars, simple, strict=True) if made != char and len(made) == 1}
    return {ord(char): _end(found, made) for char, made in found.items()}


def _end(found: dict[str, str], char: str) -> str:
    """Where a chain of forms ends, so that simplifying twice changes nothing."""
    seen = {char}
    while (further := found.get(char)) is not None and further not in seen:
        char = further
        seen.add(char)
    return char


def simplified(text: str) -> str:
    """The text in simplified characters; as long as it was."""
    return text if text.isascii() else text.translate(_table())
