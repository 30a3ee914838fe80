"""Policies, and what else is stored as JSON, as read by a version that may not know all their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from pydantic import ValidationError

from auth.policy.model import GrantPolicy
from auth.policy.rules import POLICY
from core.errors import Reason, Unavailable
from core.text import Text


@contextmanager
def readable(unreadable: Text, **about: str) -> Iterator[None]:
    """Around reading what is stored. Raises Unavailable where it holds what this version does not know: what cannot be read is not
    carried out. `unreadable`: what is then said, with `{places}` for what is not known and the names of `about`: words of people belong there."""
    try:
        yield
    except ValidationError as fault:
        places = ", ".join(sorted({".".join(map(str, each["loc"])) for each in fault.errors()})[:10])
        said = Text(
            unreadable.zh.format(places=places, **about), unreadable.en.format(places=places, **about)
        )
        raise Unavailable(said, reasons=[Reason("policy-unenforceable", said, POLICY)]) from fault


def stored_policy(text: str, unreadable: Text) -> GrantPolicy:
    """The policy of that JSON text. Raises Unavailable as `readable` does."""
    with readable(unreadable):
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> GrantPolicy:
    """Policies are frozen and agreed by their digest, so that equal text is the same policy for good."""
    return GrantPolicy.model_validate_json(text)
