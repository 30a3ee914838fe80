"""A stored file, once its digest is right: what every figure, row and file that leaves is read from."""

from __future__ import annotations

from pathlib import Path

from core.errors import Unavailable
from core.files import FileStore
from core.looked import LOOKED, identity
from core.text import Text


class Damaged(Unavailable):
    """The bytes are not what was judged. Facts: `sha256`, the name that they do not hash to."""


def whole(files: FileStore, sha256: str) -> Path:
    """Where the bytes are, all of them read and hashed now. Raises Damaged where they are not what was judged.

    A megabyte takes less than a thousandth of a second, so it is asked for each question, also of a file that was read a moment ago.
    """
    path = files.path(sha256)
    before = identity(path)
    if not files.verify_copy(sha256):
        raise damaged(sha256)
    LOOKED.was_right(path, before)
    return path


def whole_lately(files: FileStore, sha256: str) -> Path:
    """The same for what is read piece by piece: the very file that was hashed here within ten minutes is not hashed again."""
    path = files.path(sha256)
    return path if LOOKED.is_lately_right(path) else whole(files, sha256)


def damaged(sha256: str) -> Damaged:
    return Damaged(
        Text(
            f"数据文件 {sha256[:12]} 校验不符，已停止；请联系系统管理员。",
            f"The data file {sha256[:12]} does not match its digest; stopped. Tell the system administrator.",
        ),
        sha256=sha256,
    )
