"""Hashes of files that leave: SHA-256 for the world, SM3 (GB/T 32905) for those who must use it here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SM3, Hash

from core.files import CHUNK


class Digests(NamedTuple):
    """Both hashes as 64 lower-case hex digits, and the length."""

    sha256: str
    sm3: str
    size_bytes: int

    def as_json(self) -> dict[str, str | int]:
        return {"sha256": self.sha256, "sm3": self.sm3, "size_bytes": self.size_bytes}


def sm3(data: bytes) -> str:
    """SM3 of bytes, hex."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize().hex()


def digests_of(path: Path) -> Digests:
    """Both hashes of a file in one reading; memory stays at one chunk."""
    sha256, digest, size = hashlib.sha256(), Hash(SM3()), 0
    with path.open("rb") as source:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            sha256.update(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Digests(sha256.hexdigest(), digest.finalize().hex(), size)
