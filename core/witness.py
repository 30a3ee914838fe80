"""A keyed witness beside a large file of the store: that this installation found these very bytes right by SHA-256 once.

Why this exists: SHA-256 takes 0.6 to 1.0 s of processor a GiB, less than a socket takes away meanwhile; GMAC (AES-256-GCM that encrypts nothing,
NIST SP 800-38D) takes a tenth of a second. A witness is believed only about the bytes that pass now, and only for a yes: whatever else it says, SHA-256 decides.

Each witness has a key of its own (HKDF of the installation's secret and a fresh salt), so no nonce ever serves two messages; what is witnessed is the content, its
SHA-256 and its size. One of another file, another size, another key or half a witness therefore never verifies. Nobody flushes it: it may vanish at any time.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256 as new_sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core import sealing

LEAST_BYTES: Final = 1024 * 1024  # SHA-256 of less takes a millisecond
SUFFIX: Final = ".witness"
_NAME: Final = "witness.key"
_MAGIC: Final = b"DGW1"
_KEY_ID, _SALT, _TAG = 8, 32, 16
_CHUNK: Final = 1024 * 1024


def beside(path: Path) -> Path:
    """Where the witness of a file lies."""
    return path.with_name(path.name + SUFFIX)


@dataclass(frozen=True, slots=True)
class Witness:
    """What lies beside a file: the salt of its key and the tag."""

    salt: bytes
    tag: bytes


class Mac:
    """GMAC of what passes, under the key of one salt."""

    def __init__(self, master: bytes, salt: bytes) -> None:
        self.salt = salt
        self._gcm = Cipher(algorithms.AES256(_derived(master, salt, b"one file")), modes.GCM(bytes(12))).encryptor()  # fmt: skip

    def update(self, data: bytes) -> None:
        self._gcm.authenticate_additional_data(data)

    def witness(self, sha256: str, size_bytes: int) -> Witness:
        """The end: what passed is bound to the name and the size that it is to have."""
        self._gcm.authenticate_additional_data(bytes.fromhex(sha256) + size_bytes.to_bytes(8))
        self._gcm.finalize()
        return Witness(self.salt, self._gcm.tag)


class Witnesses:
    """The witnesses of one installation. `keys_dir`: None for a store that keeps none; so does one whose key cannot be had."""

    def __init__(self, keys_dir: Path | None) -> None:
        self._keys_dir = keys_dir

    @cached_property
    def _master(self) -> bytes | None:
        if self._keys_dir is None:
            return None
        with suppress(OSError):
            key = sealing.master_key(self._keys_dir, _NAME)
            return key if len(key) == 32 else None
        return None

    def mac(self, salt: bytes | None = None) -> Mac | None:
        """For what passes; without a salt under a key that nothing was witnessed by."""
        return None if self._master is None else Mac(self._master, salt or secrets.token_bytes(_SALT))

    def of(self, path: Path, size_bytes: int) -> Witness | None:
        """The witness of a file, if this installation's key made one that is whole."""
        if self._master is None or size_bytes < LEAST_BYTES:
            return None
        try:
            held = beside(path).read_bytes()
        except OSError:
            return None
        head = _MAGIC + self._key_id
        if len(held) != len(head) + _SALT + _TAG or not held.startswith(head):
            return None
        return Witness(held[len(head) : -_TAG], held[-_TAG:])

    def keep(self, path: Path, found: Witness | None) -> None:
        """Lay it beside the file, whole or not at all; where that cannot be, there is none."""
        if found is None or self._master is None:
            return
        target = beside(path)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        with suppress(OSError):
            try:
                draft.write_bytes(_MAGIC + self._key_id + found.salt + found.tag)
                draft.chmod(0o440)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)

    @cached_property
    def _key_id(self) -> bytes:
        return _derived(self._master or b"", b"", b"name of the key")[:_KEY_ID]


def _derived(master: bytes, salt: bytes, what: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"datagrant witness|" + what).derive(master)


class Sums:
    """SHA-256 of what passes, its size, and what a witness of it would say."""

    def __init__(self, witnesses: Witnesses) -> None:
        self._digest, self._mac, self.size_bytes = new_sha256(), witnesses.mac(), 0

    def update(self, data: bytes) -> None:
        self._digest.update(data)
        if self._mac is not None:
            self._mac.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def witness(self) -> Witness | None:
        """To be asked once, at the end; None where there is nothing to gain by one."""
        if self._mac is None or self.size_bytes < LEAST_BYTES:
            return None
        return self._mac.witness(self.sha256, self.size_bytes)


class Check:
    """Whether the bytes that pass are those of the stored file: by its witness where it has one, else by SHA-256, which then makes one.

    `is_quick`: the bytes pass several times as fast as SHA-256 would let them.
    """

    def __init__(self, sha256: str, path: Path | None = None, witnesses: Witnesses | None = None) -> None:
        self._sha256, self._path, self._witnesses = sha256, path, witnesses or Witnesses(None)
        self._found, self._size = None, 0
        if path is not None:
            with suppress(OSError):
                self._found = self._witnesses.of(path, path.stat().st_size)
        self._mac = self._witnesses.mac(self._found.salt) if self._found else None
        self._sums = Sums(self._witnesses) if self._mac is None else None

    @property
    def is_quick(self) -> bool:
        return self._mac is not None

    def update(self, data: bytes) -> None:
        self._size += len(data)
        if self._mac is not None:
            self._mac.update(data)
        elif self._sums is not None:
            self._sums.update(data)

    def is_right(self) -> bool:
        """To be asked once, when all have passed. Reads the file again where its witness says no."""
        if self._mac is None or self._found is None:
            return self._sums is not None and self._proven(self._sums)
        said = self._mac.witness(self._sha256, self._size)
        return compare_digest(said.tag, self._found.tag) or self._decided(said)

    def _proven(self, sums: Sums) -> bool:
        is_right = sums.sha256 == self._sha256
        if is_right and self._path is not None:
            self._witnesses.keep(self._path, sums.witness())
        return is_right

    def _decided(self, said: Witness) -> bool:
        """SHA-256 of the file as it lies; and the bytes that passed were the same, as a MAC under one key of both shows."""
        mac, sums = self._witnesses.mac(said.salt), Sums(self._witnesses)
        if mac is None or self._path is None:
            return False
        try:
            with self._path.open("rb") as source:
                while data := source.read(_CHUNK):
                    mac.update(data)
                    sums.update(data)
        except OSError:
            return False
        return self._proven(sums) and compare_digest(mac.witness(self._sha256, sums.size_bytes).tag, said.tag)


def drop(path: Path) -> None:
    """The file goes, and its witness with it."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        beside(path).unlink()


def drop_orphans(root: Path, instant: float) -> None:
    """Witnesses that lost their file, and half-written ones, from before that instant."""
    for found in root.glob(f"??/??/*{SUFFIX}*"):
        with suppress(OSError):
            is_lone = found.name.startswith(".") or not found.with_suffix("").exists()
            if is_lone and found.stat().st_mtime < instant:
                found.unlink()
