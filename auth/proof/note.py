"""Checkpoints as signed notes (C2SP tlog-checkpoint in C2SP signed-note), Ed25519. Pure: text in, verdict out.

    <origin>
    <number of events>
    <root of the tree, base64>

    — <origin> <base64 of key id and signature>

There is one way to write each note; anything else, down to a bit of base64 padding, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from auth.proof.merkle import EMPTY

_ED25519: Final = b"\x01"
_ORIGIN: Final = re.compile(r"[!-*,-~]{1,200}")  # printable, no blank, no plus
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
LARGEST: Final = 4096  # bytes of a note: far above any real one


class NoteRefused(ValueError):
    """Not a checkpoint, or not signed by this key. The message says which."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: the first `size` events have this root. `note` is the signed text."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half of a log's key, under the name that its notes carry."""

    origin: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.origin.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def text(self) -> str:
        """The verifier key as C2SP writes it: name+id+key."""
        return f"{self.origin}+{self.key_id.hex()}+{_b64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Raises NoteRefused."""
        parts = text.removesuffix("\n").split("+", 2)
        if len(parts) != 3 or not _ORIGIN.fullmatch(parts[0]):
            raise NoteRefused("not a verifier key: name+id+key")
        raw = _unb64(parts[2])
        made = cls(parts[0], raw[1:])
        if raw[:1] != _ED25519 or len(made.public) != 32 or made.key_id.hex() != parts[1]:
            raise NoteRefused("the key does not match its id")
        return made

    def opens(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key has signed. Raises NoteRefused."""
        lines = note.split("\n")
        if len(lines) != 6 or lines[3] or lines[5]:
            raise NoteRefused("not a checkpoint: three lines, a blank one, one signature")
        origin, size, root = lines[:3]
        if origin != self.origin:
            raise NoteRefused("the checkpoint names another log")
        if not _SIZE.fullmatch(size) or len(_unb64(root)) != len(EMPTY):
            raise NoteRefused("not a size and a root")
        start = f"— {self.origin} "
        if not lines[4].startswith(start):
            raise NoteRefused("the signature names another key")
        signature = _unb64(lines[4].removeprefix(start))
        if signature[:4] != self.key_id:
            raise NoteRefused("the signature is of another key")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(
                signature[4:], _body(origin, int(size), _unb64(root))
            )
        except InvalidSignature:
            raise NoteRefused("the signature does not match what is signed") from None
        return Checkpoint(origin, int(size), _unb64(root), note)


@dataclass(frozen=True, slots=True)
class Signer:
    """A log's name and private key."""

    origin: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.origin, self.private.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> Checkpoint:
        body = _body(self.origin, size, root)
        signature = _b64(self.verifier.key_id + self.private.sign(body))
        return Checkpoint(self.origin, size, root, f"{body.decode()}\n— {self.origin} {signature}\n")


def origin_of(name: str) -> str:
    """`name` as far as it can stand in a note."""
    return "".join(char if _ORIGIN.fullmatch(char) else "-" for char in name)[:200] or "datagrant"


def _body(origin: str, size: int, root: bytes) -> bytes:
    return f"{origin}\n{size}\n{_b64(root)}\n".encode()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("not base64") from None
    if _b64(raw) != text:
        raise NoteRefused("not the one way to write base64")
    return raw
