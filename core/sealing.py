"""Secrets at rest: sealed with a key that lies in `keys/`, so that a copy of the database alone opens nothing."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class CannotOpen(Exception):
    """The key is not the one that the text was sealed with, or the text was altered or bound to something else."""


def master_key(keys_dir: Path, name: str) -> bytes:
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


def seal(key: bytes, bound_to: str, secret: str) -> str:
    """The secret as stored text: AES-256-GCM, bound to the object it belongs to."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), bound_to.encode())).decode()


def unseal(key: bytes, bound_to: str, sealed: str) -> str:
    """The secret again. Raises CannotOpen."""
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode()).decode()
    except InvalidTag as cause:
        raise CannotOpen from cause
