"""Reading the whole record again: on demand, and every day by the worker, which tells those who watch when it is not what was signed."""

from __future__ import annotations

from typing import Any, Final

from sqlmodel import col, select

from auth import audit
from auth.actor import PLATFORM, SYSTEM
from auth.audit import AuditEventRow
from auth.messages import audience
from auth.messages.service import tell
from auth.proof import openings, service, traces
from auth.proof.checkpoint import Place
from auth.proof.looks import LOOKED, LookRead, mark_of, newest
from auth.roles import Role
from core.text import number_of
from core.work import Work

__all__ = ["LOOKED", "LookRead", "newest", "note", "verified"]
WATCHERS: Final = (Role.AUDITOR, Role.SECURITY_OFFICER)
_TOLD: Final = 20  # sentences that one event keeps


def verified(work: Work, place: Place) -> dict[str, Any]:
    """Number of events, the first fault, and the head of the chain: the hash to compare with a copy kept elsewhere."""
    count, fault = audit.verify(work)
    odd = service.checkpoints_at_odds(work, place)
    beside, places = openings.compared(work)
    newest = work.db.exec(select(AuditEventRow.hash).order_by(col(AuditEventRow.seq).desc())).first()
    return {
        "events": count,
        "holds": fault is None and not odd and not beside,
        "fault": {"seq": fault.seq, "what": fault.what} if fault else None,
        "checkpoints_at_odds": odd,
        "openings_at_odds": [{"zh": each.what.zh, "en": each.what.en} for each in beside],
        "places_at_odds": places,
        "head": newest or audit.GENESIS,
        "checked_at": work.now,
    }


def note(work: Work, found: dict[str, Any]) -> LookRead:
    """Put a look on record. Whoever watches is told of what does not hold, once for each finding, however often it is found."""
    told = _sentences(found)
    said = {
        "events": found["events"], "holds": found["holds"], "faults": int(found["fault"] is not None),
        "checkpoints_at_odds": len(found["checkpoints_at_odds"]), "openings_at_odds": len(found["openings_at_odds"]),
    }  # fmt: skip
    made: dict[str, Any] = {} if found["holds"] else _made_of(work, found, told)
    audit.record(
        work, SYSTEM, LOOKED, subject="audit", payload=said | {"told": told[:_TOLD], "mark": "", **made}
    )
    mark = made.get("mark", "")
    if not found["holds"]:
        facts = {name: str(said[name]) for name in ("faults", "checkpoints_at_odds", "openings_at_odds")}
        tell(
            work, audience.holders(work, WATCHERS, [PLATFORM]), "audit.at_odds", subject="audit",
            href="/audit?verify=yes", once=mark, facts=facts,
        )  # fmt: skip
    return LookRead(at=work.now, told=told[:_TOLD], **said, **made)


def _made_of(work: Work, found: dict[str, Any], told: list[dict[str, str]]) -> dict[str, Any]:
    """The finding's mark with what it is made of. It is the newest look's where that found the same: the same sentences and values, all
    that it read unchanged since, and whatever was added to it whole."""
    before = newest(work)
    now = traces.of(work, found["places_at_odds"], before.size if before else 0)
    same = (
        before is not None
        and before.mark != ""
        and (before.told, before.values, before.root) == (told[:_TOLD], now.values, now.root_before)
        and now.whole_since
    )
    mark = before.mark if before and same else mark_of(told, now.values, now.root)
    return {"mark": mark, "size": now.size, "root": now.root, "values": now.values}


def _sentences(found: dict[str, Any]) -> list[dict[str, str]]:
    fault = found["fault"]
    broken = (
        [
            {
                "zh": f"审计链在第 {fault['seq']} 条处断裂。",
                "en": f"The chain does not hold at event {fault['seq']}.",
            }
        ]
        if fault
        else []
    )
    sizes = found["checkpoints_at_odds"]
    odd = (
        [
            {
                "zh": f"有 {len(sizes)} 个检查点与记录不符，最早的签署了前 {min(sizes)} 条。",
                "en": f"{number_of(len(sizes), 'checkpoints')} signed another record than stands there; the earliest signed its first {number_of(min(sizes), 'events')}.",
            }
        ]
        if sizes
        else []
    )
    return [*broken, *odd, *found["openings_at_odds"]]
