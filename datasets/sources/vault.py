"""Credentials of sources: sealed with a key that lies in `keys/`, so that a copy of the database alone opens nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core import sealing
from core.errors import Unavailable
from core.text import Text

_KEY: Final = "sources.key"


def seal(keys_dir: Path, source_id: str, secret: str) -> str:
    """The credential as stored text, bound to its source."""
    return sealing.seal(sealing.master_key(keys_dir, _KEY), source_id, secret)


def unseal(keys_dir: Path, source_id: str, sealed: str) -> str:
    """The credential again. Raises Unavailable when the key is not the one it was sealed with."""
    try:
        return sealing.unseal(sealing.master_key(keys_dir, _KEY), source_id, sealed)
    except sealing.CannotOpen:
        raise Unavailable(
            Text(
                "来源的凭据无法解密：keys/sources.key 与保存时不同；请恢复密钥文件，或移除来源后重新添加。",
                "The source's credential cannot be opened: keys/sources.key is not the one it was sealed with; restore the key file, or remove the source and add it again.",
            )
        ) from None
