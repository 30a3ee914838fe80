"""Identifiers: time-ordered UUIDs (version 7) as text, and a word for each kind of id.

A dataset's id is its resource code (`DP-PK-002`): people know it, it never changes, and it is in every file name.
"""

from __future__ import annotations

import os
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


def new_id() -> str:
    """A fresh UUIDv7: 48 bits of milliseconds, 74 random bits; sorts by time of making (RFC 9562 §5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))
