"""Who did something, as it was at that moment: two-person rules look at this, never at today's roles."""

from __future__ import annotations

from typing import Any

from auth.actor import Actor
from core.text import Text


def stamp(actor: Actor) -> dict[str, Any]:
    """The actor as stored JSON."""
    return {
        "account_id": actor.account_id,
        "person_id": actor.person_id,
        "username": actor.username,
        "name": {"zh": actor.name.zh, "en": actor.name.en},
        "org_id": actor.org_id,
    }


def acting_for(who: dict[str, Any]) -> Actor:
    """The actor of a stored stamp, for the part of his deed that the worker carries out. Holds no roles."""
    name = Text(who["name"]["zh"], who["name"]["en"])
    return Actor(who["account_id"], who["person_id"], who["username"], name, who["org_id"], via="system")
