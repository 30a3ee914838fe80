"""The signature on a manifest: Ed25519 over the canonical document without its `signature` member.

A key of its own, made at first use, apart from the keys of tokens and of the record: who can sign one cannot sign the other.
Its public half is written as C2SP writes verifier keys (`name+id+key`), like the record's.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from urllib.parse import urlsplit

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth.proof.checkpoint import Place
from auth.proof.note import NoteRefused, Signer, Verifier, origin_of
from core.settings import Settings

_CONTEXT: Final = b"datagrant release manifest\n"  # what is signed is no other kind of document


class SignatureRefused(ValueError):
    """The document is not what some key signed, or another key signed it. The message says which."""


def signer(settings: Settings) -> Signer:
    """The installation's release key. Its name stays even when the installation's address changes."""
    host = urlsplit(settings.public_url).netloc or "datagrant"
    folder = settings.keys_dir / "releases"
    return Place(folder, folder, origin_of(f"{host}/releases")).signer()


def signed(body: dict[str, Any], by: Signer) -> bytes:
    """The document with its signature, canonical (RFC 8785). The same body and key give the same bytes."""
    value = base64.b64encode(by.private.sign(_message(body))).decode()
    signature = {"algorithm": "Ed25519", "key": by.verifier.text(), "value": value}
    return rfc8785.dumps(body | {"signature": signature})


def demand_signature(document: dict[str, Any], key: str = "") -> Verifier:
    """The key that signed this document; `key`: the one that it must be. Raises SignatureRefused."""
    signature = document.get("signature")
    if not isinstance(signature, dict) or signature.get("algorithm") != "Ed25519":
        raise SignatureRefused("no Ed25519 signature")
    try:
        verifier = Verifier.parse(str(signature.get("key")))
        known = Verifier.parse(key.strip()) if key else verifier
        value = base64.b64decode(str(signature.get("value")), validate=True)
    except (NoteRefused, binascii.Error, ValueError) as fault:
        raise SignatureRefused(f"cannot be read: {fault}") from None
    if known != verifier:
        raise SignatureRefused(f"signed by another key ({verifier.key_id.hex()}, not {known.key_id.hex()})")
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(value, _message(document))
    except InvalidSignature:
        raise SignatureRefused("does not match the document") from None
    return verifier


def _message(document: dict[str, Any]) -> bytes:
    body = {name: value for name, value in document.items() if name != "signature"}
    return _CONTEXT + rfc8785.dumps(body)
