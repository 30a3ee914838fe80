"""What a look into a source is given, and what it brings back. The kinds (`folder`, `http`, `postgres`, `s3`) speak in these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import InputRefused
from core.files import FileStore, StoredFile
from core.settings import Settings
from core.text import Text, number_of
from datasets.batches import scanning
from datasets.sources.guard import Allowed, Resolve, lookup


def _silent(fraction: float, said: Text) -> None:  # noqa: ARG001 - the shape of a progress function
    return None


@dataclass(frozen=True, slots=True)
class Ask:
    """One look. memory: what the kind noted at the former look. secret: the credential in clear, never written anywhere."""

    org_id: str
    secret: str | None = field(repr=False)
    memory: Mapping[str, Any]
    settings: Settings
    now: datetime
    progress: Callable[[float, Text], None] = _silent
    resolve: Resolve = lookup

    @property
    def allowed(self) -> Allowed:
        return Allowed.parse(self.settings.source_allow)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was found and stored. provenance: where it came from, without any credential; JSON values."""

    name: str
    stored: StoredFile
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Catch:
    """What a look brought. memory: to be kept if all went well. look_again_s: when not to wait for the schedule."""

    files: tuple[Found, ...]
    memory: dict[str, Any]
    said: Text
    problems: tuple[Text, ...] = ()
    look_again_s: int | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A look that takes nothing: whether the source answers, and what it would give."""

    said: Text
    facts: list[dict[str, str]] = field(default_factory=list)


def bounded(settings: Settings, files: FileStore, name: str, chunks: Iterable[bytes]) -> StoredFile:
    """Store a stream; a file that is too large, or in which the scanner finds malware, is refused by its name."""
    max_bytes = settings.upload_max_bytes

    def counted() -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            if (size := size + len(chunk)) > max_bytes:
                raise too_large(name, max_bytes)
            yield chunk

    return files.put_seen(counted(), lambda path, _: scanning.of_source(settings, name, path))


def too_large(name: str, max_bytes: int) -> InputRefused:
    return InputRefused(
        Text(
            f"{name} 超过 {max_bytes} 字节的上限（DATAGRANT_UPLOAD_MAX_BYTES）；请让来源分批提供。",
            f"{name} is larger than the limit of {number_of(max_bytes, 'bytes')} (DATAGRANT_UPLOAD_MAX_BYTES); let the source give it in parts.",
        )
    )
