"""Where checkpoints and their key are kept. Each checkpoint is a file of its own: on disk before it counts, never replaced."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.proof.note import Checkpoint, Signer, origin_of
from core.settings import Settings

STAMP: Final = ".tsr"
_PER_FOLDER: Final = 10_000  # sizes whose checkpoints share a folder


@dataclass(frozen=True, slots=True)
class Place:
    """The log's folder, the folder of its key, and the name under which a new key will sign."""

    folder: Path
    keys: Path
    name: str

    @classmethod
    def of(cls, settings: Settings) -> Place:
        host = urlsplit(settings.public_url).netloc or "datagrant"
        return cls(settings.audit_dir, settings.keys_dir / "audit", origin_of(f"{host}/audit"))

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One writer at a time, also among processes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def signer(self) -> Signer:
        """The log's key; made at first use. Its name stays even when the installation's address changes."""
        path = self.keys / "key.json"
        if not path.exists():
            self.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
            body = {
                "origin": self.name,
                "d": base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode(),
            }
            _put_once(path, json.dumps(body).encode(), 0o600)
        held = json.loads(path.read_text())
        return Signer(held["origin"], Ed25519PrivateKey.from_private_bytes(base64.b64decode(held["d"])))

    def keep(self, made: Checkpoint) -> None:
        """Write a checkpoint. Raises FileExistsError when there is one of that size already."""
        path = self._path(made.size)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or not _put_once(path, made.note.encode(), 0o440):
            raise FileExistsError(path)
        _flush(path.parent.parent)

    def paths(self) -> Iterator[Path]:
        """The files of all checkpoints, by size."""
        for folder in sorted(self.checkpoints.glob("[0-9]*")):
            yield from sorted(folder.glob("[0-9]*.txt"))

    def of_size(self, size: int) -> Checkpoint:
        """The checkpoint of that size. Raises NoteRefused when it is not what the key signed, FileNotFoundError when there is none."""
        return self.signer().verifier.opens(self._path(size).read_bytes().decode())

    def stamp_path(self, size: int) -> Path:
        """Where the time stamp of the checkpoint of that size lies: beside it."""
        return self._path(size).with_suffix(STAMP)

    def keep_stamp(self, size: int, answer: bytes) -> None:
        """Put a time stamp beside its checkpoint. Raises FileExistsError when there is one already."""
        path = self.stamp_path(size)
        if path.exists() or not _put_once(path, answer, 0o440):
            raise FileExistsError(path)

    def stamps(self) -> Iterator[Path]:
        """The files of all time stamps, by size of their checkpoint."""
        for folder in sorted(self.checkpoints.glob("[0-9]*")):
            yield from sorted(folder.glob(f"[0-9]*{STAMP}"))

    def newest_stamp(self) -> tuple[int, Path] | None:
        """The size of the greatest checkpoint that bears a stamp, and the stamp's file."""
        for folder in sorted(self.checkpoints.glob("[0-9]*"), reverse=True):
            if found := max(folder.glob(f"[0-9]*{STAMP}"), default=None):
                return int(found.stem), found
        return None

    def _path(self, size: int) -> Path:
        return self.checkpoints / f"{size // _PER_FOLDER:08d}" / f"{size:012d}.txt"

    def newest(self) -> Checkpoint | None:
        """The checkpoint of the greatest size. Raises NoteRefused when it is not what the key signed."""
        for folder in sorted(self.checkpoints.glob("[0-9]*"), reverse=True):
            if found := max(folder.glob("[0-9]*.txt"), default=None):
                return self.signer().verifier.opens(found.read_bytes().decode())
        return None


def _put_once(path: Path, body: bytes, mode: int) -> bool:
    """Put a whole, flushed file where there is none; False when somebody was quicker."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    finally:
        draft.unlink(missing_ok=True)
    _flush(path.parent)
    return True


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
