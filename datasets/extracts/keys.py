"""The pseudonym key of a grant: derived from one secret of the installation, so that two grantees cannot join their copies."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core import sealing

_NAME: Final = "pseudonym.key"


def master_key(keys_dir: Path) -> bytes:
    """The secret from which every grant's key is derived."""
    return sealing.master_key(keys_dir, _NAME)


def grant_key(master: bytes, dataset_id: str, grant_id: str) -> bytes:
    """The key under which this grant's copy is pseudonymised (HKDF-SHA256, RFC 5869)."""
    info = f"datagrant pseudonym|{dataset_id}|{grant_id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def person_mark_key(master: bytes, grant_id: str, person_id: str) -> bytes:
    """The key of the half of hidden marks in which all files agree that one person takes under one grant, of whatever release."""
    info = f"datagrant mark of person|{grant_id}|{person_id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def mark_key(master: bytes, extract_id: str) -> bytes:
    """The key of one file's own hidden marks: no two files have the same."""
    info = f"datagrant mark|{extract_id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)
