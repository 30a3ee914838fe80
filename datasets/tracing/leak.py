"""Naming the grant under which a leaked file left, by the pseudonyms in it. Nothing is stored for that: they are made again.

A pseudonym is 80 bits of an HMAC under a key of the grant's own, so one that matches is no accident: among `made` pseudonyms
of a grant a leaked token of chance origin matches with probability `made / 2**80`. The answer states that number.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text
from datasets.extracts.compile import pseudonym
from datasets.tracing.numbers import Floats, numbers_of, records_of
from datasets.tracing.rules import NAMED_BELOW
from datasets.tracing.unpacked import plain

TOKEN: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{20}(?![0-9A-Za-z])")
MOST_TOKENS: Final = 500_000
_SPACE: Final = 2.0**80
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Leak:
    """What a file shows: tokens that look like pseudonyms, the names of its columns, what its metadata claim, and its numbers by column."""

    tokens: frozenset[str]
    columns: tuple[str, ...]
    claims: Mapping[str, str]
    is_cut: bool
    numbers: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """One grant whose pseudonyms are in the file. `chance`: that so many match by accident is likelier in no case than this."""

    grant_id: str
    hits: int
    chance: float


def leak_of(path: Path, scratch: Path | None = None) -> Leak:
    """Read a file that came back: Parquet, a workbook, any text (CSV in UTF-8, GB18030 or UTF-16, JSON, GeoJSON, a part of one), also packed.

    What is unpacked lies in `scratch` (beside the file where none is given) until this returns. Raises InputRefused, saying what it is, for what
    cannot be read.
    """
    try:
        with TemporaryDirectory(prefix="trace-", dir=scratch or path.parent) as folder:
            held = plain(path, Path(folder))
            with held.path.open("rb") as source:
                is_parquet = source.read(4) == b"PAR1"
            found = _of_parquet(held.path) if is_parquet else _of_text(held.path)
            return replace(found, claims={**found.claims, **held.claims}, numbers=numbers_of(held.path))
    except (pa.ArrowException, OSError) as fault:
        raise InputRefused(
            Text(
                f"文件不能读取（{type(fault).__name__}）；请提供 Parquet、工作簿、CSV 或其他文本文件。",
                f"The file cannot be read ({type(fault).__name__}); give Parquet, a workbook, CSV or other text.",
            )
        ) from fault


def _of_parquet(path: Path) -> Leak:
    file = pq.ParquetFile(path)
    said = file.schema_arrow.metadata or {}
    claims = {
        key.decode(errors="replace").removeprefix("datagrant."): value.decode(errors="replace")[:200]
        for key, value in said.items()
        if key.startswith(b"datagrant.")
    }
    tokens: set[str] = set()
    texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    for batch in file.iter_batches(65_536, columns=texts):
        for column in batch.columns:
            tokens.update(
                found for value in column.unique().to_pylist() for found in TOKEN.findall(value or "")
            )
        if len(tokens) > MOST_TOKENS:
            break
    return _leak(tokens, tuple(file.schema_arrow.names), claims)


def _of_text(path: Path) -> Leak:
    tokens: set[str] = set()
    with path.open("rb") as source:
        first, held = source.readline(_PIECE), b""
        source.seek(0)
        while piece := source.read(_PIECE):
            text = (held + piece).decode("latin-1")  # tokens are ASCII, whatever the encoding
            tokens.update(TOKEN.findall(text))
            held = (held + piece)[-64:]
            if len(tokens) > MOST_TOKENS:
                break
    try:
        head = first.decode("utf-8-sig")
    except UnicodeDecodeError:
        head = first.decode("gb18030", errors="replace")
    with suppress(StopIteration):  # JSON names its columns in each record
        return _leak(tokens, tuple(next(records_of(path))), _claims(head))
    names: list[str] = []
    with suppress(csv.Error):
        names = next(csv.reader(io.StringIO(head.replace("\x00", ""), newline="")), [])
    return _leak(tokens, tuple(names), {})


def _claims(head: str) -> dict[str, str]:
    """What the first line of a GeoJSON of this house says of itself."""
    for line in (head, head + "]}"):
        with suppress(ValueError, RecursionError):
            said = json.loads(line)
            facts = said.items() if isinstance(said, dict) else ()
            return {
                key.removeprefix("datagrant."): str(value)[:200]
                for key, value in facts
                if key.startswith("datagrant.")
            }
    return {}


def _leak(tokens: set[str], columns: tuple[str, ...], claims: Mapping[str, str]) -> Leak:
    kept = sorted(tokens)[:MOST_TOKENS]
    return Leak(frozenset(kept), columns, claims, len(tokens) > len(kept))


def count_hits(tokens: Collection[str], values: Iterable[str], key: bytes) -> tuple[int, int]:
    """How many distinct tokens are pseudonyms of `values` under this key, and how many pseudonyms were made for that."""
    found: set[str] = set()
    made = 0
    for value in values:
        made += 1
        if (hashed := pseudonym(value, key)) in tokens:
            found.add(hashed)
    return len(found), made


def named(tokens: int, hits: Mapping[str, int], made: int) -> list[Match]:
    """The grants that are named, most hits first: only those that chance does not explain, all grants counted."""
    chance = min(1.0, tokens * made * max(len(hits), 1) / _SPACE)
    found = [
        Match(grant_id, count, chance) for grant_id, count in hits.items() if count and chance < NAMED_BELOW
    ]
    return sorted(found, key=lambda each: (-each.hits, each.grant_id))
