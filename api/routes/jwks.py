"""The public halves of the signing keys, and turning the ring."""

from __future__ import annotations

from typing import Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, WorkDep
from api.late import APIRouter
from auth import audit
from auth.identity import keyring

router = APIRouter(prefix="/api/v1", tags=["auth"])


@router.get("/.well-known/jwks.json", **access("public"))
def jwks(house: HouseDep) -> dict[str, Any]:
    """Keys that check our access tokens; the next key is among them a day before it signs."""
    return keyring.ring(house.settings.keys_dir, house.clock()).jwks()


@router.post("/keys/turn", **access("auth:key:admin"))
def turn(work: WorkDep, actor: ActorDep, house: HouseDep, at_once: bool = Query(False)) -> dict[str, Any]:
    """next → current → previous. `at_once`: after a leak, even if clients do not know the next key yet."""
    turned = keyring.turn(house.settings.keys_dir, work.now, at_once=at_once)
    audit.record(work, actor, "key.turned", subject=turned.current.kid, payload={"at_once": at_once})
    return turned.jwks()
