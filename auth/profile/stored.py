"""Versions of the policy profile as they are stored."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from auth.profile.model import Profile
from auth.stored import readable
from core.text import Text

_UNREADABLE: Final = Text(
    "政策配置第 {number} 版含有本服务不能读取的内容（{places}），不能据以办理；请由两人另行确认一个可读取的版本，或联系安全管理员。",
    "Version {number} of the policy profile holds what this service cannot read ({places}); nothing is decided by it. Let two people put "
    "a version in force that can be read, or tell the security officer.",
)


def profile_of(number: int, body: str) -> Profile:
    """A version by its number and text. Raises Unavailable where this service does not know its words."""
    with readable(_UNREADABLE, number=number):
        return _read(body)


@lru_cache(maxsize=16)
def _read(body: str) -> Profile:
    """Profiles are frozen, so that equal text is the same profile for good."""
    return Profile.model_validate_json(body)
