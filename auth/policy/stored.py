"""Policies as they are stored, read by a version that may not know all their terms."""

from __future__ import annotations

from functools import lru_cache

from auth.policy.model import GrantPolicy
from auth.policy.rules import POLICY
from auth.stored import readable
from core.text import Text


def stored_policy(text: str, unreadable: Text, **about: str) -> GrantPolicy:
    """The policy of that JSON text. Raises Unavailable as `readable` does."""
    with readable(unreadable, basis=POLICY, **about):
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> GrantPolicy:
    """Policies are frozen and agreed by their digest, so that equal text is the same policy for good."""
    return GrantPolicy.model_validate_json(text)
