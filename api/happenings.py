"""What happened to an application or a grant, as the timeline component shows it to this reader."""

from __future__ import annotations

from typing import Any, Final

from api.lookups import org_names, person_names
from auth import audit_reading
from auth.actor import SYSTEM, Actor
from core.text import Text
from core.work import Work


def timeline(
    work: Work, actor: Actor, events: list[audit_reading.Happening], here: str = ""
) -> list[dict[str, Any]]:
    """A history as the timeline component shows it; `here`: the object whose page this is, which needs no link."""
    orgs, people = org_names(work), person_names(work, {event.who for event in events})
    return [
        {
            "at": event.at,
            "who": people.get(event.who, event.who)
            if "for" not in event.facts
            else _for(people.get(event.who, Text(event.who, event.who)), str(event.facts["for"])),
            "what": event.name,
            "org": orgs.get(event.org_id or ""),
            "note": Text.of_note(event.note) if event.who == SYSTEM.username else event.note,
            "tone": tone_of(event.kind),
            "href": href_of(event, actor) if event.subject != here else "",
        }
        for event in events
    ]


def _for(who: Text, principal: str) -> Text:
    return Text(f"{who.zh}（代 {principal}）", f"{who.en} (for {principal})")


def tone_of(kind: str) -> str:
    word = kind.partition(".")[2]
    if word in ("activated", "agreed", "offered", "ready", "downloaded", "resumed"):
        return "good"
    if word in ("refused", "rejected", "revoked", "failed"):
        return "bad"
    return "warn" if word in ("returned", "suspended", "expired", "lapsed", "voided") else ""


# Where objects of events are, and who may go there. An extract that was refused never came to be: its event is the grant's.
_ROOMS: Final = {
    "extract.refused": ("/grants/", "auth:grant:read"),
    "extract": ("/extracts/", "datasets:extract:read"),
    "grant": ("/grants/", "auth:grant:read"),
}


def href_of(event: audit_reading.Happening, actor: Actor) -> str:
    """Where the event's object is, for those who may go there."""
    room, need = _ROOMS.get(event.kind) or _ROOMS.get(event.kind.partition(".")[0]) or ("", "")
    return f"{room}{event.subject}" if room and actor.may(need) else ""
