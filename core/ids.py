"""Identifiers: time-ordered UUIDs (version 7) as text, and a word for each kind of id.

A dataset's id is its resource code (`DP-PK-002`): people know it, it never changes, and it is in every file name.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import NewType

DatasetId = NewType("DatasetId", str)
OrgId = NewType("OrgId", str)
AccountId = NewType("AccountId", str)
ApplicationId = NewType("ApplicationId", str)
GrantId = NewType("GrantId", str)
BatchId = NewType("BatchId", str)
ReleaseId = NewType("ReleaseId", str)
ExtractId = NewType("ExtractId", str)
JobId = NewType("JobId", str)


_lock = threading.Lock()
_last = 0


def _tick() -> int:
    """The time as 60 bits, 48 of milliseconds and 12 of their fraction, later than any this process was given before."""
    global _last
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    now = milliseconds << 12 | (rest << 12) // 1_000_000
    with _lock:
        _last = max(now, _last + 1)
        return _last


def new_id() -> str:
    """A fresh UUIDv7: 48 bits of milliseconds, 12 of their fraction, 62 random bits (RFC 9562 §5.7 and §6.2, method 3).

    The ids of a process sort as they were made, also where its clock stands still or is put back;
    those of several processes as their clocks tell.
    """
    tick, random = _tick(), int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    milliseconds, fraction = tick >> 12 & (1 << 48) - 1, tick & 0xFFF
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random))
