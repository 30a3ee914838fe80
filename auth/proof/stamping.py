"""Time stamps of checkpoints by somebody else (RFC 3161): asking for one, reading it, and holding it against the certificates that are known.

A checkpoint says what the record was, signed by the service itself; a stamp by an authority that the service has no hold over says
that it was so at the latest then. The only place that knows the library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MOST_BYTES: Final = 64 * 1024
MEDIA_ASKED: Final = "application/timestamp-query"
MEDIA_TOLD: Final = "application/timestamp-reply"


class StampRefused(Exception):
    """A stamp that does not hold, and why, in English."""


class StampExpired(StampRefused):
    """A stamp that says what it should, whose authority's certificate has ended since: its signature is to be checked as of its own time."""

    def __init__(self, stamp: Stamp) -> None:
        super().__init__(
            f"the authority's certificate has ended since; check it as of {stamp.at.isoformat()}"
        )
        self.stamp = stamp


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stamp says, once it was held against the certificates. `authority`: the name in the certificate that signed it."""

    at: datetime
    authority: str
    policy: str
    serial: str


@dataclass(frozen=True, slots=True)
class Query:
    """A request for a stamp on some bytes: what is sent, and the number that the answer must repeat, where the library drew one."""

    body: bytes
    nonce: int | None


def query(message: bytes) -> Query:
    """Ask for a stamp on the SHA-256 of these bytes; nothing else of them leaves."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    made = (
        TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=False)  # the certificate is pinned; what others send along is not read
        .build()
    )
    return Query(made.as_bytes(), made.nonce)


def certificates(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file: the authority's own first, then whoever issued it, up to the root. Raises StampRefused."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as fault:
        raise StampRefused(f"no certificates in PEM: {fault}") from fault
    return found


def held(
    answer: bytes, message: bytes, known: Sequence[x509.Certificate], nonce: int | None = None, *, now: datetime | None = None
) -> Stamp:  # fmt: skip
    """What the stamp says, if it was made on these bytes by the authority whose certificate comes first in `known`. Raises StampRefused.

    The library judges certificates as of this moment: where `now` says that one has ended since, StampExpired is raised, and
    its signature is to be checked by other means.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    if len(answer) > MOST_BYTES:
        raise StampRefused("longer than any stamp")
    try:
        read = decode_timestamp_response(answer)
    except ValueError as fault:
        raise StampRefused(f"it cannot be read: {fault}") from fault
    own, above = known[0], list(known[1:])
    builder = VerifierBuilder(
        tsa_certificate=own, intermediates=above[:-1], roots=[above[-1] if above else own], nonce=nonce
    )
    try:
        builder.build().verify_message(read, message)
    except (VerificationError, ValueError) as fault:
        if (
            now is not None
            and read.tst_info.message_imprint.message == hashlib.sha256(message).digest()
            and _has_ended(known, now)
        ):
            raise StampExpired(_said(read, own)) from fault
        raise StampRefused((str(fault) or "it does not hold").split(": ErrorStack")[0][:200]) from fault
    return _said(read, own)


def _has_ended(known: Sequence[x509.Certificate], now: datetime) -> bool:
    return any(each.not_valid_after_utc < now for each in known)


def _said(read: TimeStampResponse, own: x509.Certificate) -> Stamp:
    told = read.tst_info
    names = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    authority = str(names[0].value) if names else own.subject.rfc4514_string()
    if not own.not_valid_before_utc <= told.gen_time <= own.not_valid_after_utc:
        raise StampRefused("it was made outside the time in which the authority's certificate counts")
    policy = told.policy.dotted_string if told.policy else ""
    return Stamp(told.gen_time, authority, policy, f"{told.serial_number:x}")


def fingerprint(own: x509.Certificate) -> str:
    """The certificate's SHA-256, by which it is compared with the one that is known."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(own.public_bytes(Encoding.DER)).hexdigest()
