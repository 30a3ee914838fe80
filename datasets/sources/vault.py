"""Credentials of sources: sealed with a key that lies in `keys/`, so that a copy of the database alone opens nothing."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Unavailable
from core.text import Text
from datasets.extracts.keys import master_key

_KEY: Final = "sources.key"
_NONCE_BYTES: Final = 12


def seal(keys_dir: Path, source_id: str, secret: str) -> str:
    """The credential as stored text: AES-256-GCM, bound to its source."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(master_key(keys_dir, _KEY)).encrypt(nonce, secret.encode(), source_id.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(keys_dir: Path, source_id: str, sealed: str) -> str:
    """The credential again. Raises Unavailable when the key is not the one it was sealed with."""
    raw = base64.b64decode(sealed)
    try:
        opened = AESGCM(master_key(keys_dir, _KEY)).decrypt(
            raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], source_id.encode()
        )
    except InvalidTag:
        raise Unavailable(
            Text(
                "来源的凭据无法解密：keys/sources.key 与保存时不同；请恢复密钥文件，或移除来源后重新添加。",
                "The source's credential cannot be opened: keys/sources.key is not the one it was sealed with; restore the key file, or remove the source and add it again.",
            )
        ) from None
    return opened.decode()
