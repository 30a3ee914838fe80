"""Addresses that outside programs expect at the root."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.access import access
from api.deps import HouseDep
from api.routes.jwks import jwks

router = APIRouter(tags=["auth"])


@router.get("/.well-known/jwks.json", **access("public"))
def root_jwks(house: HouseDep) -> dict[str, Any]:
    """The same key set as under /api/v1."""
    return jwks(house)
