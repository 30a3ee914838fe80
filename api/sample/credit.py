"""Unified social credit codes (GB 32100-2015) with both check digits, for organisations that do not exist."""

from __future__ import annotations

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
BODY_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def credit_code(kind: str, number: int, *, area: str = "440300") -> str:
    """kind: 11 government body, 91 enterprise, 92 individual business. The body `DEM…` marks a demonstration."""
    body = f"DEM{number:05d}"
    first = f"{kind}{area}{body}{_body_digit(body)}"
    return first + check_digit(first)


def check_digit(first: str) -> str:
    """The 18th character for the first 17."""
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(first, WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def _body_digit(body: str) -> str:
    """The check character of the nine-place organisation code (GB 11714-1997)."""
    total = sum(int(char, 36) * weight for char, weight in zip(body, BODY_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]
