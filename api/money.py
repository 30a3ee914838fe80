"""Money as people type and read it, in yuan; integer fen everywhere else."""

from __future__ import annotations

from auth.products.rules import yuan

__all__ = ["fen_of", "yuan", "yuan_or_nothing"]


def fen_of(word: str) -> object:
    """Yuan as people write them, in fen; what is no amount goes on as it is, for its own sentence."""
    whole, dot, rest = word.strip().replace("，", ",").replace(",", "").partition(".")
    is_amount = whole.isascii() and whole.isdecimal() and len(whole) < 12 and len(rest) <= 2
    return int(whole) * 100 + int((rest + "00")[:2]) if is_amount and (not dot or rest.isdecimal()) else word


def yuan_or_nothing(fen: int | None) -> str:
    """An amount to show or to put back into a form; empty where there is none."""
    return "" if fen is None else yuan(fen)
