"""Files kept on the analyst's machine, one folder a grant, each named by its digest. Readable by their owner alone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[0-9A-Za-z_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Cache:
    """Where files are kept."""

    root: Path

    @classmethod
    def at(cls, folder: str | Path | None) -> Cache:
        """That folder, or DATAGRANT_CACHE, or `datagrant` in the user's cache."""
        default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "datagrant"
        return cls(Path(folder or os.environ.get("DATAGRANT_CACHE") or default))

    def find(self, grant_id: str, sha256: str) -> Path | None:
        """The file if it is there and still has its digest; one that has not is removed."""
        path = self.place(grant_id, sha256)
        if not path.is_file():
            return None
        if digest(path) == sha256:
            return path
        path.unlink()
        return None

    def place(self, grant_id: str, sha256: str) -> Path:
        """Where the file belongs; its folder is made."""
        if not _NAME.fullmatch(grant_id) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("no name of a grant or a file")
        folder = self.root / grant_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{sha256}.parquet"

    def drop(self, grant_id: str) -> None:
        """Remove what was kept under a grant."""
        if _NAME.fullmatch(grant_id):
            shutil.rmtree(self.root / grant_id, ignore_errors=True)


def digest(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
