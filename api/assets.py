"""Addresses of the built stylesheet and script, each with a query that changes when its content does."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import structlog

DIST: Final = Path(__file__).parent / "static" / "dist"
NOT_BUILT: Final = "the page assets are not built; pages stay plain until `make assets` has run"


@cache
def asset_url(name: str, dist: Path = DIST) -> str:
    """Address of `name` under /static. Pages stay readable without it: a missing file is said once, in the log."""
    try:
        digest = hashlib.sha256((dist / name).read_bytes()).hexdigest()[:12]
    except FileNotFoundError:
        structlog.get_logger().warning(NOT_BUILT, asset=name)
        return f"/static/{name}"
    return f"/static/{name}?v={digest}"
