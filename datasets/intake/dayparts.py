"""Hours with the part of the day: 下午3:30, 上午8时, 3:30 PM, AM 8:00, as SQL for DuckDB.

A word of the day and an hour give one time or none: 下午3:30 is 15:30, 下午15:30 as well, and 上午12:30, which some write for half past
noon and some programs for half past midnight, is none. The table says which; nothing is guessed.
"""

from __future__ import annotations

from typing import Final

# words → the hours as written with what is added to them; an hour that is not here is not read
_SAME: Final = 0
_LATER: Final = 12
DAYPARTS: Final[tuple[tuple[tuple[str, ...], dict[int, int]], ...]] = (
    (("凌晨",), {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 12: -12}),
    (("早上", "早晨", "清晨"), dict.fromkeys(range(4, 12), _SAME)),
    (("上午",), dict.fromkeys(range(12), _SAME)),
    (("中午", "正午"), {11: 0, 12: 0, 13: 0, 1: _LATER}),
    (("下午", "午后", "午後"), dict.fromkeys(range(1, 12), _LATER) | dict.fromkeys(range(12, 20), _SAME)),
    (("傍晚",), dict.fromkeys(range(4, 9), _LATER) | dict.fromkeys(range(16, 21), _SAME)),
    (("晚上", "夜晚", "夜间", "夜間"), dict.fromkeys(range(5, 12), _LATER) | dict.fromkeys(range(17, 24), _SAME)),
    (("am", "a.m."), dict.fromkeys(range(12), _SAME) | {12: -12}),
    (("pm", "p.m."), dict.fromkeys(range(1, 12), _LATER) | dict.fromkeys(range(12, 24), _SAME)),
)  # fmt: skip
_HAN: Final = "|".join(word for words, _ in DAYPARTS for word in words if not word.isascii())
_LATIN: Final = "[aApP](?:[mM]|[.][mM][.])"
WORD: Final = f"(?:{_HAN}|{_LATIN})"
BEFORE: Final = f"(?:{WORD} ?)"  # in front of an hour
HOUR_ALONE: Final = f"(?:{WORD} ?[0-9]{{1,2}}|[0-9]{{1,2}} ?{_LATIN})"  # 8 PM, without minutes
HOLDS: Final = f"({_HAN}|[0-9 ]{_LATIN}|^{_LATIN} ?[0-9]|[ T]{_LATIN} ?[0-9])"


def word_of(text: str) -> str:
    """SQL of the word before or behind the hour, small letters; '' where there is none."""
    return f"lower(regexp_extract({text}, '^({WORD})|({WORD})$'))"


def without_word(text: str) -> str:
    return f"trim(regexp_replace({text}, '^{WORD}|{WORD}$', ''))"


def moved(time: str, word: str) -> str:
    """SQL of the time of day that `word` makes of `time` (TIME); NULL where the hour does not go with the word."""
    whens = " ".join(
        f"WHEN {word} IN ({', '.join(map(_quoted, words))}) AND hour({time}) IN ({', '.join(map(str, hours))}) "
        f"THEN {time} + to_hours({shift})"
        for words, table in DAYPARTS
        for shift in sorted(set(table.values()))
        if (hours := [hour for hour, by in table.items() if by == shift])
    )
    return f"CASE {whens} END"


def _quoted(word: str) -> str:
    return "'" + word + "'"
