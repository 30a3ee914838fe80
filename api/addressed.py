"""Where the service of a directory is reached: the server writes it down, and commands that work on the directory itself print that address.

Without it a command beside `datagrant demo --port 8123` would print links to port 8000.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.settings import Settings

_NAME: Final = "address"
_ADDRESS: Final = re.compile(r"https?://[!-~]{1,200}", re.ASCII)


def remember(settings: Settings) -> None:
    """To be called by whoever serves. A directory that cannot be written says so elsewhere."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(OSError):
        _file(settings.data_dir).write_text(settings.public_url + "\n", encoding="utf-8")


def addressed(settings: Settings) -> Settings:
    """With the address that was served last, unless `DATAGRANT_PUBLIC_URL` names one."""
    if "public_url" in settings.model_fields_set:
        return settings
    try:
        found = _file(settings.data_dir).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return settings
    return settings.model_copy(update={"public_url": found}) if _ADDRESS.fullmatch(found) else settings


def _file(data_dir: Path) -> Path:
    return data_dir / _NAME
