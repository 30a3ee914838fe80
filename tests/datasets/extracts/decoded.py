"""All bytes of a file as they lie there and as they are once unpacked: what a search for a value must look at."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pyarrow as pa

_ZSTD: Final = b"\x28\xb5\x2f\xfd"


def decoded(path: Path) -> bytes:
    """The file, its members where it is an archive, and every compressed piece in it, whether something points at it or not."""
    raw = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            return b"\n".join((raw, *map(packed.read, packed.namelist())))
    return b"\n".join((raw, *_pieces(raw)))


def _pieces(raw: bytes) -> Iterator[bytes]:
    at = raw.find(_ZSTD)
    while at >= 0:
        found = bytearray()
        with pa.CompressedInputStream(pa.BufferReader(raw[at:]), "zstd") as stream, suppress(OSError):
            while piece := stream.read(
                1
            ):  # one by one: what follows the piece is an error, and nothing before it is lost
                found += piece
        yield bytes(found)
        at = raw.find(_ZSTD, at + 1)
