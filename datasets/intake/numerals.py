"""Numbers with a numeral behind them, as SQL for DuckDB: 3.5万, 1,200千, 2亿.

The decimal point is moved in the text, so nothing is multiplied and nothing is rounded: what is cast is the number written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from datasets.intake import units

PLACES: Final[dict[str, int]] = {
    "百": 2, "千": 3, "万": 4, "十万": 5, "百万": 6, "千万": 7, "亿": 8, "十亿": 9, "百亿": 10, "千亿": 11, "万亿": 12,
}  # fmt: skip
_OLD: Final = ("萬億", "万亿")
LETTERS: Final = "百千万亿萬億"
_WHOLE: Final = "[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+"


def allowed(unit: str | None) -> tuple[str, ...]:
    """The numerals that may stand before `unit`; none where the unit has one itself (3万 under 万元 says two things).

    千克 and 百帕 are units of their own, so 千 does not stand before 克.
    """
    word = (unit or "").strip()
    if word[:1] in {*"万亿萬億"} or (word[:1] in {*"十百千"} and units.known(word) is None):
        return ()
    own = {
        letter
        for letter in "十百千"
        if any(units.known(letter + spelling) for spelling in units.spellings(unit))
    }
    return tuple(numeral for numeral in PLACES if numeral[-1] not in own)


def shape(numerals: Sequence[str]) -> str:
    """A regular expression of a number with one of the numerals: sign, whole part, fraction, numeral."""
    words = "|".join(sorted(numerals, key=lambda each: (-len(each), each)))
    old = words.translate(str.maketrans(_OLD[1], _OLD[0]))
    return f"^([-+]?)({_WHOLE})(?:[.]([0-9]+))? ?({words}|{old})$"


def written_out(text: str, numerals: Sequence[str]) -> str:
    """SQL of 35000 for 3.5万; other text as it is."""
    if not numerals:
        return text
    word = f"translate(p.w, '{_OLD[0]}', '{_OLD[1]}')"
    whens = " ".join(f"WHEN '{each}' THEN {PLACES[each]}" for each in numerals)
    places = f"(CASE {word} {whens} END)"
    number = f"p.s || replace(p.i, ',', '') || rpad(left(p.f, {places}), {places}, '0') || '.' || substr(p.f, {places} + 1)"
    parts = f"regexp_extract({text}, '{shape(numerals)}', ['s', 'i', 'f', 'w'])"
    return (
        f"(CASE WHEN regexp_matches({text}, '[{LETTERS}]$') "
        f"THEN list_transform([{parts}], lambda p: CASE WHEN p.w <> '' THEN {number} ELSE {text} END)[1] ELSE {text} END)"
    )
