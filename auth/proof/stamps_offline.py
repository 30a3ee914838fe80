"""Checking the time stamps of a pack with nothing but its files and the certificates of the authority."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auth.proof import stamping
from auth.proof.stamping import StampExpired, StampRefused

if TYPE_CHECKING:
    from auth.proof.offline import Findings

TSA: Final = "tsa.pem"
CHECKPOINTS: Final = "checkpoints"
STAMPED: Final = "audit.stamped"


def named_by(events: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The stamps of which the record tells: SHA-256 by the path in a pack. Raises ValueError, KeyError, TypeError for an event that is none of ours."""
    said = (json.loads(str(event["payload"])) for event in events if event["kind"] == STAMPED)
    return {f"{CHECKPOINTS}/{each['size']:012d}.tsr": str(each["sha256"]) for each in said}


def check_stamps(
    folder: Path,
    known: Path | None,
    found: Findings,
    now: datetime | None = None,
    named: Mapping[str, str] | None = None,
) -> None:
    """Each stamp must be on its checkpoint, by the authority whose certificate is `known`, or else lies in the pack; each that the
    record tells of (`named`) must be there, and be that very one."""
    named = named or {}
    for name in sorted(named):
        if not (folder / name).is_file():
            found.flaw(
                name,
                "记录载明该检查点已加盖时间戳，包中却没有",
                "the record tells of this time stamp, and the pack lacks it",
            )
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
        where = path.relative_to(folder).as_posix()
        if named.get(where, made := hashlib.sha256(path.read_bytes()).hexdigest()) != made:
            found.flaw(
                where, "不是记录所载的那个时间戳", "this is not the time stamp that the record tells of"
            )
            continue
        try:
            said = stamping.held(path.read_bytes(), path.with_suffix(".txt").read_bytes(), pinned, now=now)
        except StampExpired:
            found.stamps_ended += 1
        except (OSError, StampRefused) as fault:
            found.flaw(
                where,
                f"时间戳不成立：{fault}",
                f"the time stamp does not hold: {fault}",
            )
        else:
            found.stamps += 1
            found.authority, found.stamped_at = said.authority, max(found.stamped_at, said.at.isoformat())
