"""Which checkpoints bear a time stamp of an outside authority, and whether it is time for the next."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from sqlmodel import SQLModel

from auth.proof import stamping
from auth.proof.checkpoint import Place
from auth.proof.note import Checkpoint
from auth.proof.stamping import StampExpired, StampRefused
from core.errors import NotFound, Unavailable
from core.settings import Settings
from core.text import Text


class StampRead(SQLModel):
    """A stamp and the checkpoint that bears it. `response`: the authority's answer (RFC 3161, DER) in base64; `certificate`: the SHA-256 of the
    certificate that it was held against."""

    size: int
    at: datetime
    authority: str
    policy: str
    serial: str
    certificate: str
    checkpoint: str
    response: str


def known(settings: Settings) -> list[x509.Certificate]:
    """The authority's certificate and its issuers, as the administrator pinned them. Raises Unavailable while none is set, or none can be read."""
    if not settings.tsa_certificate:
        raise Unavailable(
            Text(
                "未配置时间戳机构的证书；请设置 DATAGRANT_TSA_CERTIFICATE。",
                "No certificate of a time-stamp authority is set; set DATAGRANT_TSA_CERTIFICATE.",
            )
        )
    try:
        return stamping.certificates(Path(settings.tsa_certificate).read_bytes())
    except (OSError, StampRefused) as fault:
        raise Unavailable(
            Text(
                f"时间戳机构的证书无法读取（{fault}）；请检查 DATAGRANT_TSA_CERTIFICATE。",
                f"The certificate of the time-stamp authority cannot be read ({fault}); look at DATAGRANT_TSA_CERTIFICATE.",
            )
        ) from fault


def newest(place: Place, settings: Settings, now: datetime) -> StampRead:
    """The stamp of the greatest checkpoint that has one. NotFound while none has; Unavailable where it does not hold against the pinned certificate."""
    if (found := place.newest_stamp()) is None:
        raise NotFound(Text("还没有加盖时间戳的检查点。", "No checkpoint bears a time stamp yet."))
    size, path = found
    signed = place.of_size(size)
    pinned = known(settings)
    answer = path.read_bytes()
    try:
        said = stamping.held(answer, signed.note.encode(), pinned, now=now)
    except StampExpired as late:
        said = late.stamp
    except StampRefused as fault:
        raise refused(fault) from fault
    return read(signed, said, pinned[0], answer)


def read(signed: Checkpoint, said: stamping.Stamp, own: x509.Certificate, answer: bytes) -> StampRead:
    return StampRead(
        size=signed.size, at=said.at, authority=said.authority, policy=said.policy, serial=said.serial,
        certificate=stamping.fingerprint(own), checkpoint=signed.note, response=base64.b64encode(answer).decode(),
    )  # fmt: skip


def refused(fault: Exception) -> Unavailable:
    """What somebody hears of a stamp that does not hold."""
    return Unavailable(Text(f"时间戳不成立（{fault}）。", f"The time stamp does not hold ({fault})."))


def is_due(place: Place, settings: Settings, now: datetime) -> bool:
    """Whether the worker is to ask for one: an authority is set, the record has grown, and the last is as old as the settings say."""
    if not settings.tsa_url or (last := place.newest()) is None:
        return False
    found = place.newest_stamp()
    if found is None:
        return True
    size, path = found
    age = now.timestamp() - path.stat().st_mtime
    return last.size > size and age >= timedelta(hours=settings.tsa_hours).total_seconds()
