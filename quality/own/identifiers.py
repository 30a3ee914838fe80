"""Numbers of persons and companies: whether a text is one, and whether a text holds one.

The check digits keep false alarms away: of eighteen arbitrary digits, fewer than one in a thousand passes for an
identity card. Digits may be full-width; a number glued to further digits (an epoch stamp, a long id) is none.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

CACHE: Final = 65_536
_CREDIT_SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_CREDIT: Final = re.compile(rf"[{_CREDIT_SIGNS}]{{2}}[0-9]{{6}}[{_CREDIT_SIGNS}]{{10}}")
_CARD_WEIGHTS: Final = tuple(pow(2, 17 - place, 11) for place in range(17))
_CARD_SIGNS: Final = "10X98765432"
_PROVINCES: Final = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_NARROW: Final = str.maketrans("０１２３４５６７８９Ｘｘ＋－（）．\u3000", "0123456789XX+-(). ")
_PHONE: Final = re.compile(
    r"(?<![0-9])(?<![0-9]\.)(?:(?:\+|00)?86[- ]?)?\(?1[3-9][0-9]\)?"
    r"(?:[- ]?[0-9]{4}[- ]?[0-9]{4}|\.[0-9]{4}\.[0-9]{4})(?![0-9])"
)
_CARD: Final = re.compile(r"(?<![0-9])(?=([0-9]{6}[- ]?[0-9]{8}[- ]?[0-9]{3}[0-9Xx])(?![0-9A-Za-z]))")
# What a text must hold to be worth a closer look; said so that RE2 and Python mean the same.
PHONE_HINT: Final = "[1１][3-9３-９]"
CARD_HINT: Final = "[0-9０-９]{6}[- －\u3000]?[0-9０-９]{8}[- －\u3000]?[0-9０-９]{3}"


@lru_cache(maxsize=CACHE)
def is_credit_code(text: str, _: str = "") -> bool:
    """A unified social credit code (GB 32100): 18 signs, digits for the district, and the right check sign."""
    if not _CREDIT.fullmatch(text):
        return False
    total = sum(
        _CREDIT_SIGNS.index(sign) * weight for sign, weight in zip(text[:17], _CREDIT_WEIGHTS, strict=True)
    )
    return text[17] == _CREDIT_SIGNS[-total % 31]


@lru_cache(maxsize=CACHE)
def holds_phone_number(text: str, _: str = "") -> bool:
    """Whether a mainland mobile number stands anywhere in the text, also written 138-0013-8000, (138) 0013 8000, 138.0013.8000 or +86 138…"""
    return _PHONE.search(text.translate(_NARROW)) is not None


@lru_cache(maxsize=CACHE)
def holds_card_number(text: str, _: str = "") -> bool:
    """Whether an 18-digit identity card number (GB 11643) stands anywhere in the text, also written in its three groups."""
    return any(
        _is_card_number(found.group(1).replace("-", "").replace(" ", ""))
        for found in _CARD.finditer(text.translate(_NARROW))
    )


def _is_card_number(text: str) -> bool:
    if not _PROVINCES.fullmatch(text[:2]):
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(sign) * weight for sign, weight in zip(text[:17], _CARD_WEIGHTS, strict=True))
    return 1900 <= born.year < 2100 and text[17].upper() == _CARD_SIGNS[total % 11]
