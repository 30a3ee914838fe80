"""Passwords: argon2id, a bounded number at a time, and the same work for names that do not exist."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InputRefused, TooMany
from core.text import Text

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 256  # characters; argon2 reads them all, so a longer one is only a burden
QUEUE_PER_WORKER: Final = 8
WAIT_S: Final = 10.0
_HASHER: Final = PasswordHasher()  # t=3, 64 MiB, p=4: RFC 9106's second choice


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """An argon2id hash, made outside the transaction that stores it (hashing takes a third of a second)."""

    value: str


class _Gate:
    """Lets `workers` hash at once and a few wait; the rest are told to come back: 64 MiB each is a way to drown a server."""

    def __init__(self, workers: int) -> None:
        self._slots = threading.BoundedSemaphore(workers)
        self._places = threading.BoundedSemaphore(workers * (1 + QUEUE_PER_WORKER))

    @contextmanager
    def turn(self) -> Iterator[None]:
        busy = TooMany(
            Text("登录请求过多，请稍候再试。", "Too many sign-ins at once; wait a moment and try again.")
        )
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._slots.acquire(timeout=WAIT_S):
                raise busy
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._places.release()


_ONE_GATE: Final = threading.Lock()


def _gate(workers: int) -> _Gate:
    with _ONE_GATE:  # a cache alone lets the first callers at once make a gate each
        return _made_gate(workers)


@cache
def _made_gate(workers: int) -> _Gate:
    return _Gate(workers)


@cache
def _nobody() -> str:
    """A hash that no password fits, checked for unknown names so that they cost the same time."""
    return _HASHER.hash("\0 nobody")


def hashed(password: str, workers: int = 2) -> PasswordHash:
    """Hash a new password. Raises InputRefused when it is too short, too long, or all one character."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH or len(set(password)) < 4:
        raise InputRefused(
            Text(
                f"口令须为 {MIN_LENGTH} 至 {MAX_LENGTH} 个字符，且至少含 4 个不同字符。",
                f"A password needs {MIN_LENGTH} to {MAX_LENGTH} characters, at least 4 of them different.",
            ),
            field="password",
        )
    with _gate(workers).turn():
        return PasswordHash(_HASHER.hash(password))


def fits(stored: str | None, password: str, workers: int = 2) -> bool:
    """Whether `password` fits; takes as long for an account without a password (`None`) as for any other."""
    with _gate(workers).turn():
        try:
            return _HASHER.verify(stored or _nobody(), password[: MAX_LENGTH + 1]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def warm_up() -> None:
    """Make the hash for unknown names beforehand, so that the first of them is not slower."""
    _nobody()
