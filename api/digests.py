"""Digests of files on this side of the command line: what is named by its SHA-256 is chosen, never typed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

Minutes = Annotated[
    Path | None,
    typer.Option("--minutes", exists=True, dir_okay=False, help="The meeting's minutes: their SHA-256 is entered, the file stays here"),
]  # fmt: skip
EvidenceFile = Annotated[
    Path | None,
    typer.Option("--evidence-file", exists=True, dir_okay=False, help="The file that proves it: its SHA-256 is sent, the file stays here"),
]  # fmt: skip


def sha256_of(file: Path) -> str:
    """64 hex digits, read in pieces however large the file is."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def named(file: Path) -> dict[str, str]:
    """`name` and `sha256`, as documents are handed in that stay where they are."""
    return {"name": file.name, "sha256": sha256_of(file)}


def with_minutes(body: Any, minutes: Path | None) -> Any:  # noqa: ANN401 - JSON
    """The body of a plan or an agreement with the digest of its meeting's minutes; what is no object is left to the service."""
    if minutes is None or not isinstance(body, dict):
        return body
    return body | {"meeting": (body.get("meeting") or {}) | {"minutes_sha256": sha256_of(minutes)}}
