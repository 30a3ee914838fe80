"""When rows may leave in the order in which a release holds them, and how far of it may stay otherwise. Pure.

Why this exists: a release is sorted by columns of its dictionary, or lies as it was handed in. Where a column does not leave as it is, the
order of the rows would still tell its ranks: pseudonyms would stand in the order of what they hide.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from auth.policy.model import ColumnTerm, Use


@dataclass(frozen=True, slots=True)
class ReleaseLayout:
    """How the rows of one release lie. `release`: its digest. `sort_by`: the columns by which they are sorted; none: as handed in."""

    release: str = ""
    sort_by: tuple[str, ...] = ()


UNKNOWN: Final = ReleaseLayout()


def order_may_stay(released: Iterable[str], terms: Iterable[ColumnTerm], marked: Collection[str]) -> bool:
    """Whether the order tells of nothing but what leaves: every column of the release leaves as it is.

    `released`: the release's columns. `terms`: what leaves. `marked`: columns that bear hidden marks, which do not leave quite as they are.
    """
    return set(released) <= _as_they_are(terms, marked)


def leading(layout: ReleaseLayout, terms: Iterable[ColumnTerm], marked: Collection[str]) -> tuple[str, ...]:
    """The first sort columns that leave as they are: their order stays, rows that agree in them are mixed."""
    kept = _as_they_are(terms, marked)
    found: list[str] = []
    for name in layout.sort_by:
        if name not in kept:
            break
        found.append(name)
    return tuple(found)


def _as_they_are(terms: Iterable[ColumnTerm], marked: Collection[str]) -> set[str]:
    return {term.name for term in terms if term.use is Use.PLAIN} - set(marked)


def order_key(grant_key: bytes, layout: ReleaseLayout) -> bytes:
    """The key of the order of one grant's rows of one release: 32 bytes.

    Each release has its own: else rows that moved between two releases would tell how many were put in before them.
    """
    return hmac.digest(grant_key, f"row order|{layout.release}".encode(), "sha256")
