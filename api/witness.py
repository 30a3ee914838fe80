"""What the edge does with the proofs of the record: sign it from time to time, and hand out the evidence."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from fastapi.responses import Response

from api.delivery import attachment
from api.house import House
from api.written import GuardedCopy
from auth import audit
from auth.actor import Actor
from auth.incidents import service as incidents
from auth.proof import export, service
from auth.proof.checkpoint import Place
from auth.proof.service import LogFault

_log = logging.getLogger("datagrant.audit")


def seal_record(house: House) -> None:
    """Sign the record as it stands. A record that contradicts what was signed is not signed: that is logged each time, and all
    use is frozen, for what it has lost since (a revocation, say) nobody can know. An officer lifts it once `audit/` is settled.
    """
    try:
        with house.read() as work:
            service.seal(work, Place.of(house.settings))
    except LogFault as fault:
        _log.critical("no checkpoint written: %s", fault.detail.en)
        with house.write() as work:
            incidents.freeze_all(work, fault.detail.zh + " " + fault.detail.en)


class Sealer:
    """Signs the record every `checkpoint_seconds`, and at once when `checkpoint_leaves` events are unsigned, whichever comes first."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._at, self._size = float("-inf"), 0

    def look(self, now: float) -> bool:
        """Sign when it is time; `now`: seconds of a clock that never goes back. Whether it was time."""
        settings = self._house.settings
        with self._house.read() as work:
            size = service.length(work)
        if now - self._at < settings.checkpoint_seconds and size - self._size < settings.checkpoint_leaves:
            return False
        self._at, self._size = now, size  # also after a fault, which is told again when it is next time
        seal_record(self._house)
        return True


def _pinned(house: House) -> Path | None:
    return Path(house.settings.tsa_certificate) if house.settings.tsa_certificate else None


def evidence(house: House, actor: Actor) -> Response:
    """The evidence pack as a download. That it was taken is itself an event, and in the pack."""
    with house.write() as work:
        audit.record(work, actor, "audit.exported", subject="audit")
    seal_record(house)
    house.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    path = house.settings.scratch_dir / f"evidence-{secrets.token_hex(8)}.zip"
    try:
        with house.read() as work:
            export.pack(work, Place.of(house.settings), path, _pinned(house))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return GuardedCopy(path, headers={"Content-Type": "application/zip"} | attachment("datagrant-audit.zip"))
