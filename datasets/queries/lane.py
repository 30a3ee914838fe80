"""One reading of a large release at a time in a process: about 60 bytes a row are held, and two at once would take the machine's memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import TooMany
from core.text import Text

LARGE_ROWS: Final = 10_000_000
WAIT_S: Final = 30.0
_ONE: Final = threading.Lock()


@contextmanager
def lane(release: Path | None) -> Iterator[None]:
    """Wait for one's turn where the release is large; None: nothing is read. TooMany after `WAIT_S`, before anything is charged."""
    if release is None or rows_of(release) < LARGE_ROWS:
        yield
        return
    if not _ONE.acquire(timeout=WAIT_S):
        raise TooMany(
            Text(
                "正在对另一份大型数据集计算，轮候已超时；未扣任何额度，请稍后重试。",
                "Another large release is being computed on, and the wait was too long; nothing was charged. Ask again later.",
            )
        )
    try:
        yield
    finally:
        _ONE.release()


def rows_of(release: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(release).num_rows)
