"""What a process stands on: where its files are removed, moved or replaced under it, nothing is carried out any more.

An open file outlives its removal, so that without this a process goes on with what nobody else will ever see, and a new connection
makes an empty database in the place of the lost one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.errors import Unavailable
from core.text import Text

GONE: Final = Text(
    "本系统的数据目录或数据库已被移走、删除或替换，服务停止办理，未作任何更改；请管理员恢复数据目录后重新启动。",
    "The data directory or database of this installation was removed, moved or replaced. Nothing is carried out and nothing was changed; the administrator puts the data directory back and starts the service again.",
)
_SQLITE: Final = "sqlite:///"


class Ground:
    """These files and directories, as they are when it is made."""

    def __init__(self, *paths: Path) -> None:
        self._known = {path: _mark(path) for path in paths}

    @classmethod
    def of(cls, data_dir: Path, database: str) -> Ground:
        """Of an installation: its data directory and, on SQLite, its database."""
        file = database.removeprefix(_SQLITE) if database.startswith(_SQLITE) else ""
        return cls(data_dir, *([Path(file)] if file else []))

    def gone(self) -> Path | None:
        """The first that is not there any more, or not the same; None while all stand."""
        return next((path for path, mark in self._known.items() if mark is None or _mark(path) != mark), None)

    def demand(self) -> None:
        """Raises Unavailable where one is gone."""
        if self.gone() is not None:
            raise Unavailable(GONE)


def _mark(path: Path) -> tuple[int, int] | None:
    """Which file or directory it is; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
