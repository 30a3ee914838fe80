"""What a harvest does with what it read. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from datasets.harvest.workflow import Result

FEW: Final = 10
"""So many records may vanish at once without a question; of more, at most half."""


def key_of(identifier: str) -> str:
    """An identifier of any length as a key of a settled one."""
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()


def dataset_id_of(source_id: str, key: str, generation: int) -> str:
    """The resource code of a foreign record: the same for the same source and identifier. A later life gets a number."""
    code = "H" + hashlib.sha256(f"{source_id}\0{key}".encode()).hexdigest()[:24].upper()
    return code if generation == 1 else f"{code}-{generation}"


def result_of(former: str | None, digest: str, *, is_withdrawn: bool) -> Result:
    """former: the digest that the record had. is_withdrawn: whether somebody here took it out, which no harvest undoes."""
    if former is None:
        return Result.CREATED
    if is_withdrawn:
        return Result.HELD
    return Result.UNCHANGED if former == digest else Result.CHANGED


def may_let_go(known: int, gone: int) -> bool:
    """Whether so many missing records may be taken as deleted; a portal that answers half empty has a fault, not fewer data."""
    return gone <= FEW or gone * 2 <= known


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Field by field, what changed; long texts are cut for the report."""
    return {
        name: [_short(old.get(name)), _short(value)] for name, value in new.items() if old.get(name) != value
    }


def _short(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= 300 else value[:300] + "…"
    return value[:5] if isinstance(value, list) else value
