"""Addresses that outside programs expect at the root."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from api.access import access
from api.deps import HouseDep
from api.late import APIRouter
from api.routes.jwks import jwks
from api.routes.releases import release_key

router = APIRouter(tags=["auth"])


@router.get("/.well-known/jwks.json", **access("public"))
def root_jwks(house: HouseDep) -> dict[str, Any]:
    """The same key set as under /api/v1."""
    return jwks(house)


@router.get("/.well-known/datagrant-release-key", **access("public"), response_class=Response)
def root_release_key(house: HouseDep) -> Response:
    """The key that checks manifests, the same as at /api/v1/releases/key."""
    return release_key(house)
