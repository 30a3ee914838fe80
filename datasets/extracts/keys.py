"""The pseudonym key of a grant: derived from one secret of the installation, so that two grantees cannot join their copies."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NAME: Final = "pseudonym.key"


def master_key(keys_dir: Path, name: str = _NAME) -> bytes:
    """A secret of the installation (32 bytes), made on first use, readable by its owner only."""
    path = keys_dir / name
    if not path.exists():
        made = keys_dir / f".{name}.{secrets.token_hex(8)}"
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            os.write(handle, secrets.token_bytes(32))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(made, path)  # create-only: two makers end up with one key
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()


def grant_key(master: bytes, dataset_id: str, grant_id: str) -> bytes:
    """The key under which this grant's copy is pseudonymised (HKDF-SHA256, RFC 5869)."""
    info = f"datagrant pseudonym|{dataset_id}|{grant_id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)
