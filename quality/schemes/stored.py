"""Versions of the scoring scheme as they are stored."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from auth.stored import readable
from core.text import Text
from quality.schemes.model import Scheme

_BASIS: Final = "评分方案 · scoring scheme (docs/quality.md)"
_UNREADABLE: Final = Text(
    "评分方案第 {number} 版含有本服务不能读取的内容（{places}），不能据以评分；请由两人另行确认一个可读取的版本，或联系安全管理员。",
    "Scoring scheme version {number} holds what this service cannot read ({places}); nothing is scored by it. Let two people put a version "
    "in force that can be read, or tell the security officer.",
)


def scheme_of(number: int, body: str) -> Scheme:
    """A version by its number and text. Raises Unavailable where this service does not know its words."""
    with readable(_UNREADABLE, basis=_BASIS, number=number):
        return _read(body)


@lru_cache(maxsize=32)
def _read(body: str) -> Scheme:
    """Schemes are frozen, so that equal text is the same scheme for good."""
    return Scheme.model_validate_json(body)
