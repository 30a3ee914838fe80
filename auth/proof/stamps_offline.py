"""Checking the time stamps of a pack with nothing but its files and the certificates of the authority."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auth.proof import stamping
from auth.proof.stamping import StampExpired, StampRefused

if TYPE_CHECKING:
    from auth.proof.offline import Findings

TSA: Final = "tsa.pem"
CHECKPOINTS: Final = "checkpoints"


def check_stamps(folder: Path, known: Path | None, found: Findings, now: datetime | None = None) -> None:
    """Each stamp must be on its checkpoint, by the authority whose certificate is `known`, or else lies in the pack."""
    paths = sorted((folder / CHECKPOINTS).rglob("*.tsr"))
    if not paths:
        return
    if now is None:
        from core.work import system_clock

        now = system_clock()
    given = known or folder / TSA
    try:
        pinned = stamping.certificates(given.read_bytes())
    except (OSError, StampRefused) as fault:
        found.flaw(
            str(given.name),
            f"时间戳机构的证书无法读取：{fault}",
            f"the certificates of the time-stamp authority cannot be read: {fault}",
        )
        return
    found.certificate = stamping.fingerprint(pinned[0])
    for path in paths:
        try:
            said = stamping.held(path.read_bytes(), path.with_suffix(".txt").read_bytes(), pinned, now=now)
        except StampExpired:
            found.stamps_ended += 1
        except (OSError, StampRefused) as fault:
            found.flaw(
                str(path.relative_to(folder)),
                f"时间戳不成立：{fault}",
                f"the time stamp does not hold: {fault}",
            )
        else:
            found.stamps += 1
            found.authority, found.stamped_at = said.authority, max(found.stamped_at, said.at.isoformat())
