"""Receipts of extracts and of readings, and deletion certificates, signed by the installation (Ed25519, a key of its own), and checking one with nothing but the receipt and the public key.

The signature is over the canonical JSON (RFC 8785) of the receipt without its member `signature`, so that one file holds everything.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core import sealing
from core.text import Text

ALGORITHM: Final = "Ed25519"
MAX_BYTES: Final = 4 * 1024 * 1024
_NAME: Final = "receipt.key"
_RECEIPT: Final = ""
_CONTEXTS: Final = {  # by the member `document`: a signature made for one kind is none of another
    _RECEIPT: b"datagrant receipt v2\n",
    "deletion-certificate": b"datagrant deletion certificate v1\n",
    "reading-receipt": b"datagrant receipt of reading in place v1\n",
}


def signing_key(keys_dir: Path) -> Ed25519PrivateKey:
    """The key of this installation, made on first use, readable by its owner only."""
    return Ed25519PrivateKey.from_private_bytes(sealing.master_key(keys_dir, _NAME))


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public half, 64 hex digits: what is published, and what a checker must know from elsewhere."""
    return key.public_key().public_bytes_raw().hex()


def signed(body: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The receipt with its signature."""
    stated = body | {"signed_with": {"algorithm": ALGORITHM, "public_key": public_hex(key)}}
    return stated | {"signature": key.sign(_context(stated) + rfc8785.dumps(stated)).hex()}


def _context(document: dict[str, Any]) -> bytes:
    """Raises ValueError for a kind that this key never signs."""
    if (kind := document.get("document", _RECEIPT)) not in _CONTEXTS:
        raise ValueError(f"no document of that kind is signed: {kind!r}")
    return _CONTEXTS[kind]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found; `flaws` empty means sound. `extract`: the extract, or of a deletion certificate the duty, of a reading its id. `is_pinned`: the key was known from elsewhere."""

    extract: str
    key: str
    is_pinned: bool
    flaws: tuple[Text, ...]


def check(text: bytes, *, key: str = "", file: Path | None = None) -> Checked:
    """Whether the receipt is what the holder of the key signed, and the file the one that it speaks of. Reads nothing else."""
    receipt = _parsed(text)
    if receipt is None:
        return Checked(
            "", key, bool(key), (Text("不是回执（应为 JSON 对象）。", "This is no receipt (a JSON object)."),)
        )
    stated = receipt.get("signed_with")
    told = str(stated.get("public_key", "")) if isinstance(stated, dict) else ""
    wanted = key.strip().lower() or told
    flaws = []
    if told != wanted:
        flaws.append(
            Text("回执所称的公钥不是您给出的公钥。", "The receipt names another key than the one you gave.")
        )
    if not _holds(receipt, wanted):
        flaws.append(
            Text(
                "签名不成立：回执被改动过，或不是该密钥所签。",
                "The signature does not hold: the receipt was altered, or signed with another key.",
            )
        )
    if file is not None and not flaws:
        with file.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        if found not in _digests(receipt):
            flaws.append(
                Text(
                    f"文件的 SHA-256 是 {found}，不是回执所载。",
                    f"The file's SHA-256 is {found}, not the one of the receipt.",
                )
            )
    about = receipt.get("extract") or receipt.get("reading") or receipt.get("duty", "")
    return Checked(str(about), wanted, bool(key), tuple(flaws))


def _digests(document: dict[str, Any]) -> list[Any]:
    """The files that the document speaks of."""
    if document.get("document", "reading-receipt") == "reading-receipt":
        return [document.get("sha256")]
    return [each.get("sha256") for each in document.get("files", []) if isinstance(each, dict)]


def _parsed(text: bytes) -> dict[str, Any] | None:
    if len(text) > MAX_BYTES:
        return None
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different; a second reader could take the other value."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _holds(receipt: dict[str, Any], key: str) -> bool:
    stated = {name: value for name, value in receipt.items() if name != "signature"}
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(str(receipt.get("signature"))), _context(stated) + rfc8785.dumps(stated))
    except (TypeError, ValueError, InvalidSignature):
        return False
    algorithm: str = receipt["signed_with"].get("algorithm")
    return algorithm == ALGORITHM
