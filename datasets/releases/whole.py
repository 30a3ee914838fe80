"""The file of a release, once its digest is right: what every figure, row and file that leaves is read from."""

from __future__ import annotations

from pathlib import Path

from core.errors import Unavailable
from core.files import FileStore
from core.text import Text


def whole(files: FileStore, sha256: str) -> Path:
    """Where the bytes are, all of them read and hashed now. Raises Unavailable where they are not what was judged.

    A megabyte takes less than a thousandth of a second, so it is asked for each question, also of a file that was read a moment ago.
    """
    if not files.verify_copy(sha256):
        raise Unavailable(
            Text(
                f"发布版本文件 {sha256[:12]} 校验不符，已停止；请联系系统管理员。",
                f"The release file {sha256[:12]} does not match its digest; stopped. Tell the system administrator.",
            )
        )
    return files.path(sha256)
