"""From a request to an actor. The only place at the edge that reads credentials."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.house import House
from auth.actor import ANYONE, Actor

SESSION_COOKIE = "dg_session"


@dataclass(frozen=True, slots=True)
class Identified:
    """The actor, and the token that its forms must carry when it came by cookie."""

    actor: Actor
    csrf: str | None = None


def identify(house: House, request: Request) -> Identified:
    """Bearer access token or API key first, then the session cookie; a visitor when there is neither."""
    return Identified(ANYONE)
