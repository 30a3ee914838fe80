"""The ring of signing keys: next, current, previous. One file, replaced as a whole, readable by its owner alone.

Why one file: three renames are not one step; a crash between them would leave a ring that signs with an unpublished key.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.errors import Conflict
from core.text import Text

FILE: Final = "tokens.json"
PUBLISHED_BEFORE_USE: Final = timedelta(hours=24)
KEPT_AFTER_USE: Final = timedelta(hours=24)  # longer than any token lives


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638 (RFC 8037 for OKP): SHA-256 of the required members in order, of a key on a curve."""
    needed = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("crv", "kty", "x")
    body = json.dumps({name: jwk[name] for name in needed}, separators=(",", ":"))
    return _b64(hashlib.sha256(body.encode()).digest())


@dataclass(frozen=True, slots=True)
class Key:
    """One Ed25519 key of the ring. `retired_at` is set when it stops signing."""

    kid: str
    private: Ed25519PrivateKey
    made_at: datetime
    retired_at: datetime | None = None

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        x = _b64(self.public.public_bytes(Encoding.Raw, PublicFormat.Raw))
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "use": "sig", "alg": "EdDSA"}

    def as_json(self) -> dict[str, Any]:
        return {
            "kid": self.kid, "d": _b64(self.private.private_bytes_raw()), "made_at": self.made_at.isoformat(),
            "retired_at": self.retired_at.isoformat() if self.retired_at else None,
        }  # fmt: skip


def new_key(now: datetime) -> Key:
    private = Ed25519PrivateKey.generate()
    x = _b64(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    return Key(thumbprint({"kty": "OKP", "crv": "Ed25519", "x": x}), private, now)


def _key(body: Mapping[str, Any]) -> Key:
    retired = body["retired_at"]
    return Key(
        body["kid"], Ed25519PrivateKey.from_private_bytes(_unb64(body["d"])),
        datetime.fromisoformat(body["made_at"]), datetime.fromisoformat(retired) if retired else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys as of now. `secret` derives the successor of a refresh token, so that a retry gets the same answer."""

    next: Key
    current: Key
    previous: Key | None
    secret: bytes

    def keys(self) -> tuple[Key, ...]:
        return tuple(key for key in (self.next, self.current, self.previous) if key is not None)

    def verifiers(self, now: datetime) -> dict[str, tuple[Ed25519PublicKey, str]]:
        """kid → (key, algorithm) of all that may have signed a token that still lives."""
        return {
            key.kid: (key.public, "EdDSA")
            for key in self.keys()
            if key.retired_at is None or now < key.retired_at + KEPT_AFTER_USE
        }

    def jwks(self) -> dict[str, Any]:
        """The public half, to be read by anybody who checks our signatures."""
        return {"keys": [key.jwk() for key in self.keys()]}


_known: dict[Path, tuple[int, Ring]] = {}
_known_lock = threading.Lock()


def ring(keys_dir: Path, now: datetime) -> Ring:
    """The installation's ring; made at first use, read again when another process has turned it."""
    path = keys_dir / FILE
    with _known_lock:
        try:
            version = path.stat().st_mtime_ns
        except FileNotFoundError:
            with _alone(keys_dir):
                if not path.exists():
                    _write(path, Ring(new_key(now), new_key(now), None, secrets.token_bytes(32)))
            version = path.stat().st_mtime_ns
        known = _known.get(path)
        if known is None or known[0] != version:
            known = _known[path] = (version, _read(path))
        return known[1]


def turn(keys_dir: Path, now: datetime, *, at_once: bool = False) -> Ring:
    """next → current → previous. Raises Conflict while `next` has been published for less than a day, unless `at_once`."""
    ring(keys_dir, now)
    path = keys_dir / FILE
    with _alone(keys_dir):
        old = _read(path)
        if not at_once and now < old.next.made_at + PUBLISHED_BEFORE_USE:
            raise Conflict(
                Text(
                    "下一把密钥公布不足 24 小时，客户端可能尚未取得；请稍后再轮换。",
                    "The next key has been public for less than 24 hours and clients may not know it; turn the ring later.",
                )
            )
        retired = Key(old.current.kid, old.current.private, old.current.made_at, now)
        turned = Ring(new_key(now), old.next, retired, old.secret)
        _write(path, turned)
    return turned


def _read(path: Path) -> Ring:
    body = json.loads(path.read_text())
    previous = _key(body["previous"]) if body["previous"] else None
    return Ring(_key(body["next"]), _key(body["current"]), previous, _unb64(body["secret"]))


def _write(path: Path, made: Ring) -> None:
    """Whole or not at all, and never readable by others, not even while it is being written."""
    body = {
        "next": made.next.as_json(), "current": made.current.as_json(),
        "previous": made.previous.as_json() if made.previous else None, "secret": _b64(made.secret),
    }  # fmt: skip
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(body, out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


@contextmanager
def _alone(keys_dir: Path) -> Iterator[None]:
    """One writer at a time, also among processes."""
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(keys_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
